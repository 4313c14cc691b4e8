"""The append-only file that lets a restarted simulator know its keys."""

from collections.abc import Iterable, Iterator
from fcntl import LOCK_EX, LOCK_NB, flock
from itertools import groupby
from json import dumps, loads
from operator import itemgetter
from pathlib import Path
from typing import Any

from worker.simulator.content import Content

Charged = tuple[str, float, str, str, str, Content]


class JournalError(Exception):
    """Raised when a journal cannot be used; one line that names the file."""


class Journal:
    """One JSON object a line: what was charged together and says the same.

    A line reaches the operating system before the answer leaves, so a killed simulator has told nobody of a message
    that it then forgets. A last line without its end was never answered and is cut off. How often a message was asked
    for again is not kept.

    Raises: JournalError if the file cannot be written, is in use, or holds something else.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = path.open("a+b")
        except OSError as error:
            raise JournalError(f"{path}: cannot be written: {error.strerror}") from None
        try:
            flock(self._file, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise JournalError(f"{path}: another simulator is using it; give each its own file") from None

    def read(self) -> Iterator[Charged]:
        """Yield every charged message in the order of charging.

        Raises: JournalError naming the first line that is none of ours.
        """
        self._file.seek(0)
        end, previous = 0, None
        for number, line in enumerate(self._file, 1):
            if not line.endswith(b"\n"):
                self._file.truncate(end)
                return
            end += len(line)
            try:
                found = loads(line)
                previous = _read_content(found["content"], previous)
                yield from _read_messages(found, previous)
            except (ValueError, KeyError, TypeError, AttributeError):
                raise JournalError(f"{self._path}: line {number} is not a ledger line; name another file") from None

    def write(self, account: str, at: float, charged: Iterable[tuple[str, int | str, str, Content]]) -> None:
        """Append what was charged, as one write."""
        lines = []
        for content, group in groupby(charged, key=itemgetter(3)):
            messages = [[key, str(id_sms), phone] for key, id_sms, phone, _ in group]
            said = [content.kind, content.sender, content.text, content.parts, content.fields]
            lines.append(dumps({"account": account, "at": at, "content": said, "messages": messages}))
        self._file.write(("\n".join(lines) + "\n").encode())
        self._file.flush()

    def close(self) -> None:
        """Release the file."""
        self._file.close()


def _read_content(said: list[Any], previous: Content | None) -> Content:
    kind, sender, text, parts, fields = said
    content = Content(kind, sender, text, int(parts), tuple((name, value) for name, value in fields), None, ())
    return (
        previous if previous is not None and content == previous else content
    )  # shared, as it was when it was charged


def _read_messages(found: dict[str, Any], content: Content) -> Iterator[Charged]:
    for key, id_sms, phone in found["messages"]:
        int(id_sms)
        yield found["account"], float(found["at"]), key, id_sms, phone, content
