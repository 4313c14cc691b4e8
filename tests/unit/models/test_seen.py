"""Numbers that come twice are found, and no others."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from models.ledger.seen import SeenNumbers


@given(st.lists(st.lists(st.integers(10_000_000, 10_000_300).map(str) | st.just("99999999999999"))))
def test_a_number_is_repeated_if_it_came_more_than_once(pieces: list[list[str]]) -> None:
    seen = SeenNumbers()
    for piece in pieces:
        seen.add(piece)

    counts = Counter(number for piece in pieces for number in piece)
    assert sorted(seen.repeated()) == sorted(number for number, count in counts.items() if count > 1)
