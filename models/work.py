"""The values that pass between the ledger and whoever does the work of a batch. Frozen; no SQL, no wire.

What there is a thousand of in a batch is kept by column, or a NamedTuple: made in a third of the time of a frozen
dataclass.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from .columns import ByColumn
from .content import Content
from .states import ErrorClass, RecipientStatus
from .timing import Timing

ON_STOP_LIST = "on the stop list"
"""Why a recipient was skipped, at import and at claim alike."""


class Owed(NamedTuple):
    """One message owed: a recipient of the leased range that has no outcome yet.

    `values` holds the recipient's own columns by name; it is empty where the content names none.
    """

    position: int
    msisdn: str
    send_key: str
    values: Mapping[str, str]
    stopped: bool = False  # on the stop list, as it stands after the claim


class Owing(ByColumn[Owed]):
    """Everybody whom a lease owes a message, in position order.

    `rows` has of each the values of the columns that `names` names; a row may be shorter, or empty. `stopped` has the
    positions of those on the stop list.
    """

    __slots__ = ("msisdns", "names", "positions", "rows", "send_keys", "stopped")

    def __init__(
        self,
        positions: Sequence[int],
        msisdns: Sequence[str],
        send_keys: Sequence[str],
        names: Sequence[str] = (),
        rows: Sequence[Sequence[str]] = (),
        stopped: Collection[int] = (),
    ) -> None:
        self.positions, self.msisdns, self.send_keys = positions, msisdns, send_keys
        self.names, self.rows, self.stopped = names, rows, stopped

    def __len__(self) -> int:
        return len(self.positions)

    def __iter__(self) -> Iterator[Owed]:
        rows = self.rows or [()] * len(self)
        for position, msisdn, key, row in zip(self.positions, self.msisdns, self.send_keys, rows, strict=True):
            values = dict(zip(self.names, row, strict=False))
            yield Owed(position, msisdn, key, values, position in self.stopped)


@dataclass(frozen=True, slots=True)
class History:
    """What earlier attempts left behind for the pending recipients of a batch.

    `doubtful`: an earlier attempt may have carried them. `unseen_count`: attempts that met an undocumented text.
    """

    doubtful: bool = False
    unseen_count: int = 0


@dataclass(frozen=True, slots=True)
class Lease:
    """One claimed batch: the right to post these positions once, until `leased_until` (the database's clock)."""

    batch_id: int
    attempt_number: int
    attempt_id: int
    retry_count: int  # times the batch was put off before; the exponent of the back-off
    campaign_id: int
    account_id: int
    account_name: str
    gateway_url: str
    first_position: int
    last_position: int
    content: Content
    key_prefix: str
    column_names: tuple[str, ...]
    timing: Timing
    time_offset_minutes: int | None  # of the account's local time from UTC; None while nobody has told
    opened_at: datetime
    leased_until: datetime
    history: History
    segments_each: int = 0  # what was reserved of the day for each recipient; 0 where days are not counted


class ClaimRefusal(StrEnum):
    """Why no batch was leased."""

    NOTHING_READY = "nothing_ready"
    ACCOUNT_PAUSED = "account_paused"
    PARALLEL_LIMIT = "parallel_limit"
    RATE = "rate"
    WINDOW = "window"
    DAY = "day"
    BREAKER = "breaker"
    STOPPED = "stopped"
    RESTORED = "restored"
    ENVIRONMENT = "environment"


@dataclass(frozen=True, slots=True)
class Refused:
    """No lease. `wait_seconds` tells when to ask again, where the ledger knows it."""

    why: ClaimRefusal
    wait_seconds: float | None = None


class RecipientOutcome(NamedTuple):
    """What became of one recipient. `provider_text` is word for word; `reason` is ours."""

    position: int
    status: RecipientStatus
    provider_message_id: str | None = None
    segments: int | None = None
    provider_text: str | None = None
    error_class: ErrorClass | None = None
    reason: str | None = None
    after_doubt: bool = False
    stop_listed: bool = False  # the number belongs on our stop list too


class Accepted(ByColumn[RecipientOutcome]):
    """The outcomes of recipients who were all accepted in the same words, each under an id of its own.

    Most documents bring nothing else; a thousand objects less are a third of what an answer costs.
    """

    __slots__ = ("ids", "positions", "segments", "text")

    def __init__(self, positions: Sequence[int], ids: Sequence[str], segments: Sequence[int], text: str) -> None:
        self.positions, self.ids, self.segments, self.text = positions, ids, segments, text

    def __len__(self) -> int:
        return len(self.positions)

    def __iter__(self) -> Iterator[RecipientOutcome]:
        for position, message_id, segments in zip(self.positions, self.ids, self.segments, strict=True):
            yield RecipientOutcome(position, RecipientStatus.ACCEPTED, message_id, segments, self.text)


class Verdict(StrEnum):
    """What happens to the recipients of the batch that got no outcome."""

    COMPLETE = "complete"  # there are none
    RETRY = "retry"  # posted again under the same keys, later
    SPLIT = "split"  # the document was refused: two halves, each posted by itself
    PUT_BACK = "put_back"  # nothing is wrong with them: claimable at once, no attempt burned


@dataclass(frozen=True, slots=True)
class Brake:
    """Stop claiming: the whole account, or this campaign. `reason` is what a person reads at three in the morning.

    `may_pass`: the cause may end without a person at this keyboard (a top-up, a mended login): one batch now and then
    tries whether it has.
    """

    scope: str  # "account" or "campaign"
    reason: str
    error_class: ErrorClass
    may_pass: bool = False


@dataclass(frozen=True, slots=True)
class Closing:
    """Everything that record writes about one attempt; see `models.ledger.record`.

    `positions` are those of the document in line order; empty where nothing was posted.
    """

    outcomes: Sequence[RecipientOutcome]
    verdict: Verdict
    attempt_outcome: str  # answered | refused | not_sent | in_doubt | throttled | not_posted
    explanation: str
    positions: Sequence[int] = ()
    expected_segments: Mapping[int, int] = field(default_factory=dict)  # by position
    delay_seconds: float = 0.0
    doubt: bool = False
    unseen: bool = False
    brake: Brake | None = None
    transport_failed: bool = False
    document_refused: bool = False
    shrink: bool = False
    timed_out: bool = False
    http_status: int | None = None
    request_size: int | None = None
    request_hash: str | None = None
    request_bytes: bytes | None = None
    reply_bytes: bytes | None = None
