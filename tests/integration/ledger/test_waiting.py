"""What a campaign waits for: the reason and the end of every wait, and when it will be done."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import update

from models.account import Account
from models.installation import Installation
from models.ledger.report import show
from models.ledger.unfinished import unfinished
from tests.integration.ledger.test_windows import a_campaign
from tests.support.ledger import NOON, Ledger, accepted, in_doubt, no_credit, not_sent

MIDNIGHT = NOON + timedelta(hours=12)


def wait(ledger: Ledger, campaign_id: int) -> tuple[str | None, datetime | None]:
    shown: dict[str, Any] = ledger.read(show, campaign_id)
    return shown["waiting_for"], shown["waiting_until"]


def end(ledger: Ledger, campaign_id: int) -> datetime | None:
    found: datetime | None = ledger.read(show, campaign_id)["forecast_end"]
    return found


def test_a_window_is_named_with_its_opening(ledger: Ledger) -> None:
    campaign_id = a_campaign(ledger, window="09:00-12:00 mon-fri", time_zone="Europe/Moscow")
    reason, until = wait(ledger, campaign_id)
    assert reason == "its window, 09:00-12:00 mon-fri, opens 2026-03-02 09:00 Europe/Moscow"
    assert until == NOON + timedelta(hours=18)
    assert ledger.read(unfinished) == []


def test_an_account_s_window_is_named_even_while_a_document_is_out(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(3)
    ledger.a_lease()
    ledger.an_account(send_window="09:00-12:00", time_zone="UTC")
    reason, until = wait(ledger, campaign_id)
    assert reason == "the window of account default, 09:00-12:00, opens 2026-03-02 09:00 UTC"
    assert until == NOON + timedelta(hours=21)


def test_a_window_that_the_tick_has_yet_to_move_on_is_no_wait(ledger: Ledger) -> None:
    campaign_id = a_campaign(ledger, window="09:00-13:00", time_zone="UTC")
    ledger.clock.jump(21.5 * 3600)
    assert wait(ledger, campaign_id) == ("a worker", None)


def test_a_spent_day_ends_at_midnight(ledger: Ledger) -> None:
    ledger.an_account(per_day=1, time_zone="UTC")
    campaign_id = ledger.a_campaign(3)
    lease = ledger.a_lease()
    assert wait(ledger, campaign_id) == (None, None)
    ledger.record(lease, accepted(lease))
    reason, until = wait(ledger, campaign_id)
    assert reason == "the day of account default: its limit is used up until midnight"
    assert until == MIDNIGHT
    assert ledger.read(unfinished) == []


def test_a_doubt_that_waits_on_a_spent_day_is_still_to_be_worked_on(ledger: Ledger) -> None:
    ledger.an_account(per_day=3, time_zone="UTC")
    campaign_id = ledger.a_campaign(3)
    lease = ledger.a_lease()
    ledger.record(lease, in_doubt(lease, 60))
    assert [one["id"] for one in ledger.read(unfinished)] == [campaign_id]
    ledger.clock.jump(60)
    assert wait(ledger, campaign_id) == ("a worker", None)


def test_the_rate_and_a_back_off_name_their_end(ledger: Ledger) -> None:
    ledger.an_account(per_second=2)
    campaign_id = ledger.a_campaign(6)
    lease = ledger.a_lease()
    ledger.record(lease, accepted(lease))
    reason, until = wait(ledger, campaign_id)
    assert reason == "the rate of account default, 2 a second"
    assert until is not None
    assert abs(until - NOON - timedelta(seconds=1)) < timedelta(seconds=0.01)
    ledger.an_account(per_second=None)
    while ledger.campaign(campaign_id).pending_count and "asked again" not in (wait(ledger, campaign_id)[0] or ""):
        lease = ledger.a_lease()
        ledger.record(lease, not_sent(lease, 90))
    assert (wait(ledger, campaign_id)[1] or NOON) > NOON + timedelta(seconds=89)


def test_the_breaker_and_a_pause_that_may_pass_name_the_next_try(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(1)
    for _ in range(5):
        lease = ledger.a_lease()
        ledger.record(lease, not_sent(lease, 0))
    reason, until = wait(ledger, campaign_id)
    assert "5 attempts in a row" in (reason or "")
    assert until == ledger.account().probe_due_at
    ledger.clock.jump(60)
    lease = ledger.a_lease()
    ledger.record(lease, no_credit(lease))
    with ledger.transaction() as session:
        session.execute(update(Account).values(try_again_at=ledger.clock.now + timedelta(minutes=5)))
    reason, until = wait(ledger, campaign_id)
    assert reason == "account default is paused by system: no credit: top up; then one batch tries again"
    assert until == ledger.account().try_again_at


def test_a_canary_a_late_campaign_and_a_restored_database_are_named(ledger: Ledger) -> None:
    campaign_id = a_campaign(ledger, 5, canary_count=2, latest_at=NOON + timedelta(hours=1))
    lease = ledger.a_lease()
    ledger.record(lease, accepted(lease))
    reason = "its canary: what became of the first 2 decides about the rest"
    assert wait(ledger, campaign_id) == (reason, None)
    ledger.clock.jump(3600)
    assert wait(ledger, campaign_id) == ("late: its latest, 2026-03-01 13:00 UTC, has passed", None)
    with ledger.transaction() as session:
        session.execute(update(Installation).values(restored_at=NOON, restore_reason="it is older"))
    assert "restored from a backup: it is older" in (wait(ledger, campaign_id)[0] or "")


def test_the_forecast_follows_windows_and_limits_when_they_change(ledger: Ledger) -> None:
    campaign_id = a_campaign(ledger, 7200, at=NOON + timedelta(hours=1))
    assert end(ledger, campaign_id) is None
    ledger.an_account(per_second=2, time_zone="UTC")
    assert end(ledger, campaign_id) == NOON + timedelta(hours=2)
    ledger.an_account(per_second=1)
    assert end(ledger, campaign_id) == NOON + timedelta(hours=3)
    ledger.an_account(send_window="09:00-14:00")
    assert end(ledger, campaign_id) == NOON + timedelta(hours=22)
    ledger.an_account(per_day=7000)
    assert end(ledger, campaign_id) == NOON + timedelta(hours=21, seconds=3600)
    ledger.an_account(segments_per_day=3600)
    assert end(ledger, campaign_id) == NOON + timedelta(hours=22)
