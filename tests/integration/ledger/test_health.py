"""What keeps a campaign from going on is found, once it has lasted a minute."""

from models.ledger.health import PATIENCE_SECONDS, find_ailments
from models.session import reading
from tests.support.ledger import DOUBT_LIMIT_SECONDS, Ledger, no_credit


def findings(ledger: Ledger) -> list[str]:
    with reading(ledger.sessions) as session:
        found = find_ailments(session, doubt_limit_seconds=DOUBT_LIMIT_SECONDS, clock=ledger.clock)
        return [ailment.finding for ailment in found]


def test_ready_batches_that_nobody_takes_are_found_after_a_minute(ledger: Ledger) -> None:
    ledger.a_campaign(3)
    ledger.plan()
    assert findings(ledger) == []
    ledger.clock.jump(PATIENCE_SECONDS + 1)
    (found,) = findings(ledger)
    assert found.startswith("1 batches have been ready for over 60 seconds")


def test_lease_that_nobody_rescues_is_found(ledger: Ledger) -> None:
    ledger.a_campaign(3)
    ledger.a_lease()
    ledger.clock.jump(10_000)
    assert any("nobody rescues them" in found for found in findings(ledger))


def test_account_paused_by_the_provider_is_found_with_its_reason(ledger: Ledger) -> None:
    ledger.a_campaign(3)
    lease = ledger.a_lease()
    ledger.record(lease, no_credit(lease))
    (found,) = findings(ledger)
    assert found.startswith("account default is paused by system:")
