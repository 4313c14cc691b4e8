"""The statuses of a campaign, a batch and a recipient, and the moves between them that are lawful.

Knows nothing of SQL: `models.ledger` turns these tables into the WHERE of its guarded updates, and the diagrams in
`docs/architecture.md` are generated from them.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar


class CampaignStatus(StrEnum):
    """Where a campaign stands; only `scheduled` and `running` ones are looked at by the scheduler."""

    DRAFT = "draft"  # being imported, or kept back by its author; a person starts it
    SCHEDULED = "scheduled"  # will start at its time; the tick moves it to running
    RUNNING = "running"  # its batches may be claimed; the tick moves it to finished
    PAUSED = "paused"  # no batch is claimed; a person, or the end of the cause, resumes it
    FINISHED = "finished"  # every recipient has an outcome
    CANCELLED = "cancelled"  # ended by a person; what no attempt can have carried was not sent


class BatchStatus(StrEnum):
    """Where the lease on a range of positions stands."""

    AVAILABLE = "available"  # never posted; a claim may take it
    RUNNING = "running"  # leased by one attempt; record ends it, or rescue when its process died
    RETRYABLE = "retryable"  # to be posted again, not before its available_at
    COMPLETED = "completed"  # every recipient of the range has an outcome
    DISCARDED = "discarded"  # given up (asked often or long enough), or replaced by two halves
    CANCELLED = "cancelled"  # its campaign was cancelled


class RecipientStatus(StrEnum):
    """What became of one message owed. `pending` is the absence of an outcome row."""

    PENDING = "pending"
    ACCEPTED = "accepted"  # the gateway took it; says nothing about delivery
    REJECTED = "rejected"  # the gateway refused it
    UNKNOWN = "unknown"  # we gave up asking; it may or may not have been sent
    CANCELLED = "cancelled"  # its campaign was cancelled before any attempt can have carried it
    SKIPPED = "skipped"  # never sent, for the reason given


class AccountStatus(StrEnum):
    """Whether batches of an account may be claimed."""

    ACTIVE = "active"
    PAUSED = "paused"


class ErrorClass(StrEnum):
    """What a refusal is about, and so what reacts to it."""

    RECIPIENT = "recipient"  # this number
    MESSAGE = "message"  # this text or this sender
    ACCOUNT = "account"  # the provider account
    REQUEST = "request"  # the document, or its credentials
    TRANSIENT = "transient"  # may pass by itself
    UNSEEN = "unseen"  # a text nobody has documented
    COLLISION = "collision"  # one provider id for two keys: somebody shares the key space


S = TypeVar("S", bound=StrEnum)

_C = CampaignStatus
CAMPAIGN_MOVES: Mapping[CampaignStatus, frozenset[CampaignStatus]] = {
    _C.DRAFT: frozenset({_C.SCHEDULED, _C.CANCELLED}),
    _C.SCHEDULED: frozenset({_C.RUNNING, _C.PAUSED, _C.CANCELLED}),
    _C.RUNNING: frozenset({_C.PAUSED, _C.FINISHED, _C.CANCELLED}),
    _C.PAUSED: frozenset({_C.SCHEDULED, _C.RUNNING, _C.CANCELLED}),
    _C.FINISHED: frozenset(),
    _C.CANCELLED: frozenset(),
}
CAMPAIGN_MOVES_BY_HAND: Mapping[CampaignStatus, frozenset[CampaignStatus]] = {
    _C.FINISHED: frozenset({_C.RUNNING}),  # retry of what failed
}

_B = BatchStatus
BATCH_MOVES: Mapping[BatchStatus, frozenset[BatchStatus]] = {
    _B.AVAILABLE: frozenset({_B.RUNNING, _B.CANCELLED, _B.DISCARDED}),
    _B.RUNNING: frozenset({_B.COMPLETED, _B.RETRYABLE, _B.DISCARDED, _B.CANCELLED}),
    _B.RETRYABLE: frozenset({_B.RUNNING, _B.CANCELLED, _B.DISCARDED}),
    _B.COMPLETED: frozenset(),
    _B.DISCARDED: frozenset(),
    _B.CANCELLED: frozenset(),
}
OPEN_BATCH = frozenset({_B.AVAILABLE, _B.RUNNING, _B.RETRYABLE})
READY_BATCH = frozenset({_B.AVAILABLE, _B.RETRYABLE})

_R = RecipientStatus
RECIPIENT_MOVES: Mapping[RecipientStatus, frozenset[RecipientStatus]] = {
    _R.PENDING: frozenset({_R.ACCEPTED, _R.REJECTED, _R.UNKNOWN, _R.CANCELLED, _R.SKIPPED}),
    _R.ACCEPTED: frozenset(),
    # A late acceptance is a fact and replaces whatever was concluded without it.
    _R.REJECTED: frozenset({_R.ACCEPTED}),
    _R.UNKNOWN: frozenset({_R.ACCEPTED}),
    _R.CANCELLED: frozenset({_R.ACCEPTED}),
    _R.SKIPPED: frozenset({_R.ACCEPTED}),
}
RECIPIENT_MOVES_BY_HAND: Mapping[RecipientStatus, frozenset[RecipientStatus]] = {
    _R.REJECTED: frozenset({_R.PENDING}),  # same key; the attempts remember
    _R.UNKNOWN: frozenset({_R.PENDING}),
}


def sources(moves: Mapping[S, frozenset[S]], target: S) -> frozenset[S]:
    """Return the statuses from which `target` may be reached: the WHERE of a guarded update."""
    return frozenset(status for status, targets in moves.items() if target in targets)
