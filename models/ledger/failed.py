"""What failed in a campaign, and which of it may be posted again under the same keys.

Judged by the database: however many failed, nothing here holds more than their groups.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Subquery, and_, case, func, literal, null, or_, select
from sqlalchemy.orm import Session

from ..batch import Batch
from ..campaign import Campaign
from ..errors import LedgerError
from ..outcome import Outcome
from ..recipient import Recipient
from ..states import OPEN_BATCH, BatchStatus, ErrorClass, RecipientStatus
from .families import is_doubtful, numbers_in_hand, relatives

RETRIABLE = frozenset({RecipientStatus.UNKNOWN, RecipientStatus.REJECTED})
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


def judge(
    session: Session, campaign: Campaign, choice: Choice, *, explain: Explain, doubts_before: datetime
) -> Subquery:
    """Select whom the choice names (`position`, `status`, ...), and `why` somebody is left out, NULL who is not.

    `doubts_before`: a doubt that began before is too old. `fence` is the last position of the open batches that begin
    at or before the position (0: none does).

    Raises:
        LedgerError: the campaign has no such batch.
    """
    named = [Outcome.campaign_id == campaign.id, *_filters(session, campaign, choice)]
    swept = _swept(campaign, named, doubts_before)
    doubtful = is_doubtful()
    reasons: list[tuple[ColumnElement[bool], str]] = [
        (Outcome.error_class == ErrorClass.COLLISION, LeftOut.COLLISION),
        (and_(doubtful, swept.c.flying >= Outcome.position), LeftOut.IN_FLIGHT),
    ]
    if not choice.forced:
        reasons += hopeless(session, campaign.id, explain)
        is_old = or_(swept.c.old >= Outcome.position, Outcome.updated_at < doubts_before)
        reasons.append((and_(doubtful, is_old), LeftOut.FORGOTTEN))
    judged = select(
        Outcome.position,
        Outcome.status,
        Outcome.error_class,
        func.coalesce(Outcome.provider_text, Outcome.reason).label("text"),
        Outcome.attempt_number,
        case((doubtful, 1), else_=0).label("doubtful"),
        swept.c.fence,
    ).join(swept, and_(Outcome.campaign_id == campaign.id, Outcome.position == swept.c.position))
    others = relatives(session, campaign.id)
    if others:
        in_hand = numbers_in_hand(others, others)
        same = and_(Recipient.campaign_id == campaign.id, Recipient.position == Outcome.position)
        judged = judged.join(Recipient, same).outerjoin(in_hand, in_hand.c.msisdn == Recipient.msisdn)
        reasons.insert(1, (in_hand.c.msisdn.is_not(None), LeftOut.RESENT))
    why = case(*[(when, literal(str(reason))) for when, reason in reasons], else_=null())
    return judged.add_columns(why.label("why")).subquery("judged")


def count_failed(session: Session, judged: Subquery) -> Failed:
    """Count what `judge` selected: who is chosen, in groups, and who is left out."""
    left_out = select(judged.c.why, func.count()).where(judged.c.why.is_not(None)).group_by(judged.c.why)
    chosen = select(judged.c.status, func.count(), func.sum(judged.c.doubtful)).where(judged.c.why.is_(None))
    by_status = session.execute(chosen.group_by(judged.c.status)).all()
    groups = (
        select(judged.c.status, judged.c.error_class, judged.c.text, func.count().label("number"))
        .where(judged.c.why.is_(None))
        .group_by(judged.c.status, judged.c.error_class, judged.c.text)
        .order_by(func.count().desc(), judged.c.text)
        .limit(MOST_GROUPS)
    )
    return Failed(
        chosen_count=sum(number for _, number, _ in by_status),
        doubtful_count=sum(int(doubtful) for _, _, doubtful in by_status),
        counts={status: number for status, number, _ in by_status},
        groups=tuple(Group(*row) for row in session.execute(groups).all()),
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


def _swept(campaign: Campaign, named: list[ColumnElement[bool]], doubts_before: datetime) -> Subquery:
    """Walk once over positions and batches in order; say how far the batches reach that began up to each position.

    A position is inside one of a kind of batches exactly if they reach it. One sort, where asking for each position
    which batch it is in would cost the product of both.
    """
    is_open = Batch.status.in_(OPEN_BATCH)
    flying = and_(Batch.status == BatchStatus.RUNNING, Batch.doubt_since.is_(None))
    old = Batch.doubt_since < doubts_before

    def reach(which: ColumnElement[bool], label: str) -> ColumnElement[int]:
        return case((which, Batch.last_position), else_=0).label(label)

    points = select(
        Outcome.position, literal(1).label("asked"), *[literal(0).label(kind) for kind in ("fence", "flying", "old")]
    ).where(*named)
    ranges = select(
        Batch.first_position, literal(0), reach(is_open, "fence"), reach(flying, "flying"), reach(old, "old")
    ).where(Batch.campaign_id == campaign.id, or_(is_open, old))
    marks = points.union_all(ranges).subquery("marks")
    # A batch that begins where a position is covers it: ranges come first.
    walk = {"order_by": (marks.c.position, marks.c.asked), "rows": (None, 0)}
    reached = select(
        marks.c.position,
        marks.c.asked,
        *[func.max(marks.c[kind]).over(**walk).label(kind) for kind in ("fence", "flying", "old")],
    ).subquery("reached")
    return select(reached).where(reached.c.asked == 1).subquery("swept")


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
