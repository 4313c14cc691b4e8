"""From what a lease owes to one submission. Whoever cannot be posted is skipped, with the reason."""

from dataclasses import dataclass
from itertools import chain, repeat

from models.content import Content, expected_segments
from models.errors import MissingValue, UnsendableText
from models.states import RecipientStatus
from models.timing import Moments, too_late
from models.wording import CompiledContent, Wordings, compile_content
from models.work import ON_STOP_LIST, Lease, Owed, Owing, RecipientOutcome
from worker.core.digits import KEY_DIGITS, MSISDN_DIGITS, are_digits
from worker.core.fence import Fence
from worker.core.group import group
from worker.core.messages import Lines, Submission
from worker.core.timing import in_account_time


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is to be posted, who is not, and how many segments we expect by position."""

    submission: Submission
    skipped: tuple[RecipientOutcome, ...]
    expected_segments: dict[int, int]


class _NotToday(Exception):
    """Raised inside this module: one recipient is not to be posted; the message says why."""


def prepare(lease: Lease, owed: Owing, fence: Fence) -> Prepared:
    """Render everybody who may be posted to, and put equal contents together.

    `lease.time_offset_minutes` must be known where the lease has a timing.
    """
    content = compile_content(lease.content)
    if _are_plain(lease, owed, fence) and (contents := content.render_all(owed.names, owed.rows)) is not None:
        submission = group(Lines(owed.positions, owed.msisdns, owed.send_keys), contents)
        return Prepared(submission, (), _expected(submission))
    return _prepare_each(lease, owed, fence, content)


def _are_plain(lease: Lease, owed: Owing, fence: Fence) -> bool:
    """Say whether there are recipients, and nothing but their text to look at in any of them."""
    return (
        len(owed) > 0
        and not owed.stopped
        and fence.only is None
        and not lease.timing.is_given
        and _are_all_digits(owed)
    )


def _are_all_digits(owed: Owing) -> bool:
    return are_digits(owed.msisdns, MSISDN_DIGITS) and are_digits(owed.send_keys, KEY_DIGITS)


def _prepare_each(lease: Lease, owed: Owing, fence: Fence, content: CompiledContent) -> Prepared:
    kept: list[Owed] = []
    contents: list[Content] = []
    moments: dict[int, Moments] = {}
    skipped: list[RecipientOutcome] = []
    # An earlier attempt that may have carried a recipient forbids to call it skipped (P3).
    status = RecipientStatus.UNKNOWN if lease.history.doubtful else RecipientStatus.SKIPPED
    timed, sound = lease.timing.is_given, _are_all_digits(owed)
    for recipient in owed:
        try:
            _check(recipient, lease, fence)
            if not sound:
                _check_digits(recipient)
            if timed:
                moments[recipient.position] = _moments(lease, recipient)
            contents.append(content.render(recipient.values))
            kept.append(recipient)
        except (MissingValue, UnsendableText, _NotToday) as refusal:
            skipped.append(RecipientOutcome(recipient.position, status, reason=str(refusal)))
    lines = Lines([o.position for o in kept], [o.msisdn for o in kept], [o.send_key for o in kept], moments)
    submission = group(lines, content.together(contents) if contents else ())
    return Prepared(submission, tuple(skipped), _expected(submission))


def _check(recipient: Owed, lease: Lease, fence: Fence) -> None:
    if recipient.stopped:
        in_doubt = " since; it was in doubt whether the gateway had accepted this"
        raise _NotToday(ON_STOP_LIST + (in_doubt if lease.history.doubtful else ""))
    if fence.only is not None and not fence.allows(recipient.msisdn):
        raise _NotToday(fence.reason)


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
    contents = submission.contents
    if len(contents) == 1 and not isinstance(contents, Wordings):
        parts_of_all = expected_segments(contents[0])
        return {} if parts_of_all is None else dict.fromkeys(submission.lines.positions, parts_of_all)
    each = contents.expected_segments() if isinstance(contents, Wordings) else map(expected_segments, contents)
    of_lines = chain.from_iterable(map(repeat, each, submission.sizes))
    positions = submission.lines.positions
    return {position: parts for position, parts in zip(positions, of_lines, strict=True) if parts is not None}
