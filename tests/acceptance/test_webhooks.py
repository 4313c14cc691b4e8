"""Webhooks told by real workers: a receiver that is down and comes up, and a worker that is killed while it tells."""

import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from signal import SIGKILL
from threading import Event
from typing import Any

import pytest
from sqlalchemy import update
from standardwebhooks import Webhook as Verifier

from models.ledger.outbox import KINDS
from models.session import database_clock, transaction
from models.webhook import Webhook, WebhookMessage
from tests.support.driving import a_runtime
from tests.support.loopback import answer, hosts_stopped, says, waits_for_the_client_to_leave
from tests.support.programs import bulkpost, bulkpost_json, environment, program
from tests.support.receivers import example_receiver, free_port, taken_apart
from worker.runtime import Runtime
from worker.simulator.running import running_simulator

pytestmark = pytest.mark.timeout(120)
PEOPLE = 40
WORKER = ("celery", "-A", "worker", "worker", "--concurrency=4", "--without-gossip", "--without-mingle")


def installation(database_url: str, broker_url: str) -> dict[str, str]:
    webhooks = {"WEBHOOK_SECRET": "0123456789abcdef", "WEBHOOK_PRIVATE_ADDRESSES": "127.0.0.1"}
    return environment(database_url, BROKER_URL=broker_url, **webhooks)


def say(settings: Mapping[str, str], *arguments: str) -> str:
    """Run a command that must succeed, and return what it prints."""
    done = bulkpost(settings, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def create(settings: Mapping[str, str], folder: Path, *options: str) -> str:
    people = folder / "list.csv"
    people.write_text("phone\n" + "".join(f"{79030000001 + number}\n" for number in range(PEOPLE)), encoding="utf-8")
    made = bulkpost_json(
        settings, "campaign", "create", "--sender", "Shop", "--text", "Hi", "--recipients", str(people), *options
    )
    return str(made["id"])


def the_webhook(settings: Mapping[str, str]) -> Any:
    (state,) = bulkpost_json(settings, "webhooks", "list")
    return state


def let_time_pass(runtime: Runtime) -> None:
    """End every wait and every lease of the outbox, as the hours would."""
    with transaction(runtime.sessions) as session:
        now = database_clock(session)
        session.execute(update(WebhookMessage).where(WebhookMessage.next_at > now).values(next_at=now))
        session.execute(update(Webhook).where(Webhook.try_at > now).values(try_at=now))
        session.execute(update(Webhook).where(Webhook.leased_until > now).values(leased_until=now))


@contextmanager
def beat(settings: Mapping[str, str], folder: Path) -> Iterator[None]:
    with program(settings, "celery", "-A", "worker", "beat", f"--schedule={folder / 'beat'}", log=folder / "beat.log"):
        yield


def test_a_receiver_that_was_down_is_told_every_kind_of_event_once_it_is_up(
    postgres_url: str, redis_url: str, tmp_path: Path
) -> None:
    settings, port = installation(postgres_url, redis_url), free_port()
    with (
        running_simulator() as simulator,
        a_runtime(postgres_url, simulator.url, batch_size=10) as runtime,
        program(settings, *WORKER, log=tmp_path / "worker.log"),
        beat(settings, tmp_path),
    ):
        secret = say(settings, "webhooks", "add", "shop", "--url", f"http://127.0.0.1:{port}/hook")
        sent = create(settings, tmp_path)
        later = create(settings, tmp_path, "--at", "2099-01-01 10:00", "--key", "later")
        say(settings, "campaign", "pause", later, "--reason", "wrong text")
        say(settings, "campaign", "cancel", later)
        say(settings, "campaign", "watch", sent)
        say(settings, "account", "pause", "default", "--reason", "holiday")
        while the_webhook(settings)["failures"] == 0:
            pass
        with example_receiver(port, secret) as receiver:
            while the_webhook(settings)["waiting"]:
                let_time_pass(runtime)
            receiver.kill()
            assert receiver.stdout is not None
            told = [json.loads(line) for line in receiver.stdout]
    everything = {kind: [one["data"] for one in told if one["type"] == kind] for kind in KINDS}
    assert len(told) == sum(map(len, everything.values()))
    assert [row["status"] for row in results(everything, sent)] == ["accepted"] * PEOPLE
    assert sorted(row["position"] for row in results(everything, sent)) == list(range(1, PEOPLE + 1))
    assert [row["status"] for row in results(everything, later)] == ["cancelled"] * PEOPLE
    assert [(one["campaign_id"], one["reason"]) for one in everything["campaign.paused"]] == [
        (int(later), "wrong text")
    ]
    assert [one["campaign_id"] for one in everything["campaign.cancelled"]] == [int(later)]
    for kind in ("campaign.started", "campaign.finished"):
        assert [one["campaign_id"] for one in everything[kind]] == [int(sent)]
    assert everything["campaign.finished"][0]["counts"]["accepted"] == PEOPLE
    assert everything["account.paused"] == [{"account": "default", "reason": "holiday"}]


def results(everything: Mapping[str, Any], campaign_id: str) -> list[Any]:
    told = [one for one in everything["recipients.results"] if one["campaign_id"] == int(campaign_id)]
    return [row for one in told for row in one["results"]]


@pytest.mark.parametrize("with_its_parent", [False, True])
def test_a_worker_killed_between_the_post_and_the_record_tells_it_again_under_one_id(
    postgres_url: str, redis_url: str, tmp_path: Path, with_its_parent: bool
) -> None:
    settings, again = installation(postgres_url, redis_url), Event()

    def takes(connection: socket.socket, host: Any) -> None:
        says(answer(b"", "204 No Content"))(connection, host)
        again.set()

    with (
        hosts_stopped() as start_host,
        a_runtime(postgres_url, "http://127.0.0.1:9/xml") as runtime,
        program(settings, *WORKER, log=tmp_path / "first.log") as worker,
        beat(settings, tmp_path),
    ):
        host = start_host(waits_for_the_client_to_leave, takes)
        secret = say(settings, "webhooks", "add", "shop", "--url", host.url)
        say(settings, "account", "pause", "default", "--reason", "holiday")
        while not host.requests:
            pass
        for doomed in [*([worker.pid] if with_its_parent else []), *children(worker.pid)]:
            with suppress(ProcessLookupError):
                os.kill(doomed, SIGKILL)
        assert host.scene_over.wait(30)
        second = program(settings, *WORKER, "--hostname=second@%h", log=tmp_path / "second.log")
        with second if with_its_parent else nullcontext():
            let_time_pass(runtime)
            assert again.wait(60)
            while the_webhook(settings)["waiting"]:
                pass
    told = [taken_apart(request) for request in host.requests]
    assert len(told) == 2
    assert len({headers["webhook-id"] for headers, _ in told}) == 1
    for headers, body in told:
        assert Verifier(secret).verify(body, headers)["data"] == {"account": "default", "reason": "holiday"}


def children(pid: int) -> list[int]:
    """Return the processes that a process has started (Linux)."""
    threads = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(word) for found in threads for word in found.read_text().split()]
