"""The pieces of a list, of which the next is read while the server is at work on the last.

Without a thread: two that take turns at Python's interpreter make an import slower than none. The import's own thread
reads some rows whenever it has sent some, and the server works on what it was sent.
"""

from models.ledger.rows import NewRows
from worker.list_reader import Reader

_ROWS_AT_ONCE = 1_000


class Ahead:
    """Makes pieces of `row_count` rows, or a block more. Reads ahead only where that cannot wait for anybody."""

    def __init__(self, read: Reader, row_count: int) -> None:
        self._read = read
        self._row_count = row_count
        self._next = NewRows()
        self._failure: Exception | None = None

    def take(self) -> NewRows:
        """Return the next piece, empty at the list's end. Raises whatever reading the list does, ahead or now."""
        if self._failure is not None:
            raise self._failure
        piece = self._read.fill(self._next, self._row_count)
        self._next = NewRows()
        return piece

    def read_some(self) -> None:
        """Read some rows of the next piece. What goes wrong is raised later: the piece at hand is not to blame."""
        if self._failure is not None or not self._read.is_at_hand:
            return
        try:
            self._read.fill(self._next, min(len(self._next) + _ROWS_AT_ONCE, self._row_count))
        except Exception as failure:  # noqa: BLE001 - `take` raises it
            self._failure = failure
