"""Several workers and schedulers, a bad clock, a moody provider, people who interfere: any order keeps P1 to P7.

The product itself takes every step; only the provider is a model. Whoever reads a failure finds the shortest sequence
of steps that leads to it.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import timedelta
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import make_url, select

from models.batch import Batch
from models.errors import IllegalMove
from models.ledger.control import (
    cancel_campaign,
    pause_account_by_hand,
    pause_campaign,
    resume_account,
    resume_campaign,
    start_everything,
    stop_everything,
)
from models.ledger.enqueue import Recipient
from models.ledger.failed import Choice
from models.ledger.retry import retry
from models.ledger.stops import add_stops, remove_stops
from models.outcome import Outcome
from models.session import reading, transaction
from models.states import OPEN_BATCH, BatchStatus, RecipientStatus
from models.work import Refused
from tests.support.databases import postgres_database
from tests.support.driving import Step, quick_settings
from tests.support.ledger import NOON, Ledger, SetClock, open_ledger
from tests.support.moody_provider import MOODS, MoodyProvider
from tests.support.snapshot import look
from tests.support.stepping import Stepped
from worker.dispatcher import Dispatcher
from worker.scheduler import Scheduler

WORKER_STEPS = frozenset({"claimed", "rendered", "posting", "posted"})
TICK_STEPS = frozenset({"rescue", "give_up", "hold", "start", "plan", "settle"})
TOTALS = (7, 4)
MOST_PARALLEL = 3
MOST_PROCESSES = 5
ENOUGH_ROUNDS = 80
HEAD_START = timedelta(days=30)
"""So far may the clock go back without reaching the moment at which `Ledger.prove` looks."""

NEVER_SENT = frozenset({RecipientStatus.CANCELLED, RecipientStatus.SKIPPED})
EXAMPLES = {"sqlite": 60, "postgres": 12}
STEPS = 40

DatabaseOf = Callable[[ExitStack], str]
"""Gives the URL of a new migrated database that lasts as long as the stack."""


class Interleaved(RuleBasedStateMachine):
    """Two campaigns of one account, batches of at most four; whatever stands still may go on at any time, or never."""

    database: DatabaseOf

    def __init__(self) -> None:
        super().__init__()
        self.open = ExitStack()
        url = type(self).database(self.open)
        self.ledger: Ledger = self.open.enter_context(open_ledger(url, SetClock(NOON + HEAD_START)))
        self.settings = quick_settings(url, max_attempts=4)
        self.provider = MoodyProvider()
        self.now = 0.0
        self.ledger.an_account(batch_size=4, max_parallel=MOST_PARALLEL)
        self.campaigns = [self.ledger.a_draft(recipients=people(at, total)) for at, total in enumerate(TOTALS)]
        self.phones = {
            (campaign_id, position): one.phone
            for at, campaign_id in enumerate(self.campaigns)
            for position, one in enumerate(people(at, TOTALS[at]), 1)
        }
        self.processes: list[Stepped] = []
        self.accepted: dict[tuple[int, int], str | None] = {}
        self.ended: dict[int, BatchStatus] = {}
        self.tick()

    def dispatcher(self, at: Step = lambda step: None) -> Dispatcher:
        return Dispatcher(
            self.settings,
            self.ledger.sessions,
            self.provider,
            clock=self.ledger.clock,
            monotonic=lambda: self.now,
            jitter=lambda: 1.0,
            at=at,
        )

    def scheduler(self, at: Step = lambda step: None) -> Scheduler:
        return Scheduler(self.settings, self.ledger.sessions, clock=self.ledger.clock, at=at)

    # What processes do, a step at a time.

    @precondition(lambda self: len(self.processes) < MOST_PROCESSES)
    @rule()
    def a_worker_begins(self) -> None:
        self.keep(Stepped(lambda at: self.dispatcher(at).dispatch(1), WORKER_STEPS))

    @precondition(lambda self: len(self.processes) < MOST_PROCESSES)
    @rule()
    def a_scheduler_begins(self) -> None:
        self.keep(Stepped(lambda at: self.scheduler(at).tick(), TICK_STEPS))

    @precondition(lambda self: self.processes)
    @rule(which=st.integers(0, MOST_PROCESSES - 1), mood=st.sampled_from(sorted(MOODS)))
    def a_process_goes_on(self, which: int, mood: str) -> None:
        process = self.processes.pop(which % len(self.processes))
        self.provider.mood = mood
        process.go_on()
        self.keep(process)

    @precondition(lambda self: self.processes)
    @rule(which=st.integers(0, MOST_PROCESSES - 1), mood=st.sampled_from(sorted(MOODS)))
    def a_process_goes_on_to_its_end(self, which: int, mood: str) -> None:
        process = self.processes.pop(which % len(self.processes))
        self.provider.mood = mood
        while process.step is not None:
            process.go_on()

    @precondition(lambda self: self.processes)
    @rule(which=st.integers(0, MOST_PROCESSES - 1))
    def a_process_dies(self, which: int) -> None:
        self.processes.pop(which % len(self.processes)).die()

    def keep(self, process: Stepped) -> None:
        if process.step is not None:
            self.processes.append(process)

    @rule(mood=st.sampled_from(sorted(MOODS)))
    def a_lane_works(self, mood: str) -> None:
        self.provider.mood = mood
        self.tick()
        self.dispatcher().dispatch(1)

    @rule()
    def tick(self) -> None:
        self.scheduler().tick()

    @precondition(lambda self: self.provider.pipe)
    @rule()
    def the_provider_works_off_what_waits(self) -> None:
        self.provider.work_off()

    # Time.

    @rule(seconds=st.sampled_from([1.0, 9.0, 61.0, 600.0, 86_401.0]))
    def time_passes(self, seconds: float) -> None:
        self.ledger.clock.jump(seconds)
        self.now += seconds

    @rule(seconds=st.sampled_from([-3600.0, -9.0, 9.0, 3600.0]))
    def the_clock_of_the_database_jumps(self, seconds: float) -> None:
        self.ledger.clock.jump(seconds)

    # People.

    @rule(which=st.integers(0, 1), resume=st.booleans())
    def a_campaign_is_paused_or_resumed(self, which: int, resume: bool) -> None:
        if resume:
            self.person(resume_campaign, self.campaigns[which])
        else:
            self.person(pause_campaign, self.campaigns[which], reason="wait")

    @rule(resume=st.booleans())
    def the_account_is_paused_or_resumed(self, resume: bool) -> None:
        if resume:
            self.person(resume_account, "default")
        else:
            self.person(pause_account_by_hand, "default", reason="wait")

    @rule(start=st.booleans())
    def everything_is_stopped_or_started(self, start: bool) -> None:
        if start:
            self.person(start_everything)
        else:
            self.person(stop_everything, reason="wait")

    @rule()
    def a_campaign_is_cancelled(self) -> None:
        self.person(cancel_campaign, self.campaigns[1], reason="wrong text")

    @rule(which=st.integers(0, 1))
    def what_failed_is_retried(self, which: int) -> None:
        self.person(
            retry,
            self.campaigns[which],
            Choice(),
            explain=lambda said: None,
            doubt_limit_seconds=self.settings.doubt_limit_seconds,
            quiet_seconds=self.settings.quiet_seconds,
        )

    @rule(size=st.integers(1, 4))
    def the_batch_size_is_changed(self, size: int) -> None:
        self.ledger.an_account(batch_size=size)

    @rule(which=st.integers(0, 1), position=st.integers(1, min(TOTALS)), stopped=st.booleans())
    def a_number_is_stopped_or_not_any_more(self, which: int, position: int, stopped: bool) -> None:
        phone = self.phones[self.campaigns[which], position]
        if stopped:
            self.person(add_stops, [phone], reason="asked")
        else:
            self.person(remove_stops, [phone])

    def person(self, verb: Callable[..., object], *arguments: object, **named: object) -> None:
        """Do what a person asks for; what is not possible now is refused and changes nothing."""
        with suppress(IllegalMove), transaction(self.ledger.sessions) as session:
            verb(session, *arguments, **named, actor="anna", clock=self.ledger.clock)

    # What is true at every moment.

    @invariant()
    def every_promise_holds(self) -> None:
        with reading(self.ledger.sessions) as session:
            now = look(session)
        assert list(now.breaches()) == []
        assert len(now.running()) <= MOST_PARALLEL
        accepted, ended = now.accepted(), now.ended()
        assert {key: accepted.get(key) for key in self.accepted} == self.accepted
        assert {key: ended.get(key) for key in self.ended} == self.ended
        self.accepted, self.ended = accepted, ended
        for key, one in now.outcomes_by_key().items():
            self.compare(key, one)

    def compare(self, key: str, one: Any) -> None:
        """Hold an outcome against the provider's ledger (P3, P4)."""
        charged = self.provider.charged.get(key)
        if one.status is RecipientStatus.ACCEPTED:
            assert charged == one.provider_message_id, f"position {one.position} was not charged under this id"
        elif charged is not None:
            assert one.status not in NEVER_SENT, f"position {one.position} was charged, and is {one.status}"
            refused = one.status is RecipientStatus.REJECTED
            assert one.after_doubt or not refused, f"position {one.position} was charged, and is rejected"

    # The end.

    def teardown(self) -> None:
        """From now on all is well: every campaign ends, nobody is pending, and whoever was charged is accounted for."""
        try:
            for process in self.processes[1::2]:
                process.die()
            for process in self.processes[::2]:
                self.provider.mood = "answers"
                while process.step is not None:
                    process.go_on()
            self.provider.work_off()
            self.drain()
            self.every_promise_holds()
            self.ledger.prove()
            assert self.ledger.all(select(Batch.id).where(Batch.status.in_(OPEN_BATCH))) == []
            assert len(self.ledger.all(select(Outcome.status))) == sum(TOTALS)
        finally:
            self.open.close()

    def drain(self) -> None:
        for _ in range(ENOUGH_ROUNDS):
            self.person(start_everything)
            self.person(resume_account, "default")
            for campaign_id in self.campaigns:
                self.person(resume_campaign, campaign_id)
            self.time_passes(600.0)
            self.provider.mood = "answers"
            self.tick()
            while not isinstance(self.dispatcher().dispatch(1), Refused):
                pass
            if all(self.ledger.campaign(one).finished_at is not None for one in self.campaigns):
                return
        raise AssertionError([self.ledger.campaign(one).status for one in self.campaigns])


def people(campaign: int, total: int) -> Iterator[Recipient]:
    """Yield recipients that nobody else has: a number is known to the provider under one key."""
    for number in range(1, total + 1):
        yield Recipient(phone=str(79030000000 + 1000 * campaign + number))


def run(kind: str, database: DatabaseOf) -> None:
    machine = type(f"Interleaved_{kind}", (Interleaved,), {"database": staticmethod(database)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES[kind],
            stateful_step_count=STEPS,
            derandomize=True,
            deadline=None,
            database=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.timeout(300)
def test_any_order_of_steps_keeps_every_promise_on_sqlite(sqlite_url: str) -> None:
    template = make_url(sqlite_url).database
    assert template is not None

    def database(stack: ExitStack) -> str:
        path = Path(stack.enter_context(TemporaryDirectory())) / "bulkpost.db"
        copyfile(template, path)
        return f"sqlite:///{path}"

    run("sqlite", database)


@pytest.mark.timeout(300)
def test_any_order_of_steps_keeps_every_promise_on_postgresql(
    postgres_server_url: str, _postgres_template: str
) -> None:
    run("postgres", lambda stack: stack.enter_context(postgres_database(postgres_server_url, _postgres_template)))
