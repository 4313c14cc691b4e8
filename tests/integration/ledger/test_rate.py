"""The rate: messages per second over all workers, never more, and not much less."""

from datetime import datetime, timedelta
from random import Random

import pytest
from sqlalchemy import select

from models.attempt import Attempt
from models.ledger.claim import claim
from models.ledger.hints import take_hints
from models.ledger.record import record
from models.session import transaction
from models.work import ClaimRefusal, Lease, Refused
from tests.support.ledger import CLAIMING, RECORDING, Ledger, accepted, positions, together

Claim = tuple[datetime, int]
ROUNDING = 0.01
"""Recipients; the database's moments are whole microseconds."""


def most_in_any_window(claims: list[Claim], rate: float) -> float:
    """Return by how many recipients the fullest window of t seconds exceeds rate x (t + 1)."""
    worst = float("-inf")
    for index, (begins, _) in enumerate(claims):
        count = 0
        for ends, recipients in claims[index:]:
            count += recipients
            worst = max(worst, count - rate * ((ends - begins).total_seconds() + 1))
    return worst


def send_for(ledger: Ledger, seconds: float, lateness: float) -> list[Claim]:
    """Claim as a lane does, waking up a little late after every wait, and answer at once."""
    claims = []
    ends = ledger.clock.now + timedelta(seconds=seconds)
    while ledger.clock.now < ends:
        with transaction(ledger.sessions) as session:
            got = claim(session, 1, clock=ledger.clock, **CLAIMING)
        if isinstance(got, Lease):
            claims.append((got.opened_at, len(positions(got))))
            with transaction(ledger.sessions) as session:
                record(session, got, accepted(got), clock=ledger.clock, **RECORDING)
        else:
            assert got.why is ClaimRefusal.RATE, got
            assert got.wait_seconds is not None and got.wait_seconds > 0
            ledger.clock.jump(got.wait_seconds + lateness)
    ledger.prove()
    return claims


@pytest.mark.parametrize(("rate", "size", "lateness"), [(20, 100, 0.05), (20, 4, 0.03), (1.5, 100, 0.05), (30, 7, 0)])
def test_a_rate_is_kept_in_every_window_and_used(
    sqlite_ledger: Ledger, rate: float, size: int, lateness: float
) -> None:
    sqlite_ledger.an_account(per_second=rate, batch_size=size)
    sqlite_ledger.a_campaign(1000)
    claims = send_for(sqlite_ledger, 10, lateness)
    assert most_in_any_window(claims, rate) < ROUNDING
    assert sum(count for _, count in claims) >= 0.9 * rate * 10


def test_a_rate_below_one_lets_single_messages_through(ledger: Ledger) -> None:
    ledger.an_account(per_second=0.25)
    ledger.a_campaign(3)
    assert len(positions(ledger.a_lease())) == 1
    refused = ledger.no_lease()
    assert refused.why is ClaimRefusal.RATE
    assert refused.wait_seconds == pytest.approx(4, abs=0.01)
    ledger.clock.jump(3.9)
    ledger.no_lease()
    ledger.clock.jump(0.2)
    ledger.a_lease()


def test_an_idle_account_saves_nothing_up(ledger: Ledger) -> None:
    ledger.an_account(per_second=5, max_parallel=64)
    ledger.a_campaign(50)
    ledger.a_lease()
    ledger.clock.jump(3600)
    claims: list[Claim] = []
    while isinstance(lease := ledger.claim(), Lease):
        claims.append((lease.opened_at, len(positions(lease))))
    assert sum(count for _, count in claims) == 5


def test_a_wait_for_the_rate_names_its_end(ledger: Ledger) -> None:
    ledger.an_account(per_second=4)
    ledger.a_campaign(8)
    ledger.a_lease()
    refused = ledger.no_lease()
    assert refused.why is ClaimRefusal.RATE
    assert refused.wait_seconds == pytest.approx(1, abs=0.01)
    ledger.clock.jump(1)
    assert len(positions(ledger.a_lease())) == 4


@pytest.mark.parametrize(("faster", "wait"), [(50, 0.02), (None, 0)])
def test_a_faster_rate_does_not_wait_for_the_slow_one(ledger: Ledger, faster: float | None, wait: float) -> None:
    ledger.an_account(per_second=0.001)
    ledger.a_campaign(3)
    ledger.a_lease()
    ledger.an_account(per_second=faster)
    ledger.clock.jump(wait + 0.001)
    assert ledger.do(take_hints, doubt_limit_seconds=86400) == {1: 1}
    assert len(positions(ledger.a_lease())) == 2


def test_several_workers_together_keep_the_rate_and_use_it(postgres_ledger: Ledger) -> None:
    """Four lanes over one simulated stretch of time: each claims as soon as it may, all compete for the same row."""
    rate = 40.0
    postgres_ledger.an_account(per_second=rate, batch_size=5, max_parallel=64)
    campaign_id = postgres_ledger.a_campaign(400)
    begins = postgres_ledger.clock.now

    def lane(seed: int) -> None:
        lateness = Random(seed)
        while postgres_ledger.clock.now < begins + timedelta(seconds=5):
            with transaction(postgres_ledger.sessions) as session:
                got = claim(session, 1, clock=postgres_ledger.clock, **CLAIMING)
            if isinstance(got, Refused):
                postgres_ledger.clock.jump(lateness.uniform(0, 0.02))

    together([lambda seed=seed: lane(seed) for seed in range(4)])
    attempts = postgres_ledger.all(
        select(Attempt).where(Attempt.campaign_id == campaign_id).order_by(Attempt.opened_at)
    )
    claims = [(one.opened_at, one.last_position - one.first_position + 1) for one in attempts]
    assert most_in_any_window(claims, rate) < ROUNDING
    assert sum(count for _, count in claims) >= 0.9 * rate * 5
