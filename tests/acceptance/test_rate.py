"""The rate over eight processes: never more, and not much less, also when it is changed while they run.

Told by the database's own moments: when each attempt was opened, for how many recipients.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime

import pytest
from sqlalchemy import select

from models.attempt import Attempt
from models.event import Event
from models.ledger.control import set_account
from models.ledger.plan import plan, start_due
from models.session import Sessions, open_engine, open_sessions, reading, transaction
from tests.integration.ledger.test_rate import Claim, most_in_any_window
from tests.support.driving import a_runtime, create, repository
from worker.simulator.running import running_simulator

pytestmark = pytest.mark.timeout(180)

PROCESSES = 8
ROUNDING = 0.01
QUICK, SLOW = 60.0, 30.0
FIRST, SECOND = 240, 180  # recipients: about four and six seconds
SIZE = 15


@contextmanager
def lanes(database_url: str) -> Iterator[tuple[list["subprocess.Popen[bytes]"], int]]:
    """Run eight processes that are ready to begin; yield them, and where each says a byte per document."""
    told, tell = os.pipe()
    with ExitStack() as stack:
        running = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "tests.support.lane_child", database_url],
                    cwd=repository(), stdin=subprocess.PIPE, stdout=tell,
                )
            )
            for _ in range(PROCESSES)
        ]  # fmt: skip
        for one in running:
            stack.callback(one.kill)
        os.close(tell)
        hear(told, PROCESSES)
        yield running, told
    os.close(told)


def hear(told: int, count: int) -> None:
    """Wait until so many bytes were said."""
    while count > 0:
        said = len(os.read(told, count))
        assert said, "every process has ended"
        count -= said


def claims_of(sessions: Sessions) -> tuple[list[Claim], datetime]:
    """Return what was claimed when, and when the rate was changed last."""
    with reading(sessions) as session:
        attempts = session.execute(select(Attempt).order_by(Attempt.opened_at)).scalars().all()
        changes = session.execute(select(Event.happened_at).where(Event.kind == "account_changed"))
        changed_at = max(changes.scalars())
    return [(one.opened_at, one.last_position - one.first_position + 1) for one in attempts], changed_at


def used(claims: list[Claim], rate: float) -> float:
    """Return which part of the rate was used between the first and the last claim."""
    span = (claims[-1][0] - claims[0][0]).total_seconds()
    return sum(count for _, count in claims[:-1]) / (rate * span)


def test_eight_processes_keep_a_rate_that_changes_and_use_it(postgres_url: str) -> None:
    with (
        running_simulator() as simulator,
        a_runtime(postgres_url, simulator.url, per_second=QUICK, batch_size=SIZE, max_parallel=64) as runtime,
    ):
        create(runtime, FIRST + SECOND)
        with transaction(runtime.sessions) as session:
            start_due(session)
            plan(session)
        with lanes(postgres_url) as (processes, told):
            for one in processes:
                assert one.stdin is not None
                one.stdin.write(b"\n")
                one.stdin.flush()
            hear(told, FIRST // SIZE)
            with transaction(runtime.sessions) as session:
                set_account(session, "default", {"per_second": SLOW}, actor="test")
            assert [one.wait() for one in processes] == [0] * PROCESSES
        assert simulator.ledger()["charged"] == FIRST + SECOND
        engine = open_engine(postgres_url)
        claims, changed_at = claims_of(open_sessions(engine))
        engine.dispose()
    quick = [claim for claim in claims if claim[0] <= changed_at]
    slow = [claim for claim in claims if claim[0] > changed_at]
    assert most_in_any_window(claims, QUICK) < ROUNDING
    assert most_in_any_window(slow, SLOW) < ROUNDING
    assert used(quick, QUICK) >= 0.9
    assert used(slow, SLOW) >= 0.9
