"""Rescue: leases that ran out, doubts that grew too old, imports that fell silent."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from models.campaign import Campaign
from models.errors import LedgerError
from models.ledger import rescue as rescuing
from models.ledger.importing import NewRow, add_rows, begin_import, finish_import
from models.ledger.rescue import find_lost, find_old_doubts, give_up_old_doubt, rescue, sweep_silent_import
from models.outcome import Outcome
from models.recipient import Recipient
from models.session import transaction
from models.states import BatchStatus
from tests.support.ledger import (
    DOUBT_LIMIT_SECONDS,
    LEASE_SECONDS,
    MAX_ATTEMPTS,
    PLAIN,
    QUIET_SECONDS,
    RECORDING,
    Ledger,
    accepted,
    in_doubt,
    together,
)


def give_up(ledger: Ledger) -> list[bool]:
    old = ledger.read(find_old_doubts, doubt_limit_seconds=DOUBT_LIMIT_SECONDS)
    return [ledger.do(give_up_old_doubt, one, doubt_limit_seconds=DOUBT_LIMIT_SECONDS) for one in old]


def an_import(ledger: Ledger, count: int) -> int:
    campaign_id = ledger.do(begin_import, content=PLAIN, account="default", column_names=())
    rows = [NewRow(str(79030000000 + number)) for number in range(count - 1)]
    ledger.do(add_rows, campaign_id, 1, [*rows, NewRow(None, problem="no number")])
    return campaign_id


def test_a_live_lease_is_not_rescued(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(1)
    ledger.a_lease()
    ledger.clock.jump(LEASE_SECONDS - 1)
    assert ledger.rescue() == 0
    assert ledger.batches(campaign_id)[0].status is BatchStatus.RUNNING


def test_a_lease_that_ran_out_is_in_doubt_and_its_attempt_lost(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(2)
    lease = ledger.a_lease()
    ledger.clock.jump(LEASE_SECONDS + 1)
    assert ledger.rescue() == 1
    (attempt,) = ledger.attempts(campaign_id)
    assert attempt.outcome == "lost"
    (batch,) = ledger.batches(campaign_id)
    assert (batch.doubt_since, batch.doubt_count, batch.retry_count) == (lease.opened_at, 1, 1)
    assert batch.available_at == lease.opened_at + timedelta(seconds=QUIET_SECONDS)
    ledger.no_lease()
    ledger.clock.jump(QUIET_SECONDS - LEASE_SECONDS)
    assert ledger.a_lease().history.doubtful


def test_a_lease_found_long_after_may_be_claimed_at_once(ledger: Ledger) -> None:
    ledger.a_campaign(1)
    ledger.a_lease()
    ledger.clock.jump(3600)
    ledger.rescue()
    ledger.a_lease()


def test_a_lost_lease_in_which_nobody_is_pending_is_complete(ledger: Ledger) -> None:
    """An earlier attempt of the batch has answered meanwhile."""
    campaign_id = ledger.a_campaign(2)
    late = ledger.a_lease()
    ledger.clock.jump(600)
    ledger.rescue()
    ledger.a_lease()
    ledger.record(late, accepted(late))
    ledger.clock.jump(600)
    ledger.rescue()
    assert ledger.batches(campaign_id)[0].status is BatchStatus.COMPLETED
    assert ledger.settle() == 1


def test_leases_lost_as_often_as_attempts_are_allowed_end_in_unknown(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(1)
    for _ in range(MAX_ATTEMPTS):
        assert ledger.statuses(campaign_id) == {}
        ledger.a_lease()
        ledger.clock.jump(600)
        ledger.rescue()
    assert ledger.statuses(campaign_id) == {1: "unknown"}


def test_a_lease_lost_after_the_doubt_limit_ends_in_unknown(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(1)
    ledger.a_lease()
    ledger.clock.jump(DOUBT_LIMIT_SECONDS + 1)
    ledger.rescue()
    assert ledger.statuses(campaign_id) == {1: "unknown"}


def test_the_lost_lease_of_a_cancelled_campaign_ends_in_unknown(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(1)
    ledger.a_lease()
    ledger.cancel(campaign_id)
    ledger.clock.jump(LEASE_SECONDS + 1)
    ledger.rescue()
    assert ledger.statuses(campaign_id) == {1: "unknown"}
    assert ledger.batches(campaign_id)[0].status is BatchStatus.CANCELLED


def test_two_rescuers_at_once_rescue_a_lease_once(postgres_ledger: Ledger) -> None:
    campaign_id = postgres_ledger.a_campaign(1)
    postgres_ledger.a_lease()
    postgres_ledger.clock.jump(600)
    (lost,) = postgres_ledger.read(find_lost)
    named = {"quiet_seconds": QUIET_SECONDS, **RECORDING}
    assert sorted(together([lambda: postgres_ledger.do(rescue, lost, **named)] * 4)) == [False, False, False, True]
    assert postgres_ledger.batches(campaign_id)[0].doubt_count == 1


def test_what_record_has_closed_is_not_rescued(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(1)
    lease = ledger.a_lease()
    ledger.clock.jump(600)
    (lost,) = ledger.read(find_lost)
    ledger.record(lease, accepted(lease))
    assert not ledger.do(rescue, lost, quiet_seconds=QUIET_SECONDS, **RECORDING)
    assert ledger.statuses(campaign_id) == {1: "accepted"}
    assert not ledger.do(rescue, 4711, quiet_seconds=QUIET_SECONDS, **RECORDING)


def test_a_doubt_older_than_the_limit_ends_in_unknown(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(3)
    lease = ledger.a_lease()
    ledger.record(lease, accepted(lease, [2]))
    ledger.clock.jump(DOUBT_LIMIT_SECONDS - 1)
    assert give_up(ledger) == []
    ledger.clock.jump(2)
    assert give_up(ledger) == [True]
    assert ledger.statuses(campaign_id) == {1: "unknown", 2: "accepted", 3: "unknown"}
    assert ledger.settle() == 1


def test_an_old_doubt_of_a_paused_campaign_is_given_up_too(ledger: Ledger) -> None:
    from models.ledger.control import pause_campaign

    campaign_id = ledger.a_campaign(1)
    lease = ledger.a_lease()
    ledger.record(lease, in_doubt(lease))
    ledger.do(pause_campaign, campaign_id, actor="anna", reason="wait")
    ledger.clock.jump(DOUBT_LIMIT_SECONDS + 1)
    assert give_up(ledger) == [True]
    assert ledger.statuses(campaign_id) == {1: "unknown"}


def test_a_doubt_that_is_claimed_meanwhile_is_left_to_its_attempt(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(1)
    lease = ledger.a_lease()
    ledger.record(lease, in_doubt(lease))
    ledger.clock.jump(DOUBT_LIMIT_SECONDS - 10)
    ledger.a_lease()
    ledger.clock.jump(20)
    batch_id = ledger.batches(campaign_id)[0].id
    assert not ledger.do(give_up_old_doubt, batch_id, doubt_limit_seconds=DOUBT_LIMIT_SECONDS)
    assert not ledger.do(give_up_old_doubt, 4711, doubt_limit_seconds=DOUBT_LIMIT_SECONDS)


def test_a_silent_import_is_swept_away_in_pieces(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rescuing, "ROWS_SWEPT", 4)
    campaign_id = an_import(ledger, 10)
    assert not ledger.do(sweep_silent_import)
    ledger.clock.jump(3601)
    left = []
    while ledger.do(sweep_silent_import):
        left.append(ledger.all(select(func.count()).select_from(Recipient))[0])
    assert left == [6, 2, 0, 0]
    assert ledger.all(select(Campaign.id)) == []
    assert ledger.all(select(Outcome.position)) == []
    assert campaign_id


def test_an_import_that_shows_life_is_not_swept(ledger: Ledger) -> None:
    campaign_id = an_import(ledger, 3)
    ledger.clock.jump(3000)
    ledger.do(add_rows, campaign_id, 4, [NewRow("79031111111")])
    ledger.clock.jump(3000)
    assert not ledger.do(sweep_silent_import)


def test_a_finished_draft_is_never_swept(ledger: Ledger) -> None:
    campaign_id = an_import(ledger, 3)
    ledger.do(finish_import, campaign_id, start=False)
    ledger.clock.jump(1_000_000)
    assert not ledger.do(sweep_silent_import)
    assert ledger.campaign(campaign_id).total_count == 3


def test_an_import_that_wakes_up_after_the_sweep_is_told_so(ledger: Ledger) -> None:
    """Its rows are gone: what it would announce is a campaign with holes."""
    campaign_id = an_import(ledger, 3)
    ledger.clock.jump(3601)
    ledger.do(sweep_silent_import)
    ledger.do(add_rows, campaign_id, 4, [NewRow("79031111111")])
    with pytest.raises(LedgerError, match="swept away"):
        ledger.do(finish_import, campaign_id)


def test_an_import_that_wakes_up_after_all_of_it_is_swept_is_told_so(ledger: Ledger) -> None:
    campaign_id = an_import(ledger, 3)
    ledger.clock.jump(3601)
    while ledger.do(sweep_silent_import):
        pass
    with pytest.raises(LedgerError, match="swept away"):
        ledger.do(add_rows, campaign_id, 4, [NewRow("79031111111")])
    with pytest.raises(LedgerError, match="no campaign"):
        ledger.do(finish_import, campaign_id)
    with transaction(ledger.sessions) as session:
        assert session.execute(select(Recipient)).first() is None
