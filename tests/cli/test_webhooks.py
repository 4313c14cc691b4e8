"""`bulkpost webhooks`: added with a secret that is shown once, tested, listed, told again, removed."""

import json
from collections.abc import Iterator

import pytest
from standardwebhooks import Webhook

from tests.cli.shell import Shell
from tests.support.loopback import Host, answer, hosts_stopped, says
from worker.simulator.running import RunningSimulator

pytestmark = pytest.mark.timeout(120)
OURS = {"WEBHOOK_SECRET": "0123456789abcdef", "WEBHOOK_PRIVATE_ADDRESSES": "127.0.0.1"}


@pytest.fixture
def receiver() -> Iterator[Host]:
    """A receiver that takes four messages."""
    with hosts_stopped() as start_host:
        yield start_host(*[says(answer(b"", "204 No Content"))] * 4)


def allowing(shell: Shell) -> Shell:
    return Shell(shell.folder, shell.environment(**OURS))


def verified(secret: str, request: bytes) -> object:
    head, _, body = request.partition(b"\r\n\r\n")
    pairs = (line.partition(": ") for line in head.decode().split("\r\n")[1:])
    return Webhook(secret).verify(body, {name: value for name, _, value in pairs})["type"]


def test_a_webhook_is_told_from_its_first_test_to_the_end_of_a_campaign(
    shell: Shell, receiver: Host, simulator: RunningSimulator
) -> None:
    ours = allowing(shell)
    ours.run("account", "set", "default", "--gateway-url", simulator.url)
    added = ours.run("webhooks", "add", "shop", "--url", receiver.url)
    secret = added.stdout.strip()
    assert secret.startswith("whsec_")
    assert ours.run("webhooks", "test", "shop").returncode == 0
    ours.create()
    done = ours.run("up", "--until-idle")
    assert done.returncode == 0, done.stderr
    told = sorted(str(verified(secret, one)) for one in receiver.requests)
    assert told == ["campaign.finished", "campaign.started", "recipients.results", "webhook.test"]
    (state,) = ours.json("webhooks", "list")
    assert (state["name"], state["waiting"], state["given_up"], state["failures"]) == ("shop", 0, 0, 0)
    assert secret not in json.dumps(state) + done.stderr
    assert ours.run("webhooks", "replay", "shop", "--since", "2026-01-01").stderr == "3 messages are told again\n"
    assert ours.run("webhooks", "replay", "--since", "2126-01-01").stderr == "0 messages are told again\n"
    assert ours.json("webhooks", "list")[0]["waiting"] == 3


def test_a_webhook_is_disabled_enabled_and_removed(shell: Shell) -> None:
    ours = allowing(shell)
    ours.json("webhooks", "add", "shop", "--url", "https://shop.example/", "--events", "account.paused")
    assert ours.run("webhooks", "disable", "shop").returncode == 0
    assert ours.json("webhooks", "list")[0]["disabled_at"] is not None
    assert ours.run("webhooks", "enable", "shop").returncode == 0
    assert ours.run("webhooks", "remove", "shop").returncode == 0
    assert ours.json("webhooks", "list") == []


def test_without_a_secret_of_the_installation_nothing_is_added(shell: Shell) -> None:
    said = shell.refusal("webhooks", "add", "shop", "--url", "https://shop.example/")
    assert said.startswith("BULKPOST_WEBHOOK_SECRET is not set")
    assert shell.json("webhooks", "list") == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--url", "http://127.0.0.2/"], "is plain http: use https"),
        (["--url", "https://127.0.0.1/", "--events", "campaign.begun"], 'no event is called "campaign.begun"'),
        (["--url", "https://127.0.0.1/", "--events", ","], "--events names no event"),
        (["--url", "https://127.0.0.1/", "--account", "other"], 'no account "other"'),
        (["--url", "nowhere"], "is no web address"),
        (["--url", "https://10.0.0.1/"], "10.0.0.1 leads to a private address"),
        (["--url", "https://0xa9fea9fe/"], "0xa9fea9fe leads to a private address"),
        (["--url", "https://[::ffff:10.0.0.1]/"], "::ffff:10.0.0.1 leads to a private address"),
    ],
)
def test_what_cannot_be_added_is_refused_in_a_line(shell: Shell, options: list[str], said: str) -> None:
    assert said in allowing(shell).refusal("webhooks", "add", "shop", *options)


def test_a_test_of_a_private_address_is_refused(shell: Shell) -> None:
    ours = allowing(shell)
    ours.json("webhooks", "add", "shop", "--url", "https://localhost/")
    assert "localhost leads to a private address" in ours.refusal("webhooks", "test", "shop")


def test_a_moment_that_is_none_is_refused(shell: Shell) -> None:
    assert '--since "soon" is no moment' in shell.refusal("webhooks", "replay", "--since", "soon")
