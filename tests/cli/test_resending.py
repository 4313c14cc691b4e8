"""`bulkpost campaign resend`: new messages under new keys, asked for, and never twice."""

import json

import pytest

from tests.cli.shell import Shell
from worker.simulator.running import RunningSimulator

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def failed(shell: Shell, simulator: RunningSimulator) -> Shell:
    """A shell with a finished campaign of four in which two were refused."""
    assert shell.run("account", "set", "default", "--gateway-url", simulator.url).returncode == 0
    simulator.set_faults([{"phones": ["79030000001", "79030000002"], "text": "moderator"}])
    shell.write_list(["phone", *(str(79030000000 + number) for number in range(1, 5))])
    shell.create()
    assert shell.run("up", "--until-idle").returncode == 0
    simulator.set_faults([])
    return shell


def test_resend_is_a_new_campaign_under_new_keys(failed: Shell, simulator: RunningSimulator) -> None:
    done = failed.run("campaign", "resend", "1", "--yes", "--json")
    shown = json.loads(done.stdout)
    assert (shown["id"], shown["counts"]["total"]) == (2, 2)
    assert done.stderr.splitlines() == ["2 rejected", "campaign 2 sends them the same under new keys"]
    assert failed.run("up", "--until-idle").returncode == 0
    assert failed.json("campaign", "show", "2")["counts"]["accepted"] == 2
    keys = {row["client_id_sms"] for row in failed.json("campaign", "results", "1")}
    new = {row["client_id_sms"] for row in failed.json("campaign", "results", "2")}
    assert (len(keys | new), simulator.ledger()["charged"]) == (6, 4)
    assert failed.json("prove")["holds"]


def test_resend_twice_creates_one_campaign(failed: Shell) -> None:
    assert failed.run("campaign", "resend", "1", "--yes").returncode == 0
    done = failed.run("campaign", "resend", "1", "--yes")
    assert done.returncode == 0
    assert done.stderr.splitlines()[-1] == "nobody to resend to: no campaign was created"
    assert len(failed.json("campaign", "list")) == 2


def test_resend_to_whoever_was_accepted_warns_of_the_second_message(failed: Shell) -> None:
    done = failed.run("campaign", "resend", "1", "--status", "accepted", "--yes")
    assert "WARNING: 2 of them were accepted: they get the message a SECOND time" in done.stderr


def test_resend_needs_a_yes(failed: Shell) -> None:
    done = failed.run("campaign", "resend", "1")
    assert (done.returncode, done.stdout) == (1, "")
    assert "say it with --yes" in done.stderr.splitlines()[-1]
    code, screen = failed.at_terminal("campaign", "resend", "1", asked="[y/N]:", answer="n\n")
    assert (code, "Send 2 new messages under new keys?" in screen) == (1, True)
    assert len(failed.json("campaign", "list")) == 1
    code, _ = failed.at_terminal("campaign", "resend", "1", asked="[y/N]:", answer="y\n")
    assert (code, len(failed.json("campaign", "list"))) == (0, 2)


def test_resend_refuses_to_touch_what_is_in_doubt(shell: Shell) -> None:
    shell.create()
    said = shell.refusal("campaign", "resend", "1", "--yes", "--status", "unknown")
    assert said.startswith('--status "unknown": there is accepted, rejected, cancelled, skipped')
