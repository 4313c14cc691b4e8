"""P1, P2, P5 while PostgreSQL fails: an answer that the provider has given is written, and nobody is asked twice."""

from contextlib import ExitStack
from datetime import datetime
from threading import Event as Flag
from threading import Thread

import pytest
from psycopg import OperationalError as Refused
from psycopg import connect
from sqlalchemy import event, make_url, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from models.ledger.webhooks import add_webhook
from models.session import database_clock, open_engine, open_sessions, reading, transaction
from tests.support.databases import migrate
from tests.support.driving import work_until_ended
from tests.support.servers import required
from tests.support.trouble import COUNT, Trouble, dispatch, everybody_has_one_answer, nothing, once, one_batch, plain
from worker.database_faults import find_fault
from worker.dispatcher import Dispatcher
from worker.private_servers import PrivatePostgres, private_postgres
from worker.proof import prove
from worker.scheduler import Scheduler

pytestmark = pytest.mark.timeout(60)

OTHERS_OF_IT = "WHERE datname = current_database() AND pid <> pg_backend_pid()"
DISK_FULL = "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53100'; END $$"


def test_answer_is_recorded_though_postgres_restarts_between_claim_and_record(
    own_url: str, server: PrivatePostgres
) -> None:
    with one_batch(own_url) as (runtime, simulator):
        dispatch(runtime, at={"posted": server.restart}, pause=once(nothing))
        everybody_has_one_answer(runtime, simulator)


