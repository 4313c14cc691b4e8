"""Row locks, in the one order that every verb keeps: account, campaign, batch. And the events written under them."""

from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from ..account import Account
from ..campaign import Campaign
from ..errors import UnknownAccount, UnknownCampaign
from ..event import Event
from .outbox import tell_event

SYSTEM = "system"

# Made once: every batch asks for these.
_ACCOUNT = select(Account).where(Account.id == bindparam("id")).with_for_update(key_share=True)
_CAMPAIGN = select(Campaign).where(Campaign.id == bindparam("id")).with_for_update(key_share=True)
_AS_IT_IS = {"populate_existing": True}


def lock_account(session: Session, account_id: int) -> Account:
    """Lock one account's row and return it as it is now.

    Raises:
        UnknownAccount: there is none.
    """
    account = session.execute(_ACCOUNT, {"id": account_id}, execution_options=_AS_IT_IS).scalar_one_or_none()
    if account is None:
        raise UnknownAccount(f"no account with id {account_id}")
    return account


def lock_accounts(session: Session) -> list[Account]:
    """Lock every account: whoever was claiming has committed, whoever wants to waits."""
    statement = select(Account).order_by(Account.id).with_for_update(key_share=True)
    return list(session.execute(statement, execution_options={"populate_existing": True}).scalars())


def lock_campaign(session: Session, campaign_id: int) -> Campaign:
    """Lock one campaign's row and return it as it is now.

    Raises:
        UnknownCampaign: there is none.
    """
    campaign = session.execute(_CAMPAIGN, {"id": campaign_id}, execution_options=_AS_IT_IS).scalar_one_or_none()
    if campaign is None:
        raise UnknownCampaign(f"no campaign {campaign_id}")
    return campaign


def lock_with_account(session: Session, campaign_id: int) -> Campaign:
    """Lock the account of an imported campaign, then the campaign: no claim is under way, and nobody cancels it.

    Raises:
        UnknownCampaign: there is none, or it is still being imported.
    """
    found = session.execute(
        select(Campaign.account_id).where(Campaign.id == campaign_id, Campaign.imported_at.is_not(None))
    ).scalar_one_or_none()
    if found is None:
        raise UnknownCampaign(f"no campaign {campaign_id}: bulkpost campaign list shows those that there are")
    lock_account(session, found)
    return lock_campaign(session, campaign_id)


def find_account(session: Session, name: str) -> Account:
    """Return the account called `name`.

    Raises:
        UnknownAccount: there is none; the message names those that exist.
    """
    account = session.execute(select(Account).where(Account.name == name)).scalar_one_or_none()
    if account is None:
        known = session.execute(select(Account.name).order_by(Account.name)).scalars().all()
        raise UnknownAccount(
            f'no account "{name}": there is {", ".join(known) or "none"}; make one with bulkpost account set {name}'
        )
    return account


def write_event(
    session: Session,
    now: datetime,
    actor: str,
    kind: str,
    *,
    account_id: int | None = None,
    campaign_id: int | None = None,
    reason: str | None = None,
    facts: dict[str, Any] | None = None,
) -> None:
    """Say who did what, in the transaction of the deed, also to webhooks. Neither phones nor texts nor secrets go in
    here."""
    session.add(
        Event(
            happened_at=now,
            actor=actor[:64],
            kind=kind,
            account_id=account_id,
            campaign_id=campaign_id,
            reason=reason,
            facts=facts,
        )
    )
    tell_event(session, now, kind, account_id=account_id, campaign_id=campaign_id, reason=reason)
