"""Recipients of a request as the rows of an import, and what is told of those who will not be sent to."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy.orm import Session

from models.ledger.client_keys import ILLEGAL, is_legal
from models.ledger.enqueue import LONGEST_REF
from models.ledger.pages import results_page
from models.states import RecipientStatus
from web.problems import MOST_SHOWN, Flaw, Problem
from web.shapes import RecipientShape
from worker.intake.phones import PhoneReader
from worker.intake.row import Row

MOST_TOLD = 100
"""Refused rows that an answer names."""
MOST_REASONS = 20
_STRICT_MEND = "mend them, or leave strict out"
_UNUSABLE = "its own key cannot be used"
_SKIPPED = frozenset({RecipientStatus.SKIPPED})


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
    if key is not None and not is_legal(key):
        key, problem = None, ILLEGAL
    values = tuple(str(one.variables.get(name) or "").strip() for name in names)
    return Row(line, None if problem else msisdn, raw, ref, values, problem, key)


class Unheard:
    """Hears of refused rows and keeps none: the ledger has them."""

    def add(self, line: int, value: str, reason: str) -> None:
        """Forget it."""


def tell_refused(session: Session, campaign_id: int, skipped: int, reasons: Counter[str] | None) -> dict[str, Any]:
    """Return what an answer says of those who will not be sent to: how many, why, and the first of them by position."""
    counted = Counter(reasons or {})
    if unusable := skipped - counted.total():
        counted[_UNUSABLE] = unusable
    rows, _ = results_page(session, campaign_id, limit=MOST_TOLD, statuses=_SKIPPED) if skipped else ([], None)
    told = [{"position": row.position, "reason": row.reason} for row in rows]
    return {"count": skipped, "reasons": dict(counted.most_common(MOST_REASONS)), "rows": told}


def check_all_taken(session: Session, campaign_id: int, skipped: int, total: int) -> None:
    """Refuse a list with somebody who cannot be sent to.

    Raises:
        Problem: it is one; its flaws are the first of them.
    """
    if not skipped:
        return
    rows, _ = results_page(session, campaign_id, limit=MOST_SHOWN, statuses=_SKIPPED)
    first = f"the first is number {rows[0].position:,} ({rows[0].reason})"
    flaws = [Flaw(f"recipients.{row.position - 1}", str(row.reason), _STRICT_MEND) for row in rows]
    detail = f"{skipped:,} of {total:,} rows were refused, {first}, and strict creates nothing then: {_STRICT_MEND}"
    raise Problem(422, detail, *flaws)
