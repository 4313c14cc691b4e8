"""Recipients of a request as the rows of an import, and what is told of those that will not be sent to."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from models.ledger.enqueue import LONGEST_REF
from web.shapes import RecipientShape
from worker.intake.phones import PhoneReader
from worker.intake.row import Row

MOST_TOLD = 100
"""Refused rows that an answer names."""
_OWN_KEY = re.compile("[1-9][0-9]{0,14}")


class InlineRecipients:
    """Recipients from JSON; the line of each is its place, from 1."""

    def __init__(self, given: Sequence[RecipientShape], default_region: str) -> None:
        self._given = given
        self._phones = PhoneReader(default_region)
        names = dict.fromkeys(name for one in given for name in one.variables)
        self._names = tuple(names)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the values that anybody brings."""
        return self._names

    def __iter__(self) -> Iterator[Row]:
        """Yield a row for each."""
        for place, one in enumerate(self._given, 1):
            yield to_row(place, one, self._names, self._phones)


def to_row(line: int, one: RecipientShape, names: Sequence[str], phones: PhoneReader) -> Row:
    """Make a row of one recipient; what is wrong with it is its problem alone."""
    raw = str(one.phone)
    msisdn, problem = phones.read(raw)
    ref = None if one.ref is None else str(one.ref).strip() or None
    key = None if one.client_key is None else str(one.client_key)
    if ref is not None and len(ref) > LONGEST_REF:
        ref, problem = None, f"the reference is longer than {LONGEST_REF} characters"
    if key is not None and not _OWN_KEY.fullmatch(key):
        key, problem = None, "the client_key is not 1 to 15 digits without a leading zero"
    values = tuple(str(one.variables.get(name) or "").strip() for name in names)
    return Row(line, None if problem else msisdn, raw, ref, values, problem, key)


class ToldRefusals:
    """Keeps the first refused rows, without their numbers, and counts the others."""

    def __init__(self) -> None:
        self._rows: list[dict[str, Any]] = []

    def add(self, line: int, value: str, reason: str) -> None:
        """Take down one refused row."""
        if len(self._rows) < MOST_TOLD:
            self._rows.append({"line": line, "reason": reason})

    def told(self, refused: Counter[str] | None) -> dict[str, Any]:
        """Return what an answer says of them."""
        counted = refused or Counter[str]()
        rows = sorted(self._rows, key=lambda row: int(row["line"]))
        return {"count": counted.total(), "reasons": dict(counted.most_common(20)), "rows": rows}
