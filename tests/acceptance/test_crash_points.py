"""P1, P2, P5, P7: a process killed at any step of a batch or of a tick loses nothing and sends nothing twice."""

import subprocess
import sys
from signal import SIGKILL

import pytest
from sqlalchemy import select

from models.attempt import Attempt
from models.session import transaction
from tests.support.driving import JumpingClock, a_runtime, create, repository, work_until_ended
from worker.proof import prove
from worker.runtime import Runtime
from worker.simulator.running import running_simulator

BATCH_STEPS = ("claiming", "claimed", "rendered", "posting", "posted", "recording", "recorded")
TICK_STEPS = ("starting", "start", "planning", "plan", "settling", "settle")


def run_until_killed_at(step: str, database_url: str, gateway_url: str) -> None:
    """Work in a process of its own until it kills itself at `step`."""
    child = subprocess.run(
        [sys.executable, "-m", "tests.support.crash_child", database_url, gateway_url, step],
        cwd=repository(),
        timeout=30,
        check=False,
    )
    assert child.returncode == -SIGKILL, f"the step {step} was never reached"


def open_attempts(runtime: Runtime) -> int:
    with transaction(runtime.sessions) as session:
        return len(session.execute(select(Attempt.id).where(Attempt.closed_at.is_(None))).all())


@pytest.mark.parametrize("step", BATCH_STEPS + TICK_STEPS)
def test_kill_at_any_step_charges_everybody_once(step: str, database_url: str) -> None:
    with running_simulator() as simulator, a_runtime(database_url, simulator.url, batch_size=10) as runtime:
        campaign_id = create(runtime, 35)
        run_until_killed_at(step, database_url, simulator.url)
        counts = work_until_ended(runtime, campaign_id)
        assert counts == {
            "total": 35, "pending": 0, "accepted": 35, "rejected": 0, "unknown": 0, "cancelled": 0, "skipped": 0,
        }  # fmt: skip
        assert simulator.ledger()["charged"] == 35
        assert prove(runtime.sessions).breaches == ()


@pytest.mark.parametrize("step", ["rescuing", "rescue"])
def test_kill_inside_a_rescue_leaves_the_rescue_to_the_next_tick(step: str, database_url: str) -> None:
    with running_simulator() as simulator, a_runtime(database_url, simulator.url, batch_size=10) as runtime:
        campaign_id = create(runtime, 35)
        run_until_killed_at("posted", database_url, simulator.url)
        assert open_attempts(runtime) == 1
        run_until_killed_at(step, database_url, simulator.url)
        assert work_until_ended(runtime, campaign_id)["accepted"] == 35
        assert simulator.ledger()["charged"] == 35
        assert prove(runtime.sessions).breaches == ()


def test_answers_cut_after_the_charge_are_asked_again_under_the_same_keys(database_url: str) -> None:
    faults = [{"every": 3, "cut": "after"}]
    with (
        running_simulator(faults=faults) as simulator,
        a_runtime(database_url, simulator.url, batch_size=10) as runtime,
    ):
        campaign_id = create(runtime, 200)
        assert work_until_ended(runtime, campaign_id, JumpingClock())["accepted"] == 200
        ledger = simulator.ledger()
        assert (ledger["charged"], ledger["repeats"] >= 60) == (200, True)
        assert prove(runtime.sessions).breaches == ()
