"""A list with a recipient as JSON in every line, the same object that a request has inline."""

import json
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from pydantic import ValidationError

from web.body import UNSTORABLE, read_json
from web.lists import to_row
from web.problems import Problem
from web.refusals import flaws_of
from web.shapes import RecipientShape
from worker.intake.errors import IntakeError
from worker.intake.phones import PhoneReader
from worker.intake.row import Row

LONGEST_LINE = 64 * 1024
MOST_COLUMNS = 200


class NdjsonList:
    """A list that is open; its columns are the variables that anybody in it has. A context manager.

    Read twice: first for the columns, then for the rows, a line in memory at a time.

    Raises:
        IntakeError: it is empty, has a line that is too long, or too many variables.
    """

    def __init__(self, path: str, default_region: str) -> None:
        self._file = open(path, "rb")  # noqa: PTH123, SIM115  (closed by __exit__)
        self._phones = PhoneReader(default_region)
        try:
            self.columns = self._read_columns()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[Row]:
        """Yield a row for every line that is not blank; a line that is no recipient is a row with its problem."""
        for number, line in self._lines():
            try:
                one = RecipientShape.model_validate(read_json(line.strip()))
            except Problem as error:
                problem = error.detail.replace("the body", "the line").replace(" at line 1 column", " at column")
                yield self._refused(number, problem)
            except ValidationError as error:
                # A request's paths begin with where the value stood.
                flaw = flaws_of([{**each, "loc": ("line", *each["loc"])} for each in error.errors()])[0]
                yield self._refused(number, f"{flaw.field or 'the line'} {flaw.problem}")
            else:
                yield to_row(number, one, self.columns, self._phones)

    def _refused(self, number: int, problem: str) -> Row:
        return Row(number, None, "", None, ("",) * len(self.columns), problem)

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        self._file.seek(0)
        number = 0
        while line := self._file.readline(LONGEST_LINE + 1):
            number += 1
            if len(line) > LONGEST_LINE:
                raise IntakeError(f"the upload line {number} is longer than {LONGEST_LINE:,} bytes: shorten it")
            if line.strip():
                yield number, line

    def _read_columns(self) -> tuple[str, ...]:
        names: dict[str, None] = {}
        empty = True
        for _, line in self._lines():
            empty = False
            if b'"variables"' not in line:
                continue
            try:
                found = json.loads(line)
            except (ValueError, RecursionError):
                continue
            variables = found.get("variables") if isinstance(found, dict) else None
            if isinstance(variables, dict):
                names.update(dict.fromkeys(name for name in variables if not UNSTORABLE.search(name)))
            if len(names) > MOST_COLUMNS:
                raise IntakeError(f"the upload has more than {MOST_COLUMNS} different variables: send fewer")
        if empty:
            raise IntakeError("the upload is empty: send one recipient per line")
        return tuple(names)
