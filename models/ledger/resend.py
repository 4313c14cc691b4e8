"""Resend by hand: new messages under new keys, to whoever certainly got none. Never to anybody in doubt."""

from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, case, func, insert, literal, null, select, update
from sqlalchemy.orm import Session

from ..account import Account
from ..campaign import Campaign
from ..content import from_json
from ..errors import EmptyList, IllegalMove, LedgerError, UnknownCampaign
from ..outcome import Outcome
from ..recipient import Recipient
from ..session import Clock, database_clock
from ..states import RecipientStatus
from ..stop import Stop
from ..timing import Timing
from ..timing import from_json as timing_from_json
from .failed import Explain, hopeless
from .families import is_doubtful, keep_numbers_in_hand, relatives
from .importing import finish_import, insert_draft
from .locks import lock_with_account, write_event
from .scratch import IN_HAND, JUDGED, chosen, drop, keep

RESENDABLE = frozenset(
    {RecipientStatus.REJECTED, RecipientStatus.SKIPPED, RecipientStatus.CANCELLED, RecipientStatus.ACCEPTED}
)
_COPIED = ("priority", "time_zone", "send_window", "holidays", "opens_at", "closes_at")


class NotCopied(StrEnum):
    """Why somebody chosen gets no new message. Other reasons are those that `Explain` gives."""

    IN_DOUBT = "in_doubt"  # an attempt may have carried the message
    NUMBER_IN_HAND = "number_in_hand"  # this campaign or a relative has, or may have, a message for the number
    NO_NUMBER = "no_number"  # the row has none that can be sent to
    STOPPED = "stopped"  # on our own stop list
    TWICE = "twice"  # chosen before, in an earlier row


@dataclass(frozen=True, slots=True)
class Resendable:
    """What a choice comes to: how many of each status get a new message, and how many do not, by why."""

    chosen_count: int
    counts: dict[RecipientStatus, int]
    left_out: dict[str, int]


def find_resendable(
    session: Session,
    campaign_id: int,
    statuses: frozenset[RecipientStatus],
    *,
    explain: Explain,
    forced: bool = False,
) -> Resendable:
    """Return who would get a new message. Only reads.

    Raises:
        UnknownCampaign: there is none, or it is still being imported.
        IllegalMove: its numbers are gone.
    """
    campaign = session.execute(
        select(Campaign).where(Campaign.id == campaign_id, Campaign.imported_at.is_not(None))
    ).scalar_one_or_none()
    if campaign is None:
        raise UnknownCampaign(f"no campaign {campaign_id}: bulkpost campaign list shows those that there are")
    return _judge(session, campaign, statuses, explain, forced)


def resend(
    session: Session,
    campaign_id: int,
    statuses: frozenset[RecipientStatus],
    *,
    explain: Explain,
    actor: str,
    reason: str,
    forced: bool = False,
    clock: Clock = database_clock,
) -> int:
    """Make a campaign of the same content for the chosen recipients, and return its id. It starts at once.

    One transaction: the accounts' lock keeps a retry of a relative from choosing the same people. To resend twice is
    to resend once: whoever has a message in the first resend is left out of the second.

    Raises:
        UnknownCampaign, IllegalMove: as `find_resendable`.
        EmptyList: nobody is left to send to.
    """
    campaign = lock_with_account(session, campaign_id)
    now = clock(session)
    found = _judge(session, campaign, statuses, explain, forced)
    if not found.chosen_count:
        raise EmptyList(f"nobody of campaign {campaign_id} is left to send to")
    new_id = _copy_campaign(session, campaign, actor, now, clock)
    _copy_recipients(session, campaign, new_id, found.chosen_count)
    for table in (JUDGED, IN_HAND):
        drop(session, table)
    finish_import(session, new_id, actor=actor, clock=clock)
    facts = {
        "resend_of": campaign_id,
        "resent_as": new_id,
        "statuses": sorted(statuses),
        "recipients": found.chosen_count,
        "left_out": found.left_out,
        "forced": forced,
    }
    for one in (campaign_id, new_id):
        write_event(
            session,
            now,
            actor,
            "campaign_resent",
            account_id=campaign.account_id,
            campaign_id=one,
            reason=reason,
            facts=facts,
        )
    return new_id


