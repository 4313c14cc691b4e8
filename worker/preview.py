"""What a campaign would post: the first messages, the segments of all, the first document without its secrets."""

from collections import Counter
from dataclasses import dataclass, replace

from models.content import expected_segments
from models.ledger.importing import no_offset
from models.ledger.looking import look
from models.ledger.owed import read_owed
from models.segments import count
from models.session import Sessions, reading
from models.work import Lease
from worker.core.messages import Message
from worker.core.prepare import Prepared, prepare
from worker.errors import ConfigurationError
from worker.gateway.document import Credentials, masked
from worker.settings import Settings

SHOWN = 3
READ_AT_ONCE = 5_000
_NOBODY = Credentials(login="***", password="***")


@dataclass(frozen=True, slots=True)
class Sample:
    """One recipient's message as it would be read."""

    position: int
    phone: str
    send_key: str
    fields: dict[str, str]
    segments: int | None
    encoding: str | None
    forced_by: str | None  # the first character that made it UCS-2
    segments_without: int | None  # how many it would have without such characters


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be posted. `segments` is None where they cannot be counted before (Viber, cards, links)."""

    recipients: int
    skipped: dict[str, int]
    documents: int
    segments: int | None
    segments_each: dict[int, int]  # segments of one message -> messages that have so many
    first: tuple[Sample, ...]
    document: str


def preview(sessions: Sessions, settings: Settings, campaign_id: int) -> Preview:
    """Render everybody who is pending, and return what would be posted. Changes nothing.

    Raises:
        UnknownCampaign: there is no such campaign.
        ConfigurationError: it has times, and nobody knows the account's offset.
    """
    with reading(sessions) as session:
        lease, batch_size = look(session, campaign_id)
    if lease.timing.is_given and lease.time_offset_minutes is None:
        raise ConfigurationError(no_offset(lease.account_name))
    total = lease.last_position
    each: Counter[int] = Counter()
    reasons: Counter[str] = Counter()
    documents = recipients = 0
    uncounted = False
    whole_batches = max(batch_size, READ_AT_ONCE // batch_size * batch_size)
    for first in range(1, total + 1, whole_batches):
        prepared = _prepare(sessions, settings, lease, first, min(total, first + whole_batches - 1))
        recipients += len(prepared.submission.lines)
        each.update(prepared.expected_segments.values())
        uncounted = uncounted or len(prepared.expected_segments) < len(prepared.submission.lines)
        reasons.update(outcome.reason or "" for outcome in prepared.skipped)
        documents += len({(line.position - 1) // batch_size for line in prepared.submission.lines})
    document = _prepare(sessions, settings, lease, 1, min(total, batch_size))
    return Preview(
        recipients=recipients,
        skipped=dict(reasons),
        documents=documents,
        segments=None if uncounted else sum(segments * count for segments, count in each.items()),
        segments_each=dict(sorted(each.items())),
        first=tuple(_samples(document, lease)),
        document=masked(document.submission, _NOBODY).decode(),
    )


def _prepare(sessions: Sessions, settings: Settings, lease: Lease, first: int, last: int) -> Prepared:
    part = replace(lease, first_position=first, last_position=last)
    with reading(sessions) as session:
        owed = read_owed(session, part)
    return prepare(part, owed, settings.fence(lease.gateway_url))


def _samples(prepared: Prepared, lease: Lease) -> list[Sample]:
    pairs = [(line, message) for message in prepared.submission.messages for line in message.lines]
    return [
        _sample(line.position, line.msisdn, line.send_key, message)
        for line, message in sorted(pairs, key=lambda pair: pair[0].position)[:SHOWN]
    ]


def _sample(position: int, msisdn: str, key: str, message: Message) -> Sample:
    content = message.content
    segments = expected_segments(content)
    fields = {name: value for name in content.__slots__ if (value := getattr(content, name))}
    counted = count(fields["text"]) if segments is not None and "text" in fields else None
    return Sample(
        position=position,
        phone=msisdn,
        send_key=key,
        fields=fields,
        segments=segments,
        encoding=counted.encoding if counted else None,
        forced_by=counted.forced_by if counted else None,
        segments_without=counted.parts_without if counted else None,
    )
