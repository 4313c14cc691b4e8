"""A database restored from a backup: noticed by a witness outside of it, adopted, asked again; nobody pays twice."""

import json
from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile

import pytest
from redis import Redis
from sqlalchemy import make_url

from tests.support.databases import postgres_database
from tests.support.programs import bulkpost, bulkpost_json, environment
from worker.simulator.running import RunningSimulator, running_simulator

pytestmark = pytest.mark.timeout(180)
COUNT = 60


@pytest.fixture
def simulator() -> Iterator[RunningSimulator]:
    with running_simulator() as running:
        yield running


def prepare(settings: dict[str, str], simulator: RunningSimulator, folder: Path) -> None:
    """A campaign that nobody has begun to send."""
    path = folder / "list.csv"
    path.write_text("phone\n" + "".join(f"{79030000000 + number}\n" for number in range(COUNT)))
    gateway = ("--gateway-url", simulator.url, "--batch-size", "7")
    assert bulkpost(settings, "account", "set", "default", *gateway).returncode == 0
    bulkpost_json(settings, "campaign", "create", "--sender", "Shop", "--text", "Hi", "--recipients", str(path))


def send_all(settings: dict[str, str]) -> dict[str, str]:
    """Send what can be sent; return the provider's ids by key."""
    sent = bulkpost(settings, "up", "--until-idle", timeout=90)
    assert sent.returncode == 0, sent.stderr
    rows = bulkpost(settings, "campaign", "results", "1", "--format", "jsonl").stdout.splitlines()
    return {row["client_id_sms"]: row["id_sms"] for row in map(json.loads, rows)}


def refuses_until_adopted(settings: dict[str, str], simulator: RunningSimulator, before: dict[str, str]) -> None:
    refused = bulkpost(settings, "up", "--until-idle", timeout=60)
    assert refused.returncode == 1
    (line,) = [one for one in refused.stderr.splitlines() if one.startswith("bulkpost:")]
    assert "older than what was sent from it" in line and "bulkpost adopt" in line
    assert bulkpost(settings, "doctor").returncode == 1
    documents = simulator.ledger()["charged"]
    done = bulkpost_json(settings, "adopt")
    assert (done["held"], done["in_doubt_count"]) == ([1], COUNT)
    assert bulkpost_json(settings, "campaign", "show", "1")["status"] == "paused"
    assert simulator.ledger()["charged"] == documents == COUNT
    assert bulkpost(settings, "campaign", "resume", "1").returncode == 0
    assert send_all(settings) == before
    assert simulator.ledger()["charged"] == COUNT
    assert bulkpost(settings, "prove").returncode == 0
    assert bulkpost(settings, "doctor").returncode == 0


def test_sqlite_file_that_was_put_back_sends_nothing_until_adopted(
    sqlite_url: str, simulator: RunningSimulator, tmp_path: Path
) -> None:
    settings = environment(sqlite_url)
    prepare(settings, simulator, tmp_path)
    file = Path(str(make_url(sqlite_url).database))
    copyfile(file, tmp_path / "backup")
    before = send_all(settings)
    for left in file.parent.glob(f"{file.name}-*"):
        left.unlink()
    copyfile(tmp_path / "backup", file)
    refuses_until_adopted(settings, simulator, before)


def test_postgresql_that_was_put_back_sends_nothing_until_adopted(
    postgres_url: str, postgres_server_url: str, redis_url: str, simulator: RunningSimulator, tmp_path: Path
) -> None:
    prepare(environment(postgres_url, BROKER_URL=redis_url), simulator, tmp_path)
    with postgres_database(postgres_server_url, template=str(make_url(postgres_url).database)) as backup_url:
        before = send_all(environment(postgres_url, BROKER_URL=redis_url))
        refuses_until_adopted(environment(backup_url, BROKER_URL=redis_url), simulator, before)


def test_witness_that_forgot_everything_stops_nobody(
    postgres_url: str, redis_url: str, simulator: RunningSimulator, tmp_path: Path
) -> None:
    settings = environment(postgres_url, BROKER_URL=redis_url)
    prepare(settings, simulator, tmp_path)
    send_all(settings)
    with Redis.from_url(redis_url) as broker:
        assert broker.keys("bulkpost:witness:*")
        broker.flushall()
    assert bulkpost(settings, "up", "--until-idle").returncode == 0


def test_copy_for_another_environment_sends_nothing_until_adopted(
    sqlite_url: str, simulator: RunningSimulator, tmp_path: Path
) -> None:
    settings = environment(sqlite_url)
    prepare(settings, simulator, tmp_path)
    elsewhere = {**settings, "BULKPOST_ENVIRONMENT": "staging"}
    refused = bulkpost(elsewhere, "up", "--until-idle")
    assert refused.returncode == 1 and "bulkpost adopt" in refused.stderr
    assert bulkpost_json(elsewhere, "adopt")["held"] == [1]
    assert simulator.ledger()["charged"] == 0
    assert bulkpost(settings, "up", "--until-idle").returncode == 1


def test_adopting_what_is_nobodys_backup_is_refused(sqlite_url: str) -> None:
    refused = bulkpost(environment(sqlite_url), "adopt")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "--restored" in refused.stderr
