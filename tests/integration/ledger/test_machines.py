"""Several workers and schedulers, a bad clock, a moody provider, people who interfere: any order keeps P1 to P7.

The product itself takes every step; only the provider is a model. Whoever reads a failure finds the shortest sequence
of steps that leads to it.
"""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from random import Random
from shutil import copyfile
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import make_url, select

from models.batch import Batch
from models.ledger.control import cancel_campaign, pause_account_by_hand, pause_campaign, stop_everything
from models.ledger.stops import add_stops, remove_stops
from models.outcome import Outcome
from models.states import OPEN_BATCH
from tests.support.databases import postgres_database
from tests.support.ledger import SetClock, open_ledger
from tests.support.moody_provider import DOUBTFUL, MOODS, UNKIND
from tests.support.stepping import Stepped
from tests.support.world import BEGINNING, TOTAL, World, phone

WORKER_STEPS = frozenset({"claimed", "rendered", "posting", "posted"})
TICK_STEPS = frozenset({"rescue", "give_up", "hold", "start", "plan", "settle"})
MOST_CAMPAIGNS = 5
MOST_PROCESSES = 5

SEED = st.integers(0, 2**32)
MOOD = st.integers(0, 2**16)
"""From large ranges: small numbers are drawn too often, and the first mood with them."""
DEEDS = (
    "pause a campaign",
    "pause the account",
    "stop everything",
    *["cancel a campaign"] * 2,
    *["retry a campaign"] * 3,
    "stop a number",
    "let a number go on",
    "change the batch size",
    *["let all go on"] * 4,
)
EXAMPLES = {"sqlite": 30, "postgres": 12}
STEPS = 40

DatabaseOf = Callable[[ExitStack], str]
"""Gives the URL of a new migrated database that lasts as long as the stack."""


class Interleaved(RuleBasedStateMachine):
    """A few campaigns of one account, batches of a few; whatever stands still may go on at any time, or never."""

    database: DatabaseOf

    def __init__(self) -> None:
        super().__init__()
        self.open = ExitStack()
        url = type(self).database(self.open)
        self.world = World(self.open.enter_context(open_ledger(url, SetClock(BEGINNING))), url)
        self.moods = ["answers"]

    @initialize(chance=SEED)
    def the_provider_has_its_moods(self, chance: int) -> None:
        """A few for each life: where everything may happen, the same thing seldom happens twice."""
        random = Random(chance)
        self.moods = [random.choice(moods) for moods in (DOUBTFUL, UNKIND, sorted(MOODS), ["answers"])]

    def in_a_mood(self, mood: int) -> World:
        """Return the world with one of the provider's moods."""
        self.world.provider.mood = self.moods[mood % len(self.moods)]
        return self.world

    # What processes do, a step at a time.

    @precondition(lambda self: len(self.world.processes) < MOST_PROCESSES)
    @rule(steps=st.integers(1, 4), mood=MOOD)
    def a_worker_begins(self, steps: int, mood: int) -> None:
        world = self.in_a_mood(mood)
        world.keep(Stepped(lambda at: world.dispatcher(at).dispatch(1), WORKER_STEPS), steps - 1)

    @precondition(lambda self: len(self.world.processes) < MOST_PROCESSES)
    @rule(steps=st.integers(1, 6))
    def a_scheduler_begins(self, steps: int) -> None:
        self.world.keep(Stepped(lambda at: self.world.scheduler(at).tick(), TICK_STEPS), steps - 1)

    @precondition(lambda self: self.world.processes)
    @rule(which=st.integers(0, MOST_PROCESSES - 1), steps=st.integers(0, 6), mood=MOOD)
    def a_process_goes_on_or_dies(self, which: int, steps: int, mood: int) -> None:
        world = self.in_a_mood(mood)
        process = world.processes.pop(which % len(world.processes))
        if steps:
            world.keep(process, steps)
        else:
            process.die()

    @rule(moods=st.tuples(MOOD, MOOD))
    def a_lane_works(self, moods: tuple[int, int]) -> None:
        self.world.tick()
        for mood in moods:
            self.in_a_mood(mood).dispatch()

    @precondition(lambda self: self.world.provider.pipe)
    @rule()
    def the_provider_works_off_what_waits(self) -> None:
        self.world.provider.work_off()

    # Time.

    @rule(seconds=st.sampled_from([1.0, 9.0, 61.0, 61.0, 600.0, 86_401.0]))
    def time_passes(self, seconds: float) -> None:
        self.world.jump(seconds)

    @precondition(lambda self: self.world.processes)
    @rule(seconds=st.sampled_from([-3600.0, -9.0, 0.0, 0.0, 9.0, 3600.0]))
    def whoever_stands_still_loses_his_lease(self, seconds: float) -> None:
        """The clock of the database may jump as well."""
        self.world.jump(9.0)
        self.world.tick()
        self.world.jump(61.0)
        self.world.ledger.clock.jump(seconds)

    # People.

    @rule(deed=st.sampled_from(DEEDS), which=st.integers(0, MOST_CAMPAIGNS - 1))
    def a_person_interferes(self, deed: str, which: int) -> None:
        world = self.world
        campaign_id = world.campaigns[which % len(world.campaigns)]
        match deed:
            case "pause a campaign":
                world.person(pause_campaign, campaign_id, reason="wait")
            case "pause the account":
                world.person(pause_account_by_hand, "default", reason="wait")
            case "stop everything":
                world.person(stop_everything, reason="wait")
            case "cancel a campaign":
                world.person(cancel_campaign, campaign_id, reason="wrong text")
            case "retry a campaign":
                world.retry(campaign_id)
            case "stop a number":
                world.person(add_stops, [phone(which, 2)], reason="asked")
            case "let a number go on":
                world.person(remove_stops, [phone(which, 2)])
            case "change the batch size":
                world.ledger.an_account(batch_size=which + 1)
            case "let all go on":
                world.all_go_on()

    @precondition(lambda self: len(self.world.campaigns) < MOST_CAMPAIGNS)
    @rule()
    def a_campaign_comes(self) -> None:
        self.world.add_campaign()

    # What is true at every moment.

    @invariant()
    def every_promise_holds(self) -> None:
        self.world.check()

    # The end.

    def teardown(self) -> None:
        """From now on all is well: every campaign ends, nobody is pending, and whoever was charged is accounted for."""
        world = self.world
        try:
            for process in world.processes[1::2]:
                process.die()
            world.provider.mood = "answers"
            for process in world.processes[::2]:
                while process.step is not None:
                    process.go_on()
            world.provider.work_off()
            world.drain()
            world.check()
            world.ledger.prove()
            assert world.ledger.all(select(Batch.id).where(Batch.status.in_(OPEN_BATCH))) == []
            assert len(world.ledger.all(select(Outcome.status))) == TOTAL * len(world.campaigns)
        finally:
            self.open.close()


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
