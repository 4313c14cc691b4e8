"""From what a lease owes to one submission. Whoever cannot be posted is skipped, with the reason."""

from collections.abc import Sequence
from dataclasses import dataclass

from models.content import Content, compile_content, expected_segments
from models.errors import MissingValue, UnsendableText
from models.states import RecipientStatus
from models.timing import Moments, too_late
from models.work import ON_STOP_LIST, Lease, Owed, RecipientOutcome
from worker.core.digits import KEY_DIGITS, MSISDN_DIGITS, are_digits
from worker.core.fence import Fence
from worker.core.group import group
from worker.core.messages import Submission
from worker.core.timing import in_account_time


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is to be posted, who is not, and how many segments we expect by position."""

    submission: Submission
    skipped: tuple[RecipientOutcome, ...]
    expected_segments: dict[int, int]


class _NotToday(Exception):
    """Raised inside this module: one recipient is not to be posted; the message says why."""


def prepare(lease: Lease, owed: Sequence[Owed], fence: Fence) -> Prepared:
    """Render everybody who may be posted to, and put equal contents together.

    `lease.time_offset_minutes` must be known where the lease has a timing.
    """
    content = compile_content(lease.content)
    rendered: list[tuple[Owed, Content]] = []
    skipped: list[RecipientOutcome] = []
    moments: dict[int, Moments] = {}
    # Looked at together: nearly always there is nothing to find.
    sound = are_digits([recipient.msisdn for recipient in owed], MSISDN_DIGITS)
    sound = sound and are_digits([recipient.send_key for recipient in owed], KEY_DIGITS)
    # An earlier attempt that may have carried a recipient forbids to call it skipped (P3).
    status = RecipientStatus.UNKNOWN if lease.history.doubtful else RecipientStatus.SKIPPED
    timed = lease.timing.is_given
    for recipient in owed:
        try:
            if recipient.stopped:
                in_doubt = " since; it was in doubt whether the gateway had accepted this"
                raise _NotToday(ON_STOP_LIST + (in_doubt if lease.history.doubtful else ""))
            if fence.only is not None and not fence.allows(recipient.msisdn):
                raise _NotToday(fence.reason)
            if not sound:
                _check_digits(recipient)
            if timed:
                moments[recipient.position] = _moments(lease, recipient)
            rendered.append((recipient, content.render(recipient.values)))
        except (MissingValue, UnsendableText, _NotToday) as refusal:
            skipped.append(RecipientOutcome(recipient.position, status, reason=str(refusal)))
    submission = group(rendered, moments)
    return Prepared(submission, tuple(skipped), _expected(submission))


def _check_digits(recipient: Owed) -> None:
    """Hold back what would keep the whole document from being built; other applications write these rows too."""
    for name, value, longest in (
        ("number", recipient.msisdn, MSISDN_DIGITS),
        ("key", recipient.send_key, KEY_DIGITS),
    ):
        if not are_digits([value], longest):
            raise _NotToday(f"its {name} is not 1 to {longest} digits")


def _moments(lease: Lease, recipient: Owed) -> Moments:
    assert lease.time_offset_minutes is not None, "the dispatcher has asked"
    try:
        moments = lease.timing.resolve(recipient.values)
    except ValueError:
        raise _NotToday("the list has no moment where one is needed") from None
    reason = too_late(moments, lease.opened_at)
    if reason is not None:
        raise _NotToday(reason)
    return in_account_time(moments, lease.opened_at, lease.time_offset_minutes)


def _expected(submission: Submission) -> dict[int, int]:
    expected: dict[int, int] = {}
    for message in submission.messages:
        segments = expected_segments(message.content)
        if segments is not None:
            expected.update(dict.fromkeys([line.position for line in message.lines], segments))
    return expected
