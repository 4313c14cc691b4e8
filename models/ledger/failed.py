"""What failed in a campaign, and which of it may be posted again under the same keys.

Judged by the database: however many failed, nothing here holds more than their groups.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, null, or_, select
from sqlalchemy.orm import Session

from ..batch import Batch
from ..campaign import Campaign
from ..errors import LedgerError
from ..outcome import Outcome
from ..recipient import Recipient
from ..states import OPEN_BATCH, BatchStatus, ErrorClass, RecipientStatus
from .families import is_doubtful, keep_numbers_in_hand, relatives
from .scratch import IN_HAND, JUDGED, keep

RETRIABLE = frozenset({RecipientStatus.UNKNOWN, RecipientStatus.REJECTED})
_REACHES = ("fence", "flying", "old")
MOST_GROUPS = 100
"""Groups that are shown, the largest first: undocumented texts can be as many as recipients."""

Explain = Callable[[str], str | None]
"""Says why no repeat can mend a refusal with this text of the provider, None where one may."""


class LeftOut(StrEnum):
    """Why somebody chosen is not posted again. Other reasons are those that `Explain` gives."""

    COLLISION = "collision"  # somebody else's message has the id: a repeat would send nothing
    RESENT = "resent"  # another campaign has, or may have, a message for the number
    IN_FLIGHT = "in_flight"  # in doubt, and perhaps in a document that does not know of the doubt
    FORGOTTEN = "forgotten"  # in doubt for so long that the provider may send the same key twice


@dataclass(frozen=True, slots=True)
class Choice:
    """Whom to retry: everybody who is of one of the statuses and fits whatever else is given.

    `provider_text` is compared word for word. `forced`: also those whom it cannot help, and those whose doubt is so old
    that they may get the message twice.
    """

    statuses: frozenset[RecipientStatus] = RETRIABLE
    error_classes: frozenset[ErrorClass] | None = None
    provider_text: str | None = None
    batch_id: int | None = None
    forced: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Recipients that ended alike. `text` is the provider's, or our reason where it gave none."""

    status: RecipientStatus
    error_class: ErrorClass | None
    text: str | None
    count: int


@dataclass(frozen=True, slots=True)
class Failed:
    """What a choice comes to. `groups` are the largest; `left_out` counts by `LeftOut` or by explanation."""

    chosen_count: int
    doubtful_count: int
    counts: dict[RecipientStatus, int]
    groups: tuple[Group, ...]
    left_out: dict[str, int]


def judge(session: Session, campaign: Campaign, choice: Choice, *, explain: Explain, doubts_before: datetime) -> Failed:
    """Fill `JUDGED` with whom the choice names, and count them: who is chosen, in groups, and who is left out.

    `doubts_before`: a doubt that began before is too old.

    Raises:
        LedgerError: the campaign has no such batch.
    """
    reasons: list[tuple[ColumnElement[bool], str]] = [(Outcome.error_class == ErrorClass.COLLISION, LeftOut.COLLISION)]
    others = relatives(session, campaign.id)
    if others:
        keep_numbers_in_hand(session, others, others)
        reasons.append((IN_HAND.c.msisdn.is_not(None), LeftOut.RESENT))
    if not choice.forced:
        reasons += hopeless(session, campaign.id, explain)
    named = (
        select(
            Outcome.position,
            literal(1).label("asked"),
            *[literal(0).label(kind) for kind in _REACHES],
            Outcome.status,
            Outcome.error_class,
            func.coalesce(Outcome.provider_text, Outcome.reason).label("text"),
            Outcome.attempt_number,
            case((is_doubtful(), 1), else_=0).label("doubtful"),
            case((Outcome.updated_at < doubts_before, 1), else_=0).label("stale"),
            case(*[(when, literal(str(reason))) for when, reason in reasons], else_=null()).label("why"),
        )
        .where(Outcome.campaign_id == campaign.id, *_filters(session, campaign, choice))
        .select_from(Outcome)
    )
    if others:
        same = and_(Recipient.campaign_id == Outcome.campaign_id, Recipient.position == Outcome.position)
        named = named.join(Recipient, same).outerjoin(IN_HAND, IN_HAND.c.msisdn == Recipient.msisdn)
    keep(session, JUDGED, _swept(campaign, named, choice, doubts_before))
    return _count(session)


