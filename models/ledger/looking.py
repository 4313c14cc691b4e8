"""Looking at what would be posted: a lease that leases nothing."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..account import Account
from ..campaign import Campaign
from ..content import from_json
from ..errors import UnknownCampaign
from ..session import Clock, database_clock
from ..timing import from_json as timing_from_json
from ..work import History, Lease
from .keys import new_prefix


def look(session: Session, campaign_id: int, *, clock: Clock = database_clock) -> tuple[Lease, int]:
    """Return what a lease on the campaign's first batch would hold, and the account's batch size. Only reads.

    Also of a draft that is still being imported; its keys are only known in the end, so they are examples.

    Raises:
        UnknownCampaign: there is none.
    """
    row = session.execute(
        select(Campaign, Account).join(Account, Account.id == Campaign.account_id).where(Campaign.id == campaign_id)
    ).one_or_none()
    if row is None:
        raise UnknownCampaign(f"no campaign {campaign_id}: bulkpost campaign list shows those that there are")
    campaign, account = row.Campaign, row.Account
    now = clock(session)
    lease = Lease(
        batch_id=0,
        attempt_number=0,
        attempt_id=0,
        retry_count=0,
        campaign_id=campaign.id,
        account_id=account.id,
        account_name=account.name,
        gateway_url=account.gateway_url,
        first_position=1,
        last_position=campaign.total_count,
        content=from_json(campaign.kind, campaign.content),
        key_prefix=campaign.key_prefix or new_prefix(max(1, campaign.total_count)),
        column_names=tuple(campaign.column_names),
        timing=timing_from_json(campaign.timing),
        time_offset_minutes=account.time_offset_minutes,
        opened_at=now,
        leased_until=now,
        history=History(),
    )
    return lease, account.batch_size
