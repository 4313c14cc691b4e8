"""The list that everybody is sent to."""

from collections.abc import Iterator

FIRST_PHONE = 79030000001


def phones(count: int) -> Iterator[tuple[str, str]]:
    """Yield phone and name of every recipient."""
    for number in range(count):
        yield str(FIRST_PHONE + number), f"Имя {number + 1}"