def _count(session: Session) -> Failed:
    left_out = select(JUDGED.c.why, func.count()).where(JUDGED.c.why.is_not(None)).group_by(JUDGED.c.why)
    by_status = select(JUDGED.c.status, func.count(), func.sum(JUDGED.c.doubtful)).where(JUDGED.c.why.is_(None))
    counted = session.execute(by_status.group_by(JUDGED.c.status)).all()
    alike = (JUDGED.c.status, JUDGED.c.error_class, JUDGED.c.text)
    groups = (
        select(*alike, func.count().label("number"))
        .where(JUDGED.c.why.is_(None))
        .group_by(*alike)
        .order_by(func.count().desc(), JUDGED.c.text)
        .limit(MOST_GROUPS)
    )
    return Failed(
        chosen_count=sum(number for _, number, _ in counted),
        doubtful_count=sum(int(doubtful) for _, _, doubtful in counted),
        counts={RecipientStatus(status): number for status, number, _ in counted},
        groups=tuple(
            Group(RecipientStatus(status), ErrorClass(error_class) if error_class else None, said, number)
            for status, error_class, said, number in session.execute(groups).all()
        ),
        left_out=dict(session.execute(left_out).all()),
    )


def _filters(session: Session, campaign: Campaign, choice: Choice) -> list[ColumnElement[bool]]:
    filters: list[ColumnElement[bool]] = [Outcome.status.in_(choice.statuses & RETRIABLE)]
    if choice.error_classes is not None:
        filters.append(Outcome.error_class.in_(choice.error_classes))
    if choice.provider_text is not None:
        filters.append(Outcome.provider_text == choice.provider_text)
    if choice.batch_id is not None:
        batch = session.execute(
            select(Batch.first_position, Batch.last_position).where(
                Batch.id == choice.batch_id, Batch.campaign_id == campaign.id
            )
        ).one_or_none()
        if batch is None:
            raise LedgerError(
                f"campaign {campaign.id} has no batch {choice.batch_id}: the log of the workers names them"
            )
        filters.append(Outcome.position.between(batch.first_position, batch.last_position))
    return filters


def _swept(
    campaign: Campaign, named: Select[*tuple[Any, ...]], choice: Choice, doubts_before: datetime
) -> Select[*tuple[Any, ...]]:
    """Walk once over positions and batches in order; say how far the batches reach that began up to each position.

    A position is inside one of a kind of batches exactly if they reach it. One sort, where asking for each position
    which batch it is in would cost the product of both.
    """
    is_open = Batch.status.in_(OPEN_BATCH)
    flying = and_(Batch.status == BatchStatus.RUNNING, Batch.doubt_since.is_(None))
    old = Batch.doubt_since < doubts_before
    ranges = select(
        Batch.first_position,
        literal(0),
        *[case((which, Batch.last_position), else_=0) for which in (is_open, flying, old)],
        *[null()] * 3,
        literal(0),
        literal(0),
        literal(0),
        null(),
    ).where(Batch.campaign_id == campaign.id, or_(is_open, old))
    marks = named.union_all(ranges).subquery("marks")
    # A batch that begins where a position is covers it: ranges come first.
    order = (marks.c.position, marks.c.asked)
    reached = select(
        *[column for column in marks.c if column.name not in _REACHES],
        *[func.max(marks.c[kind]).over(order_by=order, rows=(None, 0)).label(kind) for kind in _REACHES],
    ).subquery("reached")
    doubtful, position = reached.c.doubtful == 1, reached.c.position
    late = [(and_(doubtful, reached.c.flying >= position), LeftOut.IN_FLIGHT.value)]
    if not choice.forced:
        is_old = or_(reached.c.old >= position, reached.c.stale == 1)
        late.append((and_(doubtful, is_old), LeftOut.FORGOTTEN.value))
    why = func.coalesce(reached.c.why, case(*late, else_=null())).label("why")
    kept = [reached.c[column.name] for column in JUDGED.c if column.name != "why"]
    return select(*kept, why).where(reached.c.asked == 1)


def hopeless(session: Session, campaign_id: int, explain: Explain) -> list[tuple[ColumnElement[bool], str]]:
    """Sort the refusals that no repeat can mend by why. Texts of this class are known ones: they are few."""
    refusals = (Outcome.status == RecipientStatus.REJECTED, Outcome.error_class == ErrorClass.RECIPIENT)
    texts = select(Outcome.provider_text).where(
        Outcome.campaign_id == campaign_id, *refusals, Outcome.provider_text.is_not(None)
    )
    by_reason: dict[str, list[str]] = {}
    for text in session.execute(texts.distinct()).scalars():
        reason = explain(text or "")
        if reason is not None:
            by_reason.setdefault(reason, []).append(text or "")
    return [(and_(*refusals, Outcome.provider_text.in_(found)), reason) for reason, found in by_reason.items()]
