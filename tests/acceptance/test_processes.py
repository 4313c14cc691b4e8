"""The whole product as processes of its own: embedded and killed; workers and beat with a broker that forgets."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from tests.support.programs import BIN, bulkpost, bulkpost_json, environment, program
from worker.simulator.running import RunningSimulator, running_simulator

pytestmark = pytest.mark.timeout(120)


def write_list(folder: Path, count: int) -> str:
    path = folder / "list.csv"
    rows = (f"{79030000000 + number},Name {number}\n" for number in range(count))
    path.write_text("phone,name\n" + "".join(rows), encoding="utf-8")
    return str(path)


def create(settings: Mapping[str, str], folder: Path, count: int, text: str = "Hello {name}") -> int:
    made = bulkpost_json(
        settings, "campaign", "create", "--sender", "Shop", "--text", text, "--recipients", write_list(folder, count)
    )
    assert made["counts"]["pending"] == count
    campaign_id: int = made["id"]
    return campaign_id


def everybody_was_charged_once(settings: Mapping[str, str], simulator: RunningSimulator, campaign_id: int) -> None:
    shown = bulkpost_json(settings, "campaign", "show", str(campaign_id))
    total = shown["counts"]["total"]
    assert (shown["status"], shown["counts"]["accepted"]) == ("finished", total)
    charged = {message["client_id_sms"]: message for message in simulator.ledger()["messages"]}
    assert simulator.ledger()["charged"] == len(charged) == total
    results = bulkpost(settings, "campaign", "results", str(campaign_id), "--format", "jsonl").stdout.splitlines()
    for row in map(json.loads, results):
        message = charged[row["client_id_sms"]]
        assert (message["id_sms"], message["phone"]) == (row["id_sms"], row["phone"])
        assert message["text"] == f"Hello Name {int(row['phone']) - 79030000000}"
    assert len(results) == total
    assert bulkpost(settings, "prove").returncode == 0


@pytest.fixture
def simulator() -> Iterator[RunningSimulator]:
    with running_simulator() as running:
        yield running


def test_killed_embedded_process_goes_on_where_it_was(
    sqlite_url: str, simulator: RunningSimulator, tmp_path: Path
) -> None:
    settings = environment(sqlite_url)
    gateway = ["--gateway-url", simulator.url, "--batch-size", "50"]
    assert bulkpost(settings, "account", "set", "default", *gateway).returncode == 0
    campaign_id = create(settings, tmp_path, 2000)
    simulator.set_faults([{"delay": 0.05}])
    with program(settings, "bulkpost", "up", log=tmp_path / "first.log") as up:
        simulator.wait_for_documents(12)
        up.kill()
        up.wait()
    assert bulkpost_json(settings, "campaign", "show", str(campaign_id))["counts"]["pending"] > 0
    simulator.set_faults([])
    again = bulkpost(settings, "up", "--until-idle", timeout=90)
    assert again.returncode == 0, again.stderr
    everybody_was_charged_once(settings, simulator, campaign_id)


def test_terminated_embedded_process_records_what_is_in_flight(
    sqlite_url: str, simulator: RunningSimulator, tmp_path: Path
) -> None:
    settings = environment(sqlite_url)
    gateway = ["--gateway-url", simulator.url, "--batch-size", "10"]
    assert bulkpost(settings, "account", "set", "default", *gateway).returncode == 0
    campaign_id = create(settings, tmp_path, 1000)
    simulator.set_faults([{"delay": 0.3}])
    with program(settings, "bulkpost", "up", log=tmp_path / "up.log") as up:
        simulator.wait_for_documents(5)
        up.terminate()
        assert up.wait(30) == 0
    shown = bulkpost_json(settings, "campaign", "show", str(campaign_id))
    assert (shown["counts"]["accepted"], shown["in_doubt"]) == (simulator.ledger()["charged"], 0)
    assert 0 < shown["counts"]["accepted"] < 1000


def test_workers_and_beat_finish_though_the_broker_forgets_everything(
    postgres_url: str, redis_url: str, simulator: RunningSimulator, tmp_path: Path
) -> None:
    settings = environment(postgres_url, BROKER_URL=redis_url)
    gateway = ["--gateway-url", simulator.url, "--batch-size", "20", "--max-parallel", "4"]
    assert bulkpost(settings, "account", "set", "default", *gateway).returncode == 0
    simulator.set_faults([{"delay": 0.05}])
    with ExitStack() as stack:
        for name in ("first", "second"):
            stack.enter_context(
                program(
                    settings, "celery", "-A", "worker", "worker", "--concurrency=2", f"--hostname={name}@%h",
                    "--without-gossip", "--without-mingle", log=tmp_path / f"{name}.log",
                )
            )  # fmt: skip
        beat = ("celery", "-A", "worker", "beat", f"--schedule={tmp_path / 'beat'}")
        stack.enter_context(program(settings, *beat, log=tmp_path / "beat.log"))
        campaign_id = create(settings, tmp_path, 2000)
        simulator.wait_for_documents(10)
        with Redis.from_url(redis_url) as broker:
            broker.flushall()
        watched = bulkpost(settings, "campaign", "watch", str(campaign_id), timeout=90)
        assert watched.returncode == 0, watched.stderr
        ping = subprocess.run(
            [BIN / "celery", "-A", "worker", "inspect", "ping", "--timeout", "5"],
            env=settings, capture_output=True, text=True, check=False, cwd=Path(__file__).parent.parent.parent,
        )  # fmt: skip
        assert ping.stdout.count("pong") == 2, ping.stderr
    everybody_was_charged_once(settings, simulator, campaign_id)


def test_worker_without_a_broker_of_its_own_refuses_in_one_line(sqlite_url: str) -> None:
    refused = run_worker(environment(sqlite_url))
    assert refused.returncode == 1
    assert refused.stderr.strip().splitlines()[-1].startswith("bulkpost: BULKPOST_BROKER_URL is not set")


def test_worker_on_a_database_without_tables_refuses_in_one_line(empty_sqlite_url: str, redis_url: str) -> None:
    refused = run_worker(environment(empty_sqlite_url, BROKER_URL=redis_url))
    assert refused.returncode == 1
    assert "run bulkpost db upgrade" in refused.stderr.strip().splitlines()[-1]


def run_worker(settings: Mapping[str, str]) -> "subprocess.CompletedProcess[Any]":
    command = [BIN / "celery", "-A", "worker", "worker", "--concurrency=1"]
    here = Path(__file__).parent.parent.parent
    return subprocess.run(command, env=settings, capture_output=True, text=True, timeout=30, check=False, cwd=here)
