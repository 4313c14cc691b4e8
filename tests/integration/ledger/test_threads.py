"""Eight lanes at once: no batch twice, no position twice, never more than the parallel limit."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from threading import Lock

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.attempt import Attempt
from models.ledger.claim import claim
from models.ledger.outcomes import count_outcomes, write_outcomes
from models.ledger.record import record
from models.session import transaction
from models.states import RecipientStatus
from models.work import ClaimRefusal, Lease, RecipientOutcome
from tests.support.ledger import CLAIMING, RECORDING, Ledger, accepted, live_positions, together

WORKERS = 8
MOST = 3


def test_eight_lanes_at_once_never_share_anything(ledger: Ledger) -> None:
    ledger.an_account(batch_size=2, max_parallel=MOST)
    campaigns = [ledger.a_campaign(40), ledger.a_campaign(30)]
    seen: list[Lease] = []
    lock = Lock()

    def lane() -> None:
        while True:
            with transaction(ledger.sessions) as session:
                lease = claim(session, 1, clock=ledger.clock, **CLAIMING)
                # Inside the claim's own transaction the account is locked: this is the moment at its fullest.
                live = live_positions(session)
            assert len(live) == len(set(live))
            assert len(live) <= MOST * 2
            if isinstance(lease, Lease):
                with lock:
                    seen.append(lease)
                with transaction(ledger.sessions) as session:
                    record(session, lease, accepted(lease), clock=ledger.clock, **RECORDING)
            elif lease.why is ClaimRefusal.NOTHING_READY:
                return

    together([lane] * WORKERS)
    ledger.prove()
    assert len({(one.batch_id, one.attempt_number) for one in seen}) == len(seen) == 35
    assert set(Counter(ledger.all(select(Attempt.first_position).where(Attempt.campaign_id == 1))).values()) == {1}
    assert [ledger.campaign(one).accepted_count for one in campaigns] == [40, 30]


def test_two_records_of_one_range_count_each_recipient_once(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(60)
    late = ledger.a_lease()
    ledger.clock.jump(600)
    ledger.rescue()
    lease = ledger.a_lease()

    def answer(of: Lease) -> None:
        with transaction(ledger.sessions) as session:
            record(session, of, accepted(of), clock=ledger.clock, **RECORDING)

    together([partial(answer, late), partial(answer, lease)])
    ledger.prove()
    assert ledger.campaign(campaign_id).accepted_count == 60


def test_two_writers_of_one_range_in_opposite_orders_do_not_lock_each_other_out(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(200)
    (campaign,) = [ledger.campaign(campaign_id)]

    def outcomes(status: RecipientStatus) -> list[RecipientOutcome]:
        return [RecipientOutcome(position, status, reason="test") for position in range(1, 201)]

    def write(order: Callable[[list[RecipientOutcome]], list[RecipientOutcome]], status: RecipientStatus) -> None:
        with transaction(ledger.sessions) as session:
            _write(session, order(outcomes(status)))

    def _write(session: Session, rows: list[RecipientOutcome]) -> None:
        counts = write_outcomes(session, campaign_id, rows, ledger.clock(session))
        count_outcomes(campaign, session, counts)

    together(
        [
            partial(write, list, RecipientStatus.REJECTED),
            partial(write, lambda rows: rows[::-1], RecipientStatus.ACCEPTED),
        ]
    )
    ledger.prove()
    assert set(ledger.statuses(campaign_id).values()) == {"accepted"}
