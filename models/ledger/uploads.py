"""A draft that was created without a list, and the upload that fills it: one at a time.

The draft carries the token of the upload that is filling it. Another one takes over where that fell silent, and then
the silent one cannot announce the campaign any more.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ..account import Account
from ..campaign import Campaign
from ..content import Content, from_json
from ..errors import IllegalMove, UnknownCampaign
from ..session import Clock, database_clock
from ..timing import Timing
from ..timing import from_json as timing_from_json
from .locks import lock_campaign

SILENT_SECONDS = 300.0
"""An upload that wrote nothing for so long counts as dead."""
_NOBODY_S = ""


class OpenDraft(NamedTuple):
    """What an import must know of the draft that it fills."""

    account: str
    content: Content
    timing: Timing
    time_zone: str | None
    max_segments: int | None


def find_account_of(session: Session, campaign_id: int) -> str | None:
    """Return the name of a campaign's account, None where there is none that anybody may see."""
    statement = (
        select(Account.name)
        .join(Campaign, Campaign.account_id == Account.id)
        .where(Campaign.id == campaign_id, Campaign.imported_at.is_not(None) | Campaign.upload_token.is_not(None))
    )
    return session.execute(statement).scalar_one_or_none()


def open_for_upload(session: Session, campaign_id: int) -> None:
    """Let a draft that was just inserted wait for its list."""
    session.execute(
        update(Campaign)
        .where(Campaign.id == campaign_id, Campaign.imported_at.is_(None))
        .values(upload_token=_NOBODY_S)
        .execution_options(synchronize_session=False)
    )


def waits_for_list(session: Session, campaign_id: int) -> bool:
    """Say whether a campaign is a draft whose list is still to be uploaded."""
    statement = select(Campaign.id).where(
        Campaign.id == campaign_id, Campaign.imported_at.is_(None), Campaign.upload_token.is_not(None)
    )
    return session.execute(statement).first() is not None


def expect_upload(session: Session, campaign_id: int, *, clock: Clock = database_clock) -> OpenDraft:
    """Keep a draft from being swept away while its list is received, and return what it is.

    Raises:
        UnknownCampaign: there is none.
        IllegalMove: it has its list, or another upload is filling it.
    """
    campaign = _lock_free(session, campaign_id, now := clock(session))
    campaign.importing_at, campaign.upload_token = now, _NOBODY_S
    account = session.execute(select(Account.name).where(Account.id == campaign.account_id)).scalar_one()
    content = from_json(campaign.kind, campaign.content)
    timing = timing_from_json(campaign.timing)
    return OpenDraft(account, content, timing, campaign.time_zone, campaign.max_segments)


def begin_upload(
    session: Session, campaign_id: int, token: str, column_names: tuple[str, ...], *, clock: Clock = database_clock
) -> None:
    """Make an upload the one that fills the draft. What a dead one left must be removed before the first row.

    Raises:
        UnknownCampaign, IllegalMove: as `expect_upload`.
    """
    campaign = _lock_free(session, campaign_id, now := clock(session))
    campaign.importing_at, campaign.upload_token = now, token
    campaign.column_names, campaign.total_count = list(column_names), 0


def end_upload(session: Session, campaign_id: int, token: str) -> None:
    """Make sure that an upload may announce its campaign; part of the transaction that does.

    Raises:
        IllegalMove: another upload has taken the draft over.
    """
    if not is_filling(session, campaign_id, token):
        raise IllegalMove(f"another upload has taken campaign {campaign_id} over: look at what it has become")


def is_filling(session: Session, campaign_id: int, token: str) -> bool:
    """Say whether an upload still has the draft."""
    statement = select(Campaign.id).where(Campaign.id == campaign_id, Campaign.upload_token == token)
    return session.execute(statement).first() is not None


def give_back(session: Session, campaign_id: int, token: str) -> None:
    """Let the draft wait for another upload; its rows are gone."""
    session.execute(
        update(Campaign)
        .where(Campaign.id == campaign_id, Campaign.upload_token == token, Campaign.imported_at.is_(None))
        .values(upload_token=_NOBODY_S, total_count=0)
        .execution_options(synchronize_session=False)
    )


def _lock_free(session: Session, campaign_id: int, now: datetime) -> Campaign:
    campaign = lock_campaign(session, campaign_id)
    if campaign.imported_at is not None:
        raise IllegalMove(
            f"campaign {campaign_id} has its list already, of {campaign.total_count:,} recipients: create another "
            "campaign for another list"
        )
    if campaign.upload_token is None:
        raise UnknownCampaign(f"no campaign {campaign_id}")
    if campaign.upload_token and campaign.importing_at > now - timedelta(seconds=SILENT_SECONDS):
        raise IllegalMove(f"campaign {campaign_id} is being filled by another upload: wait for its end")
    return campaign
