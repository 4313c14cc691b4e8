"""The state machines: no way out of an end but by hand, no state that nobody reaches, no table that says otherwise."""

from collections.abc import Mapping
from enum import StrEnum

import pytest
from sqlalchemy import CheckConstraint, Enum

from models.base import Base
from models.states import (
    BATCH_MOVES,
    CAMPAIGN_MOVES,
    CAMPAIGN_MOVES_BY_HAND,
    OPEN_BATCH,
    READY_BATCH,
    RECIPIENT_MOVES,
    RECIPIENT_MOVES_BY_HAND,
    AccountStatus,
    BatchStatus,
    CampaignStatus,
    ErrorClass,
    RecipientStatus,
    sources,
)

Moves = Mapping[StrEnum, frozenset[StrEnum]]
MACHINES: dict[str, tuple[Moves, StrEnum, set[StrEnum]]] = {
    "campaign": (CAMPAIGN_MOVES, CampaignStatus.DRAFT, {CampaignStatus.FINISHED, CampaignStatus.CANCELLED}),
    "batch": (
        BATCH_MOVES,
        BatchStatus.AVAILABLE,
        {BatchStatus.COMPLETED, BatchStatus.DISCARDED, BatchStatus.CANCELLED},
    ),
    "recipient": (RECIPIENT_MOVES, RecipientStatus.PENDING, {RecipientStatus.ACCEPTED}),
}


@pytest.mark.parametrize("machine", MACHINES)
def test_every_state_is_in_the_table_and_can_be_reached(machine: str) -> None:
    moves, first, _ = MACHINES[machine]
    reached = {first}
    while more := {target for one in reached for target in moves[one]} - reached:
        reached |= more
    assert reached == set(type(first)) == set(moves)


@pytest.mark.parametrize("machine", MACHINES)
def test_exactly_the_ends_have_no_exit(machine: str) -> None:
    moves, _, ends = MACHINES[machine]
    assert {status for status, targets in moves.items() if not targets} == ends


def test_a_late_acceptance_is_the_only_exit_of_a_recipient_that_has_its_outcome() -> None:
    for status in set(RecipientStatus) - {RecipientStatus.PENDING, RecipientStatus.ACCEPTED}:
        assert RECIPIENT_MOVES[status] == {RecipientStatus.ACCEPTED}


def test_the_moves_by_hand_are_exactly_these() -> None:
    assert CAMPAIGN_MOVES_BY_HAND == {CampaignStatus.FINISHED: {CampaignStatus.RUNNING}}
    assert RECIPIENT_MOVES_BY_HAND == {
        RecipientStatus.REJECTED: {RecipientStatus.PENDING},
        RecipientStatus.UNKNOWN: {RecipientStatus.PENDING},
    }


def test_nothing_accepted_or_cancelled_is_ever_sent_again() -> None:
    for status in (RecipientStatus.ACCEPTED, RecipientStatus.CANCELLED, RecipientStatus.SKIPPED):
        assert RecipientStatus.PENDING not in RECIPIENT_MOVES[status] | RECIPIENT_MOVES_BY_HAND.get(status, frozenset())


def test_an_open_batch_is_one_that_can_still_move() -> None:
    assert {status for status, targets in BATCH_MOVES.items() if targets} == OPEN_BATCH
    assert sources(BATCH_MOVES, BatchStatus.RUNNING) == READY_BATCH


def test_only_a_lease_completes_a_batch() -> None:
    assert sources(BATCH_MOVES, BatchStatus.COMPLETED) == {BatchStatus.RUNNING}


@pytest.mark.parametrize(
    ("table", "column", "enum"),
    [
        ("accounts", "status", AccountStatus),
        ("campaigns", "status", CampaignStatus),
        ("batches", "status", BatchStatus),
        ("outcomes", "status", RecipientStatus),
        ("outcomes", "error_class", ErrorClass),
    ],
)
def test_a_table_takes_exactly_the_values_of_its_enum(table: str, column: str, enum: type[StrEnum]) -> None:
    kept = Base.metadata.tables[f"bulkpost_{table}"].columns[column].type
    assert isinstance(kept, Enum)
    assert kept.create_constraint
    assert sorted(kept.enums) == sorted(enum)
    assert max(map(len, enum)) <= (kept.length or 0)


@pytest.mark.parametrize(
    ("table", "name", "words"),
    [
        ("campaigns", "ended", {"finished", "cancelled"}),
        ("campaigns", "paused_reason", {"paused"}),
        ("campaigns", "imported", {"draft", "cancelled"}),
        ("batches", "lease", {"running"}),
        ("accounts", "paused_reason", {"paused"}),
        ("outcomes", "never_pending", {"pending"}),
        ("outcomes", "says_why", {"cancelled", "skipped"}),
    ],
)
def test_the_checks_speak_of_the_statuses_they_mean(table: str, name: str, words: set[str]) -> None:
    constraints = Base.metadata.tables[f"bulkpost_{table}"].constraints
    (check,) = [
        one for one in constraints if isinstance(one, CheckConstraint) and str(one.name).endswith(f"_{table}_{name}")
    ]
    assert set(str(check.sqltext).split("'")[1::2]) == words
