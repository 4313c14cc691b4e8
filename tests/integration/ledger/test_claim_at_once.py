"""Claiming in two round trips: it leaves what the careful way leaves, or nothing at all."""

from dataclasses import fields
from datetime import datetime
from threading import Event
from typing import Any

import pytest
from sqlalchemy import select, text, update

from models.account import Account
from models.attempt import Attempt
from models.batch import Batch
from models.campaign import Campaign
from models.direct import direct
from models.ledger.claim_at_once import claim_at_once
from models.ledger.control import pause_campaign, stop_everything
from models.ledger.hints import take_hints
from models.session import transaction
from models.states import AccountStatus, BatchStatus
from models.work import Lease
from tests.integration.ledger.test_usual import rows
from tests.support.ledger import CLAIMING, Ledger, together

OF_ONE_CLAIM = {"batch_id", "campaign_id", "attempt_id", "key_prefix"}


def claimed(ledger: Ledger, **named: Any) -> Lease | None:
    with ledger.sessions() as session:
        now = ledger.clock(session)
    with direct(ledger.sessions) as connection:
        return claim_at_once(connection, 1, now=now, **{**CLAIMING, **named})


def facts(lease: Lease) -> dict[str, object]:
    told = {one.name: getattr(lease, one.name) for one in fields(lease) if one.name not in OF_ONE_CLAIM}
    return {name: "a moment" if isinstance(value, datetime) else value for name, value in told.items()}


def nothing_was_claimed(ledger: Ledger) -> bool:
    return {one.status for one in ledger.all(select(Batch))} == {BatchStatus.AVAILABLE} and not ledger.all(
        select(Attempt)
    )


def test_short_way_leaves_and_returns_what_the_careful_way_does(ledger: Ledger) -> None:
    found = []
    for claim in (lambda: claimed(ledger), ledger.a_lease):
        campaign_id = ledger.a_campaign(5)
        lease = claim()
        assert isinstance(lease, Lease)
        tables = [rows(ledger, table, campaign_id) for table in (Attempt, Batch, Campaign)]
        found.append((facts(lease), tables, ledger.account()))
        (attempt,) = ledger.attempts(campaign_id)
        assert (attempt.id, attempt.opened_at) == (lease.attempt_id, lease.opened_at)
        ledger.cancel(campaign_id)
    assert found[0][:2] == found[1][:2]


def test_database_tells_the_time_where_nobody_else_does(ledger: Ledger) -> None:
    ledger.a_campaign(3)
    with direct(ledger.sessions) as connection:
        lease = claim_at_once(connection, 1, **CLAIMING)
    assert lease is not None and lease.opened_at.tzinfo is not None
    assert (lease.leased_until - lease.opened_at).total_seconds() == CLAIMING["lease_seconds"]


@pytest.mark.parametrize(("first_of_lane", "is_left"), [(True, False), (False, True)])
def test_hint_is_taken_up_by_the_first_claim_of_a_lane(ledger: Ledger, first_of_lane: bool, is_left: bool) -> None:
    ledger.a_campaign(3)
    with transaction(ledger.sessions) as session:
        assert take_hints(session, doubt_limit_seconds=CLAIMING["doubt_limit_seconds"], clock=ledger.clock)
    assert claimed(ledger, first_of_lane=first_of_lane) is not None
    assert ledger.all(select(Account.hinted_at.is_not(None))) == [is_left]


@pytest.mark.parametrize(
    "limit",
    [
        {"per_second": 100.0},
        {"per_day": 100},
        {"segments_per_day": 100},
        {"send_window": "09:00-10:00"},
        {"batch_size": 2},
        {"transport_failures": 5},
        {"status": AccountStatus.PAUSED, "status_reason": "no credit"},
    ],
    ids=lambda limit: next(iter(limit)),
)
def test_an_account_with_a_limit_is_left_to_claim(ledger: Ledger, limit: dict[str, Any]) -> None:
    ledger.a_campaign(3)
    with transaction(ledger.sessions) as session:
        session.execute(update(Account).values(limit))
    assert claimed(ledger) is None
    assert nothing_was_claimed(ledger)


def test_another_environment_claims_nothing(ledger: Ledger) -> None:
    ledger.a_campaign(3)
    assert claimed(ledger, environment="staging") is None
    assert nothing_was_claimed(ledger)


def test_stopped_installation_claims_nothing(ledger: Ledger) -> None:
    ledger.a_campaign(3)
    ledger.do(stop_everything, actor="anna", reason="wrong list")
    assert claimed(ledger) is None
    assert nothing_was_claimed(ledger)


def test_no_more_batches_fly_than_the_account_allows(ledger: Ledger) -> None:
    ledger.an_account(batch_size=1, max_parallel=2)
    ledger.a_campaign(3)
    assert [claimed(ledger) is not None for _ in range(3)] == [True, True, False]


def test_content_that_cannot_be_sent_is_left_to_claim(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(3)
    with transaction(ledger.sessions) as session:
        session.execute(update(Campaign).values(content={"sender": "", "text": ""}))
    assert claimed(ledger) is None
    assert nothing_was_claimed(ledger)
    ledger.no_lease()
    assert ledger.campaign(campaign_id).status_reason is not None


def test_nothing_ready_and_nobody_there_is_left_to_claim(ledger: Ledger) -> None:
    assert claimed(ledger) is None
    ledger.an_account()
    assert claimed(ledger) is None


def test_what_breaks_before_the_commit_leaves_nothing(ledger: Ledger) -> None:
    ledger.a_campaign(3)

    def break_off() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        claimed(ledger, before_commit=break_off)
    assert nothing_was_claimed(ledger)
    assert claimed(ledger) is not None


def test_pause_that_a_claim_has_waited_for_is_seen(postgres_ledger: Ledger) -> None:
    ledger = postgres_ledger
    campaign_id = ledger.a_campaign(3)
    holds, waits = Event(), Event()
    found: list[Lease | None] = []

    def pause() -> None:
        with transaction(ledger.sessions) as session:
            pause_campaign(session, campaign_id, actor="anna", reason="wrong text", clock=ledger.clock)
            holds.set()
            waiting = text(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            with transaction(ledger.sessions) as watching:
                while not watching.execute(waiting).scalar_one():
                    watching.execute(text("SELECT pg_stat_clear_snapshot()"))
        waits.set()

    def lane() -> None:
        assert holds.wait(30)
        found.append(claimed(ledger))

    together([pause, lane])
    assert waits.is_set() and found == [None]
    assert nothing_was_claimed(ledger)


def test_eight_lanes_at_once_claim_each_batch_once(ledger: Ledger) -> None:
    ledger.an_account(batch_size=2, max_parallel=64)
    ledger.a_campaign(100)
    found: list[Lease] = []

    def lane() -> None:
        while (lease := claimed(ledger)) is not None:
            found.append(lease)

    together([lane] * 8)
    assert len({one.batch_id for one in found}) == len(found) == 50
    ledger.prove()
