"""`bulkpost campaign retry`: shows what failed, asks, and posts exactly that again."""

import json

import pytest

from tests.cli.shell import Shell
from worker.simulator.running import RunningSimulator

pytestmark = pytest.mark.timeout(120)
UNKNOWN_SENDER = "There is no such sender"


@pytest.fixture
def failed(shell: Shell, simulator: RunningSimulator) -> Shell:
    """A shell with a finished campaign of ten in which two were refused for the sender and one for its number."""
    assert shell.run("account", "set", "default", "--gateway-url", simulator.url).returncode == 0
    simulator.set_faults([
        {"phones": ["79030000001", "79030000002"], "text": "unknown_sender"},
        {"phones": ["79030000003"], "text": "closed"},
    ])  # fmt: skip
    shell.write_list(["phone", *(str(79030000000 + number) for number in range(1, 11))])
    shell.create()
    assert shell.run("up", "--until-idle").returncode == 0
    assert shell.json("campaign", "show", "1")["counts"]["rejected"] == 3
    simulator.set_faults([])
    return shell


def test_retry_posts_what_failed_under_the_same_keys_and_nobody_else(
    failed: Shell, simulator: RunningSimulator
) -> None:
    before = {row["phone"]: row["client_id_sms"] for row in failed.json("campaign", "results", "1")}
    answer = failed.json("campaign", "retry", "1", "--yes")
    assert (answer["retried"], answer["in_doubt"], answer["status"]) == (2, 0, "running")
    assert answer["groups"][0]["error_class"] == "message"
    assert answer["left_out"] == {"a destination that is closed for this account": 1}
    assert failed.run("up", "--until-idle").returncode == 0
    assert failed.json("campaign", "show", "1")["counts"]["accepted"] == 9
    posted = {message["phone"]: message["client_id_sms"] for message in simulator.ledger()["messages"]}
    del before["79030000003"]
    assert posted == before
    assert simulator.ledger()["repeats"] == 0
    assert failed.json("prove")["holds"]


def test_retry_says_how_many_of_which_text_and_who_is_left_out(failed: Shell) -> None:
    done = failed.run("campaign", "retry", "1", "--yes")
    assert done.returncode == 0
    assert done.stdout.splitlines()[1].split() == ["2", "rejected", "message", *UNKNOWN_SENDER.split()]
    assert done.stderr.splitlines() == [
        "left out: 1  a destination that is closed for this account; --force posts them",
        "2 recipients are posted again under the same keys",
    ]


def test_retry_twice_finds_nobody(failed: Shell) -> None:
    for said in ("2 recipients are posted again under the same keys", "nobody to retry"):
        done = failed.run("campaign", "retry", "1", "--yes")
        assert (done.returncode, done.stderr.splitlines()[-1]) == (0, said)


def test_retry_changes_nothing_where_nobody_can_be_asked(failed: Shell) -> None:
    done = failed.run("campaign", "retry", "1")
    assert done.returncode == 1
    assert "say it with --yes" in done.stderr.splitlines()[-1]
    assert failed.json("campaign", "show", "1")["status"] == "finished"


@pytest.mark.parametrize(("answer", "code", "status"), [("n\n", 1, "finished"), ("y\n", 0, "running")])
def test_retry_asks_on_a_terminal(failed: Shell, answer: str, code: int, status: str) -> None:
    found, screen = failed.at_terminal("campaign", "retry", "1", asked="again? [y/N]:", answer=answer)
    assert (found, UNKNOWN_SENDER in screen) == (code, True)
    assert failed.json("campaign", "show", "1")["status"] == status


def test_retry_takes_only_whom_the_filters_name(failed: Shell) -> None:
    for filters in (["--status", "unknown"], ["--text", "Out of SMS"], ["--error-class", "request"]):
        done = failed.run("campaign", "retry", "1", "--yes", *filters)
        assert (done.returncode, done.stderr.splitlines()[-1]) == (0, "nobody to retry")
    assert failed.json("campaign", "retry", "1", "--yes", "--error-class", "recipient", "--force")["retried"] == 1
    found = failed.json("campaign", "retry", "1", "--yes", "--text", UNKNOWN_SENDER, "--batch", "1")
    assert found["retried"] == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--status", "skipped"], '--status "skipped": there is rejected, unknown'),
        (["--error-class", "collision"], '--error-class "collision": there is recipient, message'),
        (["--status", ","], "--status is empty"),
        (["--batch", "99"], "campaign 1 has no batch 99"),
    ],
)
def test_retry_refuses_what_cannot_be_chosen(shell: Shell, options: list[str], said: str) -> None:
    shell.create()
    refused = shell.refusal("campaign", "retry", "1", "--yes", *options)
    assert refused.startswith(said)


def test_retry_refuses_a_cancelled_campaign(shell: Shell) -> None:
    shell.create()
    assert shell.run("campaign", "cancel", "1").returncode == 0
    assert "campaign 1 is cancelled" in shell.refusal("campaign", "retry", "1", "--yes")


def test_retry_shows_json_alone_on_stdout(failed: Shell) -> None:
    done = failed.run("campaign", "retry", "1", "--yes", "--json")
    assert (json.loads(done.stdout)["id"], done.stderr) == (1, "")
