"""What a tick does first: whoever waits for a message does not wait for what can be done later."""

from tests.support.driving import quick_settings
from tests.support.ledger import Ledger
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