def test_answer_waits_for_a_postgres_that_is_away(own_url: str, server: PrivatePostgres) -> None:
    with one_batch(own_url) as (runtime, simulator):
        waits: list[float] = []

        def come_back_late(seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 4:
                server.start()

        dispatch(runtime, at={"posted": server.kill}, pause=come_back_late)
        everybody_has_one_answer(runtime, simulator)
        assert len(waits) == 4
        assert waits == sorted(waits)


def test_recipients_are_read_though_postgres_restarts_after_the_claim(own_url: str, server: PrivatePostgres) -> None:
    with one_batch(own_url) as (runtime, simulator):
        dispatch(runtime, at={"claimed": server.stop}, pause=once(server.start))
        everybody_has_one_answer(runtime, simulator)


def test_postgres_that_stays_away_leaves_the_lease_to_rescue(own_url: str, server: PrivatePostgres) -> None:
    with one_batch(own_url) as (runtime, simulator):
        passed = 0.0

        def go_by(seconds: float) -> None:
            nonlocal passed
            passed += seconds

        steps = {"posted": server.stop}
        dispatcher = Dispatcher(
            runtime.settings,
            runtime.sessions,
            runtime.gateway,
            monotonic=lambda: passed,
            pause=go_by,
            at=lambda step: steps.pop(step, lambda: None)(),
        )
        with pytest.raises(OperationalError):
            dispatcher.dispatch(1)
        assert passed == pytest.approx(runtime.settings.lease_seconds)
        server.start()
        assert work_until_ended(runtime, 1)["accepted"] == COUNT
        assert (simulator.ledger()["charged"], simulator.ledger()["repeats"]) == (COUNT, COUNT)
        assert prove(runtime.sessions).breaches == ()


@pytest.mark.parametrize("state", ["40001", "40P01", "53100", "53200", "53300", "55P03", "57014", "25006", "58030"])
def test_answer_is_recorded_after_the_server_refused_once(own_url: str, state: str) -> None:
    raises = f"DO $$ BEGIN RAISE EXCEPTION 'not now' USING ERRCODE = '{state}'; END $$"
    trouble = Trouble(lambda session: session.execute(text(raises)))
    with one_batch(own_url) as (runtime, simulator):
        dispatch(runtime, at={"posted": trouble.fall_due}, pause=once(nothing), clock=trouble)
        everybody_has_one_answer(runtime, simulator)


def test_answer_is_recorded_though_an_administrator_ends_the_connection(own_url: str) -> None:
    trouble = Trouble(lambda session: session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())")))
    with one_batch(own_url) as (runtime, simulator):
        dispatch(runtime, at={"posted": trouble.fall_due}, pause=once(nothing), clock=trouble)
        everybody_has_one_answer(runtime, simulator)


def test_answer_is_recorded_after_a_deadlock(own_url: str) -> None:
    engine = open_engine(own_url)
    holds, may_end = Flag(), Flag()

    def meet_record_the_other_way_round() -> None:
        with transaction(open_sessions(engine)) as session:
            session.execute(text("SET LOCAL deadlock_timeout = '1h'"))  # the other one is undone
            session.execute(text("SELECT id FROM bulkpost_accounts FOR UPDATE"))
            holds.set()
            may_end.wait(30)
            session.execute(text("SELECT id FROM bulkpost_batches FOR UPDATE"))

    other = Thread(target=meet_record_the_other_way_round)

    def close_the_circle(session: Session) -> None:
        session.execute(text("SET LOCAL deadlock_timeout = '10ms'"))
        other.start()
        assert holds.wait(30)
        may_end.set()
        waiting = text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        with reading(open_sessions(engine)) as watching:
            while not watching.execute(waiting).scalar_one():
                watching.execute(text("SELECT pg_stat_clear_snapshot()"))
        session.execute(text("SELECT id FROM bulkpost_accounts FOR UPDATE"))

    trouble = Trouble(close_the_circle)

    def clock(session: Session) -> datetime:
        # Before it, recording at once asks what time it is.
        return trouble(session) if session.in_transaction() else database_clock(session)

    faults: list[str] = []
    with one_batch(own_url) as (runtime, simulator):
        with transaction(runtime.sessions) as session:  # whom a webhook is told of is not recorded in one statement
            add_webhook(session, "shop", "https://shop.example/hook", actor="test")
        event.listen(runtime.engine, "handle_error", lambda met: faults.append(met.original_exception.sqlstate))
        dispatch(runtime, at={"posted": trouble.fall_due}, pause=once(other.join), clock=clock)
        everybody_has_one_answer(runtime, simulator)
    engine.dispose()
    assert faults == ["40P01"]


def test_answer_is_recorded_when_a_read_only_postgres_takes_writes_again(own_url: str) -> None:
    name = make_url(own_url).database

    def set_read_only(value: str) -> None:
        with connect(plain(own_url), autocommit=True) as admin:
            admin.execute("SET default_transaction_read_only = off")
            admin.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = {value}')
            admin.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity {OTHERS_OF_IT}")

    with one_batch(own_url) as (runtime, simulator):
        dispatch(runtime, at={"posted": lambda: set_read_only("on")}, pause=once(lambda: set_read_only("off")))
        everybody_has_one_answer(runtime, simulator)


def test_server_without_a_connection_left_costs_no_answer_and_says_so() -> None:
    with (
        required(private_postgres({"max_connections": "8", "superuser_reserved_connections": "0"})) as small,
        ExitStack() as others,
    ):
        migrate(small.url)

        def take_every_connection() -> None:
            runtime.engine.dispose()
            with pytest.raises(Refused):
                while True:
                    others.enter_context(connect(plain(small.url)))

        with one_batch(small.url) as (runtime, simulator):
            dispatch(runtime, at={"posted": take_every_connection}, pause=once(others.close))
            everybody_has_one_answer(runtime, simulator)
            take_every_connection()
            with pytest.raises(OperationalError) as refused:
                dispatch(runtime)
            assert "raise its max_connections" in find_fault(refused.value).words
            others.close()


def test_step_of_a_tick_that_fails_leaves_the_others_their_work(own_url: str) -> None:
    fails = Trouble(lambda session: session.execute(text(DISK_FULL)))
    with one_batch(own_url) as (runtime, _simulator):
        fails.fall_due()  # in rescue, which is the first
        assert Scheduler(runtime.settings, runtime.sessions, clock=fails).tick() is not None
        assert not fails.is_due


def test_tick_without_a_database_fails_once(own_url: str, server: PrivatePostgres) -> None:
    with one_batch(own_url) as (runtime, _simulator):
        server.stop()
        steps: list[str] = []
        with pytest.raises(OperationalError) as refused:
            Scheduler(runtime.settings, runtime.sessions, at=steps.append).tick()
        server.start()
        assert (steps, find_fault(refused.value).everywhere) == ([], True)
