"""`bulkpost web`, `bulkpost up --web` and `bulkpost key` at a shell."""

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests

from tests.cli.shell import Shell
from worker.simulator.running import RunningSimulator

WAIT_SECONDS = 30
BODY: dict[str, Any] = {"content": {"sender": "Shop", "text": "Hello"}, "recipients": [{"phone": "79031234567"}]}


@contextmanager
def started(shell: Shell, *command: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Start a command that serves HTTP on any port; end it gently."""
    process = shell.start(*command, LOG_LEVEL="WARNING")
    try:
        assert process.stderr is not None
        found = None
        while found is None and (line := process.stderr.readline()):
            found = re.search(r"listens on (http://\S+)", line)
        assert found is not None, "the door did not open"
        yield found[1], process
    finally:
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=WAIT_SECONDS)
        assert process.returncode in (0, -signal.SIGTERM), said
        assert "Traceback" not in said


def headers(shell: Shell) -> dict[str, str]:
    made = shell.json("key", "create", "shop")
    assert sorted(made) == ["id", "key"]
    assert made["key"].startswith("bp_")
    return {"Authorization": f"Bearer {made['key']}"}


def test_a_process_of_its_own_serves_until_it_is_told_to_end(shell: Shell, simulator: RunningSimulator) -> None:
    shell.run("account", "set", "default", "--gateway-url", simulator.url)
    with started(shell, "web", "--port", "0") as (url, _):
        created = requests.post(f"{url}/v1/campaigns", json=BODY, headers=headers(shell), timeout=WAIT_SECONDS)
        assert created.status_code == 201, created.text
        assert requests.get(f"{url}/readyz", timeout=WAIT_SECONDS).status_code == 200
    assert shell.json("campaign", "show", "1")["status"] == "scheduled"


def test_up_serves_and_sends(shell: Shell, simulator: RunningSimulator) -> None:
    shell.run("account", "set", "default", "--gateway-url", simulator.url)
    key = headers(shell)
    with started(shell, "up", "--web", "0") as (url, process):
        assert requests.post(f"{url}/v1/campaigns", json=BODY, headers=key, timeout=WAIT_SECONDS).status_code == 201
        shown = shell.json("campaign", "watch", "1")
        assert shown["counts"]["accepted"] == 1
        assert process.poll() is None


def test_a_port_that_is_taken_is_one_line(shell: Shell) -> None:
    with started(shell, "web", "--port", "0") as (url, _):
        port = url.rsplit(":", 1)[1]
        assert f"port {port}" in shell.refusal("web", "--port", port)


def test_keys_are_listed_and_revoked_once(shell: Shell) -> None:
    key = headers(shell)["Authorization"].removeprefix("Bearer ")
    made = shell.json("key", "create", "bank", "--account", "default", "--allow", "read,send")
    first, second = shell.json("key", "list")
    assert (first["account"], first["allowed"]) == (None, ["read", "send", "control"])
    assert (second["id"], second["account"], second["allowed"]) == (made["id"], "default", ["read", "send"])
    assert key not in shell.run("key", "list").stdout
    assert shell.run("key", "revoke", "1").returncode == 0
    assert "revoked already" in shell.refusal("key", "revoke", "1")
    assert "no key 9" in shell.refusal("key", "revoke", "9")
    assert shell.json("key", "list")[0]["revoked_at"] is not None


def test_a_key_that_makes_no_sense_is_refused(shell: Shell) -> None:
    assert "there is read, send, control" in shell.refusal("key", "create", "x", "--allow", "fly")
    assert "of no use" in shell.refusal("key", "create", "x", "--allow", "")
    assert "nowhere" in shell.refusal("key", "create", "x", "--account", "nowhere")
    assert "no name" in shell.refusal("key", "create", " ")
    assert shell.json("key", "list") == []
