"""P1, P2, P5, P9: two schedulers, two beats, ticks early, late or at once, and a clock that jumps are harmless."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from threading import Event as Signal
from typing import Any

import pytest

from models.ledger.report import show
from models.session import reading
from tests.support.driving import JumpingClock, a_runtime, create, work_until_ended
from tests.support.ledger import together
from tests.support.programs import bulkpost, environment, program
from worker.dispatcher import Dispatcher
from worker.lane import Lane
from worker.proof import prove
from worker.runtime import Runtime
from worker.scheduler import Scheduler
from worker.simulator.running import running_simulator

pytestmark = pytest.mark.timeout(120)

JUMPS = (9.0, -5.0, 61.0, -30.0, 3.0, 120.0, -61.0)
"""Of the database's clock: a lease lasts eight seconds, so that some are lost that are not over."""

MOST_ROUNDS = 400


def test_schedulers_and_lanes_at_once_under_a_jumping_clock_charge_everybody_once(postgres_url: str) -> None:
    faults: list[dict[str, Any]] = [{"every": 5, "cut": "after"}, {"every": 7, "status": 500}]
    with (
        running_simulator(faults=faults) as simulator,
        a_runtime(postgres_url, simulator.url, batch_size=7, max_parallel=3) as runtime,
    ):
        campaigns = [create(runtime, 150), create(runtime, 60)]
        clock, ended = JumpingClock(), Signal()

        def scheduler(jumps: tuple[float, ...]) -> None:
            for round_ in range(MOST_ROUNDS):
                if ended.is_set():
                    return
                Scheduler(runtime.settings, runtime.sessions, clock=clock).tick()
                if jumps:
                    clock.jump(jumps[round_ % len(jumps)])
                if all_ended(runtime, campaigns):
                    ended.set()

        def lane() -> None:
            dispatcher = Dispatcher(runtime.settings, runtime.sessions, runtime.gateway, clock=clock)
            for _ in range(MOST_ROUNDS):
                if ended.is_set():
                    return
                Lane(dispatcher, stopping=ended.is_set, pause=lambda seconds: None).run(1)

        deeds: list[Callable[[], None]] = [partial(scheduler, JUMPS), *[partial(scheduler, ())] * 2, *[lane] * 4]
        together(deeds)
        for campaign_id in campaigns:
            work_until_ended(runtime, campaign_id, clock)
        shown = [show_counts(runtime, campaign_id) for campaign_id in campaigns]
        unsure = sum(counts["unknown"] for counts in shown)
        assert [counts["pending"] for counts in shown] == [0, 0]
        assert sum(counts["accepted"] for counts in shown) + unsure == simulator.ledger()["charged"] == 210
        assert simulator.ledger()["repeats"] > 0
        assert prove(runtime.sessions).breaches == ()


def all_ended(runtime: Runtime, campaigns: list[int]) -> bool:
    return all(show_counts(runtime, campaign_id)["pending"] == 0 for campaign_id in campaigns)


def show_counts(runtime: Runtime, campaign_id: int) -> dict[str, int]:
    with reading(runtime.sessions) as session:
        counts: dict[str, int] = show(session, campaign_id)["counts"]
    return counts


def test_two_beats_start_a_campaign_once(postgres_url: str, redis_url: str, tmp_path: Path) -> None:
    settings = environment(postgres_url, BROKER_URL=redis_url, TICK_SECONDS="0.2")
    with (
        running_simulator() as simulator,
        a_runtime(postgres_url, simulator.url, batch_size=10, max_parallel=4) as runtime,
        ExitStack() as stack,
    ):
        celery = ("celery", "-A", "worker")
        worker = (*celery, "worker", "--concurrency=2", "--without-gossip", "--without-mingle")
        stack.enter_context(program(settings, *worker, log=tmp_path / "worker.log"))
        for name in ("one", "two"):
            beat = (*celery, "beat", f"--schedule={tmp_path / name}")
            stack.enter_context(program(settings, *beat, log=tmp_path / f"{name}.log"))
        campaign_id = create(runtime, 300)
        assert bulkpost(settings, "campaign", "watch", str(campaign_id), timeout=90).returncode == 0
        assert show_counts(runtime, campaign_id)["accepted"] == simulator.ledger()["charged"] == 300
        assert simulator.ledger()["repeats"] == 0
        assert prove(runtime.sessions).breaches == ()
