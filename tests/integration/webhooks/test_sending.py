"""A sender and a receiver that verifies with the reference library: down and up again, and killed in the middle."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from standardwebhooks import Webhook as Verifier

from models.ledger.control import pause_account_by_hand
from models.ledger.telling import LEASE_SECONDS
from models.ledger.webhooks import add_webhook
from models.session import reading, transaction
from models.webhook import Webhook, WebhookMessage
from tests.support.crash_child import run_until_killed_at
from tests.support.crash_deeds import WEBHOOK_SETTINGS, tell_webhooks
from tests.support.driving import JumpingClock, a_runtime, create, work_until_ended
from tests.support.loopback import answer, hosts_stopped, says, waits_for_the_client_to_leave
from tests.support.receivers import example_receiver, free_port, taken_apart
from worker.runtime import Runtime
from worker.simulator.running import running_simulator
from worker.webhooks.posting import Poster
from worker.webhooks.sender import Sender
from worker.webhooks.signing import signing_secret


@pytest.fixture
def runtime(database_url: str) -> Iterator[Runtime]:
    """An installation that sends to a simulator of this test's own."""
    with running_simulator() as simulator, a_runtime(database_url, simulator.url) as runtime:
        yield runtime


def sender(runtime: Runtime, clock: JumpingClock | None = None, **changes: Any) -> Sender:
    settings = replace(runtime.settings, **WEBHOOK_SETTINGS)
    return replace(runtime.sender(), settings=settings, clock=clock or JumpingClock(), **changes)


def add(runtime: Runtime, port: int, name: str = "shop") -> str:
    """Add a webhook and return the secret of its receiver."""
    with transaction(runtime.sessions) as session:
        made = add_webhook(session, name, f"http://127.0.0.1:{port}/hook", actor="test")
        return signing_secret(WEBHOOK_SETTINGS["webhook_secret"], made.id, made.created_at)


def open_messages(runtime: Runtime) -> int:
    with reading(runtime.sessions) as session:
        return len(session.execute(select(WebhookMessage).where(WebhookMessage.delivered_at.is_(None))).all())


def test_a_receiver_that_was_down_is_told_everything_once_it_is_up(runtime: Runtime) -> None:
    port, clock = free_port(), JumpingClock()
    secret = add(runtime, port)
    campaign_id = create(runtime, 5)
    work_until_ended(runtime, campaign_id)
    assert not sender(runtime, clock).run()
    assert open_messages(runtime) == 3
    with example_receiver(port, secret) as receiver:
        for _ in range(10):
            clock.jump(15)  # all in all less than the reference library's five minutes
            sender(runtime, clock).run()
            if open_messages(runtime) == 0:
                break
        receiver.kill()
        assert receiver.stdout is not None
        told = [json.loads(line) for line in receiver.stdout]
    assert sorted(one["type"] for one in told) == ["campaign.finished", "campaign.started", "recipients.results"]
    (results,) = [one for one in told if one["type"] == "recipients.results"]
    assert [one["status"] for one in results["data"]["results"]] == ["accepted"] * 5


@pytest.mark.parametrize(("step", "posts"), [("leased", 1), ("posted", 2), ("closing", 2), ("closed", 1)])
def test_a_sender_killed_anywhere_tells_it_at_least_once_under_one_id(
    database_url: str, tmp_path: Path, step: str, posts: int
) -> None:
    with hosts_stopped() as start_host, a_runtime(database_url, "http://127.0.0.1:9/xml") as runtime:
        host = start_host(*[says(answer(b"", "204 No Content"))] * 2)
        secret = add(runtime, host.port)
        _pause_the_account(runtime)
        run_until_killed_at(step, tell_webhooks, database_url, tmp_path)
        clock = JumpingClock()
        sender(runtime, clock).run()
        # The lease of the one that was killed still runs.
        assert len(host.requests) == (0 if step == "leased" else 1)
        clock.jump(LEASE_SECONDS + 1)
        sender(runtime, clock).run()
        assert open_messages(runtime) == 0
        told = [taken_apart(request) for request in host.requests]
    assert len(told) == posts
    assert len({headers["webhook-id"] for headers, _ in told}) == 1
    for headers, body in told:
        assert Verifier(secret).verify(body, headers)["data"]["reason"] == "holiday"


def test_a_receiver_that_hangs_does_not_keep_another_from_being_told(runtime: Runtime) -> None:
    with hosts_stopped() as start_host:
        hanging, well = start_host(waits_for_the_client_to_leave), start_host(says(answer()))
        add(runtime, hanging.port, "hanging")
        add(runtime, well.port, "well")
        _pause_the_account(runtime)
        sender(runtime, poster=Poster(total_seconds=0.2)).run()
        assert len(well.requests) == 1
    with reading(runtime.sessions) as session:
        failures = dict(session.execute(select(Webhook.name, Webhook.failure_count)).all())
    assert failures == {"hanging": 1, "well": 0}


def test_without_a_secret_nothing_is_posted_and_the_reason_is_kept(runtime: Runtime) -> None:
    with hosts_stopped() as start_host:
        host = start_host()
        add(runtime, host.port)
        _pause_the_account(runtime)
        settings = replace(runtime.settings, **{**WEBHOOK_SETTINGS, "webhook_secret": ""})
        replace(sender(runtime), settings=settings).run()
        assert host.connection_count == 0
    with reading(runtime.sessions) as session:
        problem = session.execute(select(WebhookMessage.last_problem)).scalar_one()
    assert problem is not None
    assert "BULKPOST_WEBHOOK_SECRET is not set" in problem


def test_a_stopped_or_restored_installation_tells_nothing(runtime: Runtime) -> None:
    with hosts_stopped() as start_host:
        host = start_host()
        add(runtime, host.port)
        _pause_the_account(runtime)
        assert not sender(runtime, confirm=lambda: "restored").run()
        assert sender(runtime, stopping=lambda: True).run()
        assert host.connection_count == 0


def _pause_the_account(runtime: Runtime) -> None:
    with transaction(runtime.sessions) as session:
        pause_account_by_hand(session, "default", actor="test", reason="holiday")
