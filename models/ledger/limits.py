"""An account's limits: recipients per second, recipients and segments per day. Kept in its row, under its lock.

The day is the account's own. It counts recipients that were never posted before: a batch is counted once, by its
claim, and remembers the day (`counted_on`). What was certainly not sent, or refused, is given back.
"""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ..account import Account
from ..batch import Batch
from ..content import Content, expected_segments, variable_names
from ..states import RecipientStatus
from ..work import Closing, Lease
from .outcomes import Billing, Counts


def rate_wait_seconds(account: Account, now: datetime) -> float:
    """Return how long the rate forbids a claim.

    Any t seconds see at most rate x (t + 1) recipients: small batches may run ahead by what they leave of one second,
    so that lanes that wake up a little late lose nothing of the rate.
    """
    if account.per_second is None or account.rate_due_at is None:
        return 0.0
    ahead = max(0.0, 1.0 - most_at_once(account) / account.per_second)
    return (account.rate_due_at - now).total_seconds() - ahead


def most_at_once(account: Account) -> int:
    """Return how many recipients one claim may take: a batch, but no more than one second of the rate."""
    if account.per_second is None:
        return account.batch_size
    return max(1, min(account.batch_size, int(account.per_second)))


def spend_rate(account: Account, count: int, now: datetime) -> None:
    """Put off the next claim by what `count` recipients take of the rate."""
    if account.per_second is not None:
        due = max(account.rate_due_at or now, now)
        account.rate_due_at = due + timedelta(seconds=count / account.per_second)


def change_rate(account: Account, per_second: float | None, now: datetime) -> None:
    """Shorten what is left of the wait to the new rate, before it is set: the wait was told by the old one."""
    if account.rate_due_at is None or account.per_second is None or per_second is None:
        account.rate_due_at = None
    elif per_second > account.per_second and account.rate_due_at > now:
        account.rate_due_at = now + (account.rate_due_at - now) * (account.per_second / per_second)


def has_daily_limit(account: Account) -> bool:
    """Say whether the account's days are counted."""
    return account.per_day is not None or account.segments_per_day is not None


def turn_day(account: Account, now: datetime) -> None:
    """Begin a new day where the account's has passed. Never goes back, as when the account gets another zone."""
    today = now.astimezone(_zone(account)).date().isoformat()
    if account.day is None or account.day < today:
        account.day, account.day_message_count, account.day_segment_count = today, 0, 0


def day_ends_at(account: Account, now: datetime) -> datetime:
    """Return when the day that is counted ends, in UTC; where none is counted yet, the one that `now` is in."""
    day = date.fromisoformat(account.day) if account.day else now.astimezone(_zone(account)).date()
    midnight = datetime.combine(day + timedelta(days=1), time(), _zone(account))
    return midnight.astimezone(now.tzinfo)


def day_room(account: Account, segments_each: int, now: datetime) -> int | None:
    """Return how many recipients the day still takes, if each is billed for so many segments; None: any number."""
    fresh = account.day is None or day_ends_at(account, now) <= now
    rooms = []
    if account.per_day is not None:
        rooms.append(account.per_day - (0 if fresh else account.day_message_count))
    if account.segments_per_day is not None:
        left = account.segments_per_day - (0 if fresh else account.day_segment_count)
        rooms.append(left // max(1, segments_each))
    return max(0, min(rooms)) if rooms else None


def segments_each(content: Content, segment_count: int, accepted_count: int) -> int:
    """Return how many segments to reserve for one recipient: counted where all get one text, else the average so far
    that was billed for those accepted, rounded up."""
    if not variable_names(content) and (known := expected_segments(content)) is not None:
        return known
    return max(1, -(-segment_count // accepted_count)) if accepted_count else 1


def count_on_day(account: Account, count: int, each: int) -> None:
    """Count recipients, and what they may be billed for, against the account's day."""
    account.day_message_count += count
    account.day_segment_count += count * each


def correct_day(
    account: Account, batch: Batch, lease: Lease, closing: Closing, counts: Counts, bill: Billing, put_back: int
) -> None:
    """Give back what an attempt did not use of the day that its batch was counted on, and take what was billed.

    `put_back` recipients were certainly not sent. Refusals after a doubt are not given back: an earlier attempt may
    have sent them.
    """
    if batch.counted_on is None or batch.counted_on != account.day:
        return
    doubtful = sum(outcome.after_doubt for outcome in closing.outcomes)
    ended = counts[RecipientStatus.REJECTED] + counts[RecipientStatus.SKIPPED] - doubtful
    unused = max(0, ended) + counts[RecipientStatus.CANCELLED] + put_back
    accepted = counts[RecipientStatus.ACCEPTED]
    each = lease.segments_each
    billed = bill.billed or accepted * each
    account.day_message_count = max(0, account.day_message_count - unused)
    account.day_segment_count = max(0, account.day_segment_count + billed - (accepted + unused) * each)


def _zone(account: Account) -> ZoneInfo:
    return ZoneInfo(account.time_zone or "UTC")
