"""What a tick does first: whoever waits for a message does not wait for what can be done later."""

from datetime import timedelta

from sqlalchemy import update

from models.campaign import Campaign
from models.ledger.report import show
from models.session import reading, transaction
from tests.support.driving import quick_settings
from tests.support.ledger import DOUBT_LIMIT_SECONDS, Ledger, in_doubt
from worker.scheduler import Scheduler


def test_lanes_are_asked_for_before_anything_is_settled_or_swept(ledger: Ledger) -> None:
    account_id = ledger.an_account()
    ledger.a_draft(1)
    order: list[str] = []
    scheduler = Scheduler(quick_settings("sqlite://"), ledger.sessions, clock=ledger.clock, at=order.append)
    lanes = scheduler.tick(lambda wanted: order.append(f"woken {sorted(wanted)}"))
    woken = f"woken {[account_id]}"
    assert list(lanes) == [account_id]
    assert order.index("planning") < order.index("hinting") < order.index(woken) < order.index("settling")
    assert order.index(woken) < order.index("sweeping")


def test_old_doubt_is_given_up_before_its_campaign_can_be_held_for_being_late(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(5)
    with transaction(ledger.sessions) as session:
        latest_at = ledger.clock(session) + timedelta(seconds=DOUBT_LIMIT_SECONDS / 2)
        session.execute(update(Campaign).values(latest_at=latest_at))
    lease = ledger.a_lease()
    ledger.record(lease, in_doubt(lease))
    ledger.clock.jump(DOUBT_LIMIT_SECONDS + 1)
    Scheduler(quick_settings("sqlite://"), ledger.sessions, clock=ledger.clock).tick()
    with reading(ledger.sessions) as session:
        shown = show(session, campaign_id)
    assert (shown["status"], shown["counts"]["unknown"]) == ("finished", 5)
