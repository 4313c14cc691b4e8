"""The words that the core and the gateway share. Frozen values, ours on both sides of the border.

The provider's own words (abonent, number_sms, client_id_sms, id_sms, parts) end in `worker.gateway`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import NamedTuple

from models.columns import ByColumn
from models.content import Content
from models.timing import Moments
from models.work import Accepted, Brake, History, Lease, Owed, Owing, RecipientOutcome, Verdict

__all__ = [
    "Accepted",
    "Brake",
    "Decision",
    "Exchange",
    "History",
    "Lease",
    "LikeEntries",
    "Line",
    "Lines",
    "Meaning",
    "Message",
    "Owed",
    "Owing",
    "Pace",
    "RecipientOutcome",
    "Reply",
    "ReplyEntry",
    "Submission",
    "Verdict",
]


class Line(NamedTuple):
    """One recipient inside a document. `number` runs 1..n through the whole document and is echoed by the provider.

    `moments` are in the account's local time, without a zone; None where the provider sends at once by its own limits.
    """

    number: int
    position: int
    msisdn: str
    send_key: str
    moments: Moments | None = None


class Lines(ByColumn[Line]):
    """The lines of one document, in its order. `moments` are those of the positions that have some."""

    __slots__ = ("moments", "msisdns", "positions", "send_keys")

    def __init__(
        self,
        positions: Sequence[int],
        msisdns: Sequence[str],
        send_keys: Sequence[str],
        moments: Mapping[int, Moments] | None = None,
    ) -> None:
        self.positions, self.msisdns, self.send_keys, self.moments = positions, msisdns, send_keys, moments or {}

    def __len__(self) -> int:
        return len(self.positions)

    def __iter__(self) -> Iterator[Line]:
        columns = zip(self.numbers, self.positions, self.msisdns, self.send_keys, strict=True)
        for number, position, msisdn, key in columns:
            yield Line(number, position, msisdn, key, self.moments.get(position))

    @property
    def numbers(self) -> range:
        """The numbers of the lines."""
        return range(1, len(self) + 1)

    def chosen(self, places: Sequence[int]) -> "Lines":
        """Return those at these places, counted from 0, numbered anew."""
        positions, msisdns, keys = self.positions, self.msisdns, self.send_keys
        return Lines(
            [positions[place] for place in places],
            [msisdns[place] for place in places],
            [keys[place] for place in places],
            self.moments,
        )


class Message(NamedTuple):
    """One rendered content (no template left in it) and everybody who gets it."""

    content: Content
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Submission:
    """One document: the content of each message, how many lines it has, and all lines in document order."""

    contents: Sequence[Content]
    sizes: Sequence[int]
    lines: Lines

    @property
    def messages(self) -> tuple[Message, ...]:
        """The messages, for those who are in no hurry."""
        lines = iter(self.lines)
        pairs = zip(self.contents, self.sizes, strict=True)
        return tuple(Message(content, tuple(islice(lines, size))) for content, size in pairs)


class Meaning(StrEnum):
    """What a text of the provider means to us. The texts themselves live in `worker.gateway.phrases`."""

    ACCEPTED = "accepted"
    HELD = "held"  # accepted; goes out by itself once the account has funds: no funds for the others
    ALREADY_SENT = "already_sent"  # accepted earlier under this key; the id is not told
    RECIPIENT = "recipient"
    STOP_LISTED = "stop_listed"  # of class recipient; the number belongs on our own stop list too
    MESSAGE = "message"
    ACCOUNT = "account"
    CREDENTIALS = "credentials"
    DOCUMENT = "document"  # the whole document was refused, nobody of it processed
    LOST_BODY = "lost_body"  # the provider saw no body: our transport
    TRANSIENT = "transient"  # refused for now; nothing was processed
    UNSEEN = "unseen"


class ReplyEntry(NamedTuple):
    """What the provider says of one line, `text` word for word. `number` is None where it was absent or no number."""

    number: int | None
    provider_message_id: str | None
    segments: int | None
    text: str
    meaning: Meaning


class LikeEntries(ByColumn[ReplyEntry]):
    """Entries that all say the same, each with an id and its segments."""

    __slots__ = ("ids", "meaning", "numbers", "segments", "text")

    def __init__(
        self, numbers: Sequence[int], ids: Sequence[str], segments: Sequence[int], text: str, meaning: Meaning
    ) -> None:
        self.numbers, self.ids, self.segments, self.text, self.meaning = numbers, ids, segments, text, meaning

    def __len__(self) -> int:
        return len(self.numbers)

    def __iter__(self) -> Iterator[ReplyEntry]:
        for number, message_id, segments in zip(self.numbers, self.ids, self.segments, strict=True):
            yield ReplyEntry(number, message_id, segments, self.text, self.meaning)


@dataclass(frozen=True, slots=True)
class Reply:
    """A readable answer: entries in the provider's order, and the error that covers the document, if any."""

    entries: Sequence[ReplyEntry]
    error_text: str | None = None
    error_meaning: Meaning | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """A readable HTTP exchange: the reply and the evidence."""

    reply: Reply
    http_status: int
    raw: bytes
    retry_after_seconds: float | None = None


class Pace(StrEnum):
    """How long a retry waits at the least; the number of seconds is `worker.core.backoff`'s business."""

    NOW = "now"
    BACKOFF = "backoff"
    PATIENT = "patient"  # the provider may still be at work on the document: 4 x READ_TIMEOUT after the POST began


@dataclass(frozen=True, slots=True)
class Decision:
    """Everything that record has to write after one POST.

    `outcomes` never names a position twice and only positions of the document. Whoever of the document is not in
    `outcomes` stays pending.
    """

    outcomes: Sequence[RecipientOutcome]
    verdict: Verdict
    attempt_outcome: str  # answered | refused | not_sent | in_doubt | throttled
    explanation: str  # one line, without secrets, phones or texts of ours
    pace: Pace = Pace.NOW
    retry_after_seconds: float | None = None
    doubt: bool = False  # whoever stays pending may have been carried by this attempt
    unseen: bool = False  # whoever stays pending met an undocumented text in this attempt
    brake: Brake | None = None
    transport_failed: bool = False  # counts towards the breaker; False closes it
    document_refused: bool = False  # counts towards "twenty refused documents in a row"
    shrink: bool = False  # the document was too large: halve the account's batch size
    timed_out: bool = False  # no answer in time; several in a row mean that the documents are too large
    keep_request: bool = False  # the request's bytes (credentials cut) are evidence