def _judge(
    session: Session, campaign: Campaign, statuses: frozenset[RecipientStatus], explain: Explain, forced: bool
) -> Resendable:
    """Fill `JUDGED` with whom the statuses name, and count who gets a new message and who does not."""
    if campaign.purged_at is not None:
        raise IllegalMove(
            f"campaign {campaign.id} was purged on {campaign.purged_at:%Y-%m-%d}: its numbers and texts are gone"
        )
    if wrong := statuses - RESENDABLE:
        raise LedgerError(
            f"{', '.join(sorted(wrong))} recipients may have been sent the message: they are never resent"
        )
    others = relatives(session, campaign.id)
    own = {campaign.id} - ({campaign.id} if RecipientStatus.ACCEPTED in statuses else set())
    keep_numbers_in_hand(session, {campaign.id} | others, own | others)
    # Known refusals come after what would send twice: whoever counts sees the graver reason.
    reasons: list[tuple[ColumnElement[bool], str]] = [
        (Recipient.msisdn.is_(None), NotCopied.NO_NUMBER),
        (is_doubtful(), NotCopied.IN_DOUBT),
        (IN_HAND.c.msisdn.is_not(None), NotCopied.NUMBER_IN_HAND),
        (Stop.msisdn.is_not(None), NotCopied.STOPPED),
        *([] if forced else hopeless(session, campaign.id, explain)),
    ]
    same = and_(Recipient.campaign_id == Outcome.campaign_id, Recipient.position == Outcome.position)
    judged = (
        select(
            Outcome.position,
            Outcome.status,
            Recipient.msisdn,
            case(*[(when, literal(str(why))) for when, why in reasons], else_=null()).label("why"),
        )
        .join(Recipient, same)
        .outerjoin(IN_HAND, IN_HAND.c.msisdn == Recipient.msisdn)
        .outerjoin(Stop, Stop.msisdn == Recipient.msisdn)
        .where(Outcome.campaign_id == campaign.id, Outcome.status.in_(statuses))
        .subquery("one_by_one")
    )
    rank = func.row_number().over(partition_by=(judged.c.msisdn, judged.c.why), order_by=judged.c.position)
    ranked = select(judged, rank.label("rank")).subquery("ranked")
    twice = and_(ranked.c.why.is_(None), ranked.c.rank > 1)
    why = case((twice, literal(NotCopied.TWICE.value)), else_=ranked.c.why).label("why")
    nothing = [literal(0).label(name) for name in ("attempt_number", "doubtful", "fence")]
    keep(session, JUDGED, select(ranked.c.position, ranked.c.status, *nothing, why))
    return _count(session)


def _count(session: Session) -> Resendable:
    by_status = select(JUDGED.c.status, func.count()).where(JUDGED.c.why.is_(None)).group_by(JUDGED.c.status)
    left_out = select(JUDGED.c.why, func.count()).where(JUDGED.c.why.is_not(None)).group_by(JUDGED.c.why)
    counts = {RecipientStatus(status): number for status, number in session.execute(by_status).all()}
    return Resendable(sum(counts.values()), counts, dict(session.execute(left_out).all()))


def _copy_campaign(session: Session, campaign: Campaign, actor: str, now: datetime, clock: Clock) -> int:
    account = session.execute(select(Account.name).where(Account.id == campaign.account_id)).scalar_one()
    new_id = insert_draft(
        session,
        content=from_json(campaign.kind, campaign.content),
        account=account,
        name=f"resend of {campaign.id}: {campaign.name}",
        column_names=campaign.column_names,
        at=None,
        priority=campaign.priority,
        timing=_still_ahead(timing_from_json(campaign.timing), now),
        external_key=None,
        actor=actor,
        clock=clock,
    )
    assert new_id is not None, "nothing but an equal key keeps a draft from being inserted"
    session.execute(
        update(Campaign)
        .where(Campaign.id == new_id)
        .values(resend_of=campaign.id, **{name: getattr(campaign, name) for name in _COPIED})
        .execution_options(synchronize_session=False)
    )
    return new_id


def _copy_recipients(session: Session, campaign: Campaign, new_id: int, count: int) -> None:
    """Copy the chosen in their order. A caller's own keys stay behind: the copies get keys of the new campaign."""
    place = func.row_number().over(order_by=Recipient.position)
    again = chosen()
    copies = (
        select(literal(new_id), place, Recipient.msisdn, Recipient.ref, Recipient.values_json)
        .join(again, Recipient.position == again.c.position)
        .where(Recipient.campaign_id == campaign.id)
    )
    columns = ["campaign_id", "position", "msisdn", "ref", "values_json"]
    session.execute(insert(Recipient).from_select(columns, copies))
    session.execute(
        update(Campaign)
        .where(Campaign.id == new_id)
        .values(total_count=count)
        .execution_options(synchronize_session=False)
    )


def _still_ahead(timing: Timing, now: datetime) -> Timing:
    """Leave out the moments that have passed: they were for the first message."""
    passed = {
        field.name: None
        for field in fields(timing)
        if isinstance(when := getattr(timing, field.name), datetime) and when <= now
    }
    return replace(timing, **passed)
