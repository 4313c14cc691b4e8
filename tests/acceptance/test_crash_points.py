"""P1, P2, P5, P7: a process killed at any step loses nothing and sends nothing twice."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from models.attempt import Attempt
from models.campaign import Campaign
from models.ledger.control import set_account
from models.recipient import Recipient
from models.session import reading, transaction
from tests.support.crash_child import Crash, open_nursery
from tests.support.crash_deeds import (
    DAY_SECONDS,
    DUPLICATES,
    ENQUEUED,
    ROWS,
    SPOILT,
    enqueue_beside_an_order,
    import_a_list,
    import_strictly,
    outlive_a_doubt,
    retry_by_hand,
    work,
)
from tests.support.driving import JumpingClock, a_runtime, create, repository, work_once, work_until_ended
from worker.importer import StrictRefusal
from worker.proof import prove
from worker.runtime import Runtime
from worker.simulator.running import RunningSimulator, running_simulator

pytestmark = pytest.mark.timeout(120)

BATCH_STEPS = ("claiming", "claimed", "rendered", "posting", "posted", "stating", "recorded")
TICK_STEPS = ("starting", "start", "planning", "plan", "settling", "settle", "hinting", "waking")
IMPORT_STEPS = (
    "beginning", "begun", "adding:1", "added:1", "adding:3", "added:3", "marked:1", "finishing", "finished",
)  # fmt: skip
HOUR_SECONDS = 3601.0


@pytest.fixture(scope="module")
def crash() -> Iterator[Crash]:
    """What lets a process die at a step."""
    with open_nursery() as crash:
        yield crash


def nothing(step: str) -> None:
    """Go on."""


def everybody_was_charged_once(runtime: Runtime, simulator: RunningSimulator, count: int) -> None:
    assert simulator.ledger()["charged"] == count
    assert prove(runtime.sessions).breaches == ()


def count_of(runtime: Runtime, table: type[Attempt] | type[Campaign] | type[Recipient], *where: object) -> int:
    with reading(runtime.sessions) as session:
        return session.execute(select(func.count()).select_from(table).where(*where)).scalar_one()  # type: ignore[arg-type]


@pytest.mark.parametrize("step", BATCH_STEPS + TICK_STEPS)
def test_kill_at_any_step_charges_everybody_once(crash: Crash, step: str, database_url: str, tmp_path: Path) -> None:
    with running_simulator() as simulator, a_runtime(database_url, simulator.url, batch_size=10) as runtime:
        campaign_id = create(runtime, 35)
        crash(step, work, database_url, tmp_path)
        counts = work_until_ended(runtime, campaign_id)
        assert counts == {
            "total": 35, "pending": 0, "accepted": 35, "rejected": 0, "unknown": 0, "cancelled": 0, "skipped": 0,
        }  # fmt: skip
        everybody_was_charged_once(runtime, simulator, 35)


def test_kill_inside_a_careful_record_charges_everybody_once(crash: Crash, database_url: str, tmp_path: Path) -> None:
    with running_simulator() as simulator, a_runtime(database_url, simulator.url, batch_size=10) as runtime:
        campaign_id = create(runtime, 35)
        with transaction(runtime.sessions) as session:
            set_account(session, "default", {"per_day": 1_000_000}, actor="test")  # counted: not done in one statement
        crash("recording", work, database_url, tmp_path)
        assert work_until_ended(runtime, campaign_id)["accepted"] == 35
        everybody_was_charged_once(runtime, simulator, 35)


@pytest.mark.parametrize("step", ["rescuing", "rescue"])
def test_kill_inside_a_rescue_leaves_the_rescue_to_the_next_tick(
    crash: Crash, step: str, database_url: str, tmp_path: Path
) -> None:
    with running_simulator() as simulator, a_runtime(database_url, simulator.url, batch_size=10) as runtime:
        campaign_id = create(runtime, 35)
        crash("posted", work, database_url, tmp_path)
        assert count_of(runtime, Attempt, Attempt.closed_at.is_(None)) == 1
        crash(f"{step}:2" if step == "rescue" else step, work, database_url, tmp_path)
        assert work_until_ended(runtime, campaign_id)["accepted"] == 35
        everybody_was_charged_once(runtime, simulator, 35)


def test_kill_while_the_provider_has_processed_and_not_answered_charges_everybody_once(
    database_url: str, tmp_path: Path
) -> None:
    with (
        running_simulator(faults=[{"requests": [2], "hold": "after"}]) as simulator,
        a_runtime(database_url, simulator.url, batch_size=10) as runtime,
    ):
        campaign_id = create(runtime, 35)
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.support.crash_child", "work", database_url, str(tmp_path), "never"],
            cwd=repository(),
        )
        try:
            simulator.wait_for_documents(2)
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait()
        assert count_of(runtime, Attempt, Attempt.closed_at.is_(None)) == 1
        assert work_until_ended(runtime, campaign_id)["accepted"] == 35
        everybody_was_charged_once(runtime, simulator, 35)
        assert simulator.ledger()["repeats"] == 10


@pytest.mark.parametrize("step", ["giving_up", "give_up:2", "settling:2"])
def test_kill_while_doubts_are_given_up_leaves_the_rest_to_the_next_tick(
    crash: Crash, step: str, database_url: str, tmp_path: Path
) -> None:
    with (
        running_simulator(faults=[{"cut": "after"}]) as simulator,
        a_runtime(database_url, simulator.url, batch_size=10) as runtime,
    ):
        campaign_id = create(runtime, 35)
        crash(step, outlive_a_doubt, database_url, tmp_path)
        charged = simulator.ledger()["charged"]
        simulator.set_faults([])
        clock = JumpingClock()
        clock.jump(DAY_SECONDS)
        counts = work_until_ended(runtime, campaign_id, clock)
        assert (counts["accepted"], counts["unknown"]) == (35 - charged, charged)
        everybody_was_charged_once(runtime, simulator, 35)


@pytest.mark.parametrize("step", IMPORT_STEPS)
def test_kill_inside_an_import_leaves_all_of_the_campaign_or_nothing(
    crash: Crash, step: str, database_url: str, tmp_path: Path
) -> None:
    with running_simulator() as simulator, a_runtime(database_url, simulator.url, batch_size=10) as runtime:
        crash(step, import_a_list, database_url, tmp_path)
        whole = step == "finished"
        assert count_of(runtime, Campaign, Campaign.imported_at.is_not(None)) == int(whole)
        import_a_list(runtime, tmp_path, nothing)
        swept_and_sent(runtime, simulator)


@pytest.mark.parametrize("step", ["added:3", "rows_removed", "discarding"])
def test_kill_inside_an_import_that_is_refused_leaves_nothing_in_the_way(
    crash: Crash, step: str, database_url: str, tmp_path: Path
) -> None:
    with running_simulator() as simulator, a_runtime(database_url, simulator.url, batch_size=10) as runtime:
        crash(step, import_strictly, database_url, tmp_path)
        with pytest.raises(StrictRefusal):
            import_strictly(runtime, tmp_path, nothing)
        import_a_list(runtime, tmp_path, nothing)
        swept_and_sent(runtime, simulator)


def swept_and_sent(runtime: Runtime, simulator: RunningSimulator) -> None:
    """Of all that was begun there is one campaign, and it is sent once; the tick sweeps the rest away."""
    with reading(runtime.sessions) as session:
        (campaign_id,) = session.execute(select(Campaign.id).where(Campaign.imported_at.is_not(None))).scalars()
    clock = JumpingClock()
    counts = work_until_ended(runtime, campaign_id, clock)
    sent = ROWS - DUPLICATES - SPOILT
    assert (counts["accepted"], counts["skipped"], counts["total"]) == (sent, DUPLICATES + SPOILT, ROWS)
    clock.jump(HOUR_SECONDS)
    for _ in range(3):
        work_once(runtime, clock)
    assert (count_of(runtime, Campaign), count_of(runtime, Recipient)) == (1, ROWS)
    everybody_was_charged_once(runtime, simulator, sent)


@pytest.mark.parametrize("step", ["ordered", "row:5050", "enqueued", "committed"])
def test_kill_inside_the_transaction_of_another_application_leaves_both_of_its_rows_or_none(
    crash: Crash, step: str, database_url: str, tmp_path: Path
) -> None:
    with running_simulator() as simulator, a_runtime(database_url, simulator.url, batch_size=2000) as runtime:
        with transaction(runtime.sessions) as session:
            session.execute(text("CREATE TABLE shop_orders (placed_at text)"))
        crash(step, enqueue_beside_an_order, database_url, tmp_path)
        orders = text("SELECT count(*) FROM shop_orders")
        with reading(runtime.sessions) as session:
            placed = session.execute(orders).scalar_one()
        assert placed == count_of(runtime, Campaign) == int(step == "committed")
        assert count_of(runtime, Recipient) == placed * ENQUEUED
        enqueue_beside_an_order(runtime, tmp_path, nothing)
        with reading(runtime.sessions) as session:
            (campaign_id,) = session.execute(select(Campaign.id)).scalars()
        assert work_until_ended(runtime, campaign_id)["accepted"] == ENQUEUED
        everybody_was_charged_once(runtime, simulator, ENQUEUED)


@pytest.mark.parametrize("step", ["retrying", "retried"])
def test_kill_inside_a_retry_posts_exactly_those_again_that_had_failed(
    crash: Crash, step: str, database_url: str, tmp_path: Path
) -> None:
    with (
        running_simulator(
            faults=[{"phones": ["79030000003", "79030000017"], "text": "There is no such sender"}]
        ) as simulator,
        a_runtime(database_url, simulator.url, batch_size=10) as runtime,
    ):
        campaign_id = create(runtime, 35)
        assert work_until_ended(runtime, campaign_id)["rejected"] == 2
        simulator.set_faults([])
        crash(step, retry_by_hand, database_url, tmp_path)
        retry_by_hand(runtime, tmp_path, nothing)
        assert work_until_ended(runtime, campaign_id)["accepted"] == 35
        everybody_was_charged_once(runtime, simulator, 35)
        assert simulator.ledger()["repeats"] == 0


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
