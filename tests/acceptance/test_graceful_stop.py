"""P7, stopped by signals: what is in flight is finished and recorded, nothing more is claimed."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGINT, SIGQUIT, SIGTERM

import pytest
from celery import Celery
from sqlalchemy import select

from models.attempt import Attempt
from models.ledger.report import show
from models.session import reading
from tests.support.driving import a_runtime, create, repository, work_until_ended
from tests.support.programs import BIN, environment
from worker.celery import QUEUE
from worker.proof import prove
from worker.runtime import Runtime
from worker.simulator.running import RunningSimulator, running_simulator
from worker.wake import Wake

pytestmark = pytest.mark.timeout(120)

UP = ("bulkpost", "up")
PREFORK = ("celery", "-A", "worker", "worker", "--concurrency=2", "--without-gossip", "--without-mingle")
THREADS = (*PREFORK, "--pool=threads")
PROGRAMS = pytest.mark.parametrize("command", [UP, PREFORK, THREADS], ids=["up", "prefork", "threads"])
IN_FLIGHT = 2
COUNT = 200


@dataclass
class Sender:
    """A program that posts documents of ten, two at a time, to a provider that takes a second for each."""

    runtime: Runtime
    simulator: RunningSimulator
    process: "subprocess.Popen[str]"

    def says(self, words: str) -> None:
        """Wait until the program says something."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if words in line:
                return
        raise AssertionError(f"the program has ended and never said: {words}")

    def end(self) -> int:
        """Wait for the program's end; return its exit code."""
        self.process.communicate(timeout=60)
        return self.process.returncode

    def everything_posted_is_recorded(self) -> None:
        """No document was begun after the signal; each that was begun has its answer in the ledger."""
        assert self.simulator.counters()["documents"] == IN_FLIGHT
        with reading(self.runtime.sessions) as session:
            shown = show(session, 1)
            outcomes = session.execute(select(Attempt.outcome)).scalars().all()
        assert (shown["counts"]["accepted"], shown["in_doubt"]) == (10 * IN_FLIGHT, 0)
        assert [str(outcome) for outcome in outcomes] == ["answered"] * IN_FLIGHT
        self.nobody_was_charged_twice(10 * IN_FLIGHT)

    def nobody_was_charged_twice(self, charged: int) -> None:
        assert self.simulator.ledger()["charged"] == charged
        assert prove(self.runtime.sessions).breaches == ()


@contextmanager
def started(settings: Mapping[str, str], command: tuple[str, ...], log: Path) -> Iterator["subprocess.Popen[str]"]:
    with log.open("ab") as errors:
        process = subprocess.Popen(
            [BIN / command[0], *command[1:]], env={**settings, "PYTHONUNBUFFERED": "1"}, cwd=repository(), text=True,
            stdout=subprocess.PIPE, stderr=errors, start_new_session=True,
        )  # fmt: skip
    with process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def sender(command: tuple[str, ...], postgres_url: str, redis_url: str, tmp_path: Path) -> Iterator[Sender]:
    settings = environment(postgres_url, BROKER_URL=redis_url)
    with (
        running_simulator(faults=[{"delay": 1.0}]) as simulator,
        a_runtime(postgres_url, simulator.url, batch_size=10, max_parallel=IN_FLIGHT) as runtime,
        Celery(broker=redis_url) as broker,
    ):
        create(runtime, COUNT)
        broker.conf.task_default_queue = QUEUE
        assert Wake(broker).tick()
        with started(settings, command, tmp_path / "log") as process:
            simulator.wait_for_documents(IN_FLIGHT)
            yield Sender(runtime, simulator, process)


@pytest.mark.parametrize("command", [PREFORK, THREADS], ids=["prefork", "threads"])
def test_sigterm_finishes_what_is_in_flight_and_claims_nothing_more(sender: Sender) -> None:
    sender.process.send_signal(SIGTERM)
    assert sender.end() == 0
    sender.everything_posted_is_recorded()


@PROGRAMS
def test_second_sigterm_loses_no_record(sender: Sender) -> None:
    sender.process.send_signal(SIGTERM)
    sender.says("Warm shutdown")
    sender.process.send_signal(SIGTERM)
    assert sender.end() == 0
    sender.everything_posted_is_recorded()


@pytest.mark.parametrize("command", [PREFORK], ids=["prefork"])
def test_sigterm_to_every_process_of_the_service_loses_no_record(sender: Sender) -> None:
    os.killpg(sender.process.pid, SIGTERM)
    assert sender.end() == 0
    sender.everything_posted_is_recorded()


@PROGRAMS
def test_second_ctrl_c_loses_no_record(sender: Sender) -> None:
    os.killpg(sender.process.pid, SIGINT)
    sender.says("Warm shutdown")
    os.killpg(sender.process.pid, SIGINT)
    sender.end()
    sender.everything_posted_is_recorded()


@PROGRAMS
def test_sigquit_claims_nothing_more_and_loses_no_record(sender: Sender) -> None:
    sender.process.send_signal(SIGQUIT)
    sender.end()
    sender.everything_posted_is_recorded()


@pytest.mark.parametrize("command", [PREFORK], ids=["prefork"])
def test_killed_worker_takes_its_children_along_and_rescue_asks_again(sender: Sender) -> None:
    sender.process.kill()
    sender.end()
    sender.simulator.set_faults([])
    assert work_until_ended(sender.runtime, 1)["accepted"] == COUNT
    assert sender.simulator.ledger()["repeats"] == 10 * IN_FLIGHT
    sender.nobody_was_charged_twice(COUNT)
