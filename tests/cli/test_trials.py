"""`campaign create --test`: one row's message to own numbers, and nothing else."""

import json

import pytest

from tests.cli.shell import Shell
from worker.simulator.running import RunningSimulator

pytestmark = pytest.mark.timeout(120)
CREATE = ("campaign", "create", "--sender", "Shop", "--text", "Hello {name}", "--recipients", "list.csv")
OWN = "+7 905 111-22-33,79051112244"


def test_own_numbers_get_what_the_first_sendable_row_would_get_and_nobody_else(
    shell: Shell, simulator: RunningSimulator
) -> None:
    assert shell.run("account", "set", "default", "--gateway-url", simulator.url).returncode == 0
    shell.write_list(["phone,name", "79033256699,", "79033256698,Olga", "79033256697,Ivan"])
    done = shell.run(*CREATE, "--name", "Spring", "--test", OWN, "--json")
    shown = json.loads(done.stdout)
    assert (shown["name"], shown["counts"]["total"], shown["priority"]) == ("test: Spring", 2, 9)
    (said,) = [line for line in done.stderr.splitlines() if line.startswith("test: ")]
    assert "what row 2 of the list would get goes to 2 own numbers" in said
    assert [campaign["id"] for campaign in shell.json("campaign", "list")] == [shown["id"]]
    assert shell.run("up", "--until-idle").returncode == 0
    messages = simulator.ledger()["messages"]
    assert {(one["phone"], one["text"]) for one in messages} == {
        ("79051112233", "Hello Olga"),
        ("79051112244", "Hello Olga"),
    }


def test_a_trial_may_be_repeated_and_does_not_stand_in_the_mailing_s_way(shell: Shell) -> None:
    first, second = (shell.json(*CREATE, "--test", OWN)["id"] for _ in range(2))
    assert first != second
    done = shell.run(*CREATE, "--json")
    assert json.loads(done.stdout)["counts"]["total"] == 2
    assert "warning" not in done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--test", "12345"], "--test: number 1, ending in 45: too few digits for a phone number"),
        (["--test", "79051112233,office"], "--test: number 2, ending in ce: not a phone number"),
        (["--test", ","], "--test takes 1 to 20 own numbers"),
        (["--test", OWN, "--draft"], "--test sends at once and creates nothing else"),
    ],
)
def test_a_trial_that_cannot_be_is_refused(shell: Shell, options: list[str], said: str) -> None:
    assert shell.refusal(*CREATE, *options).startswith(said)
    assert shell.json("campaign", "list") == []
