"""Claiming for an account that nothing limits: what nearly every claim is.

It does what `claim` does, or nothing where there is more to look at: an account that is paused, counted, paced or held
to a window, a batch that is too large, a content that cannot be sent, or nothing that is ready.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import and_, bindparam, null, select, update

from ..account import Account
from ..base import constant
from ..content import read_content
from ..direct import Direct
from ..errors import ContentError
from ..session import sqlite_clock
from ..states import AccountStatus
from ..work import Lease
from .choosing import Found
from .claim import BREAKER_AFTER
from .sight import Next, Sight, looking, seen
from .taking import make_lease, take


def claim_at_once(
    connection: Direct,
    account_id: int,
    *,
    environment: str,
    lease_seconds: float,
    doubt_limit_seconds: float,
    first_of_lane: bool = False,
    now: datetime | None = None,
    before_commit: Callable[[], None] = lambda: None,
) -> Lease | None:
    """Lease and commit the next ready batch, whole; None, and nothing is done, where `claim` must look.

    `first_of_lane`: a hint has been taken up, and is forgotten with the lease. `now`: the moment, where it is not the
    database's.
    """
    on_sqlite = connection.dialect.name == "sqlite"
    connection.begin()
    if on_sqlite and now is None:
        now = sqlite_clock()
    account = connection.execute(_FREE, {"id": account_id}).one_or_none()
    sight = seen(connection.execute(*looking(on_sqlite, account_id, doubt_limit_seconds, now)).one())
    found = None
    if account is not None and account.is_free and _may_go(sight, environment, account.max_parallel):
        found = _whole(sight.next, account.batch_size)
    if found is None:
        # Nothing was changed: the driver would forget its prepared statements in a rollback.
        connection.commit()
        return None
    before_commit()
    leased_until = sight.now + timedelta(seconds=lease_seconds)
    if first_of_lane:
        connection.execute(_TAKEN_UP, {"its_id": account_id})
    taken = take(connection, account_id, found, found.next.counted_on, sight.now, leased_until)
    connection.commit()
    attempt_id = taken.scalar_one_or_none()
    return None if attempt_id is None else make_lease(account, found, attempt_id, sight.now, leased_until)


def _may_go(sight: Sight, environment: str, max_parallel: int) -> bool:
    stopped = sight.stopped_at is not None or sight.restored_at is not None
    return not stopped and sight.environment == environment and sight.running < max_parallel


def _whole(following: Next | None, batch_size: int) -> Found | None:
    """Return the whole batch as what is taken; None where there is none, or it must be cut, or cannot be sent."""
    if following is None:
        return None
    width = following.last_position - following.first_position + 1
    if width > batch_size:
        return None
    try:
        content = read_content(following.kind, following.content)
    except ContentError:
        return None
    return Found(following, content, following.last_position, width, segments_each=0)


# Made once: every batch asks for this.
_FREE = (
    select(
        Account.id,
        Account.name,
        Account.gateway_url,
        Account.batch_size,
        Account.max_parallel,
        Account.time_offset_minutes,
        and_(
            Account.status == constant(AccountStatus.ACTIVE),
            Account.transport_failures < BREAKER_AFTER,
            Account.send_window.is_(None),
            Account.per_second.is_(None),
            Account.per_day.is_(None),
            Account.segments_per_day.is_(None),
        ).label("is_free"),
    )
    .where(Account.id == bindparam("id"))
    .with_for_update(key_share=True)
)
_TAKEN_UP = (
    update(Account).where(Account.id == bindparam("its_id"), Account.hinted_at.is_not(None)).values(hinted_at=null())
)
