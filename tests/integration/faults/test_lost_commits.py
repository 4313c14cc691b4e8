"""P1, P2: a connection lost during a commit leaves open whether it happened; either way nobody is asked twice."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from models.batch import Batch
from models.ledger.control import set_account
from models.session import reading, transaction
from models.states import BatchStatus
from tests.support.cutting import wire_to
from tests.support.driving import JumpingClock, work_until_ended
from tests.support.trouble import COUNT, dispatch, everybody_has_one_answer, nothing, once, one_batch, plain
from worker.proof import prove
from worker.scheduler import Scheduler

pytestmark = pytest.mark.timeout(60)

AN_ANSWER = b"<response>"
"""Is among the values of a record, which follow the statement's text in a message of their own."""


@pytest.mark.parametrize("delivers", [True, False], ids=["done", "not-done"])
@pytest.mark.parametrize("careful", [False, True], ids=["at-once", "careful"])
def test_record_that_nobody_confirmed_is_written_once(own_url: str, careful: bool, delivers: bool) -> None:
    with wire_to(own_url) as wire, one_batch(wire.url) as (runtime, simulator):
        at = {"stating": lambda: wire.break_at(AN_ANSWER, delivers=delivers)}
        if careful:
            with transaction(runtime.sessions) as session:
                set_account(session, "default", {"per_day": 1_000_000}, actor="test")
            at = {"recording": lambda: wire.break_at_commit(delivers=delivers)}
        done = dispatch(runtime, at=at, pause=once(nothing))
        assert (wire.is_broken, done.late) == (True, False)
        everybody_has_one_answer(runtime, simulator)


def test_record_that_went_on_without_us_while_it_was_repeated_is_not_late(own_url: str) -> None:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with (
        wire_to(own_url) as wire,
        one_batch(wire.url) as (runtime, simulator),
        psycopg.connect(plain(own_url)) as holder,
        psycopg.connect(plain(own_url), autocommit=True) as watcher,
        ThreadPoolExecutor(1) as beside,
    ):

        def let_go_when_both_wait() -> None:
            while watcher.execute(waiting).fetchone() != (2,):
                pass
            holder.rollback()

        def hold() -> None:
            holder.execute("SELECT id FROM bulkpost_batches FOR UPDATE")
            wire.break_at(AN_ANSWER, delivers=True, hears=False)

        def wait_beside() -> None:
            beside.submit(let_go_when_both_wait)

        done = dispatch(runtime, at={"stating": hold}, pause=once(wait_beside))
        assert (wire.is_broken, done.late) == (True, False)
        everybody_has_one_answer(runtime, simulator)


@pytest.mark.parametrize("delivers", [True, False], ids=["done", "not-done"])
def test_commit_of_a_claim_that_nobody_confirmed_posts_nothing(own_url: str, delivers: bool) -> None:
    with wire_to(own_url) as wire, one_batch(wire.url) as (runtime, simulator):
        with pytest.raises(OperationalError):
            dispatch(runtime, at={"claiming": lambda: wire.break_at_commit(delivers=delivers)})
        assert (wire.is_broken, simulator.counters()["documents"]) == (True, 0)
        with reading(runtime.sessions) as session:
            (batch,) = session.execute(select(Batch)).scalars()
            assert (batch.status is BatchStatus.RUNNING) is delivers
        assert work_until_ended(runtime, 1)["accepted"] == COUNT
        assert (simulator.ledger()["charged"], simulator.ledger()["repeats"]) == (COUNT, 0)
        assert prove(runtime.sessions).breaches == ()


def test_record_of_a_lost_lease_may_be_repeated_too(own_url: str) -> None:
    with wire_to(own_url) as wire, one_batch(wire.url) as (runtime, simulator):
        clock = JumpingClock()

        def lose_the_lease() -> None:
            clock.jump(60)
            Scheduler(runtime.settings, runtime.sessions, clock=clock).tick()

        at = {"posted": lose_the_lease, "recording": lambda: wire.break_at_commit(delivers=True)}
        done = dispatch(runtime, at=at, pause=once(nothing), clock=clock)
        assert (wire.is_broken, done.late) == (True, True)
        assert work_until_ended(runtime, 1, clock)["accepted"] == COUNT
        assert (simulator.ledger()["charged"], simulator.counters()["documents"]) == (COUNT, 1)
        assert prove(runtime.sessions).breaches == ()
