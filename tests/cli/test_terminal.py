"""On a terminal: what is asked, what moves, and that the same commands are plain text elsewhere."""

import pytest

from tests.cli.shell import Shell
from worker.simulator.running import RunningSimulator

pytestmark = pytest.mark.timeout(120)
CREATE = ("campaign", "create", "--sender", "Shop", "--text", "Hello", "--recipients", "list.csv")
QUESTION = "Create this one as well? [y/N]:"


@pytest.mark.parametrize("answer", ["n\n", "\n", "\x03"], ids=["no", "nothing", "Ctrl-C"])
def test_mailing_created_twice_is_asked_about_and_no_leaves_nothing(shell: Shell, answer: str) -> None:
    first = shell.create()
    code, screen = shell.at_terminal(*CREATE, asked=QUESTION, answer=answer)
    assert code == 1
    assert f"campaign {first['id']}, created " in screen
    assert "says the same to 100% of these numbers" in screen
    assert [campaign["id"] for campaign in shell.json("campaign", "list")] == [first["id"]]
    assert shell.json("prove")["recipient_count"] == 2


def test_mailing_created_twice_is_created_after_a_yes(shell: Shell) -> None:
    shell.create()
    code, screen = shell.at_terminal(*CREATE, asked=QUESTION, answer="y\n")
    assert (code, "total 2  pending 2" in screen) == (0, True)
    assert len(shell.json("campaign", "list")) == 2


def test_mailing_created_twice_is_only_warned_of_where_nobody_can_be_asked(shell: Shell) -> None:
    shell.create()
    done = shell.run(*CREATE)
    assert done.returncode == 0
    (warning,) = done.stderr.splitlines()
    assert warning.startswith("warning: campaign 1, created ")
    assert len(shell.json("campaign", "list")) == 2


def test_another_text_or_other_numbers_are_no_lookalike(shell: Shell) -> None:
    shell.create()
    shell.write_list([f"{79040000000 + number}" for number in range(10)], "others.csv")
    for other in ([*CREATE[:-3], "Other", *CREATE[-2:]], [*CREATE[:-1], "others.csv"]):
        done = shell.run(*other)
        assert (done.returncode, done.stderr) == (0, "")


def test_waiting_moves_a_bar_on_a_terminal_and_writes_lines_elsewhere(
    shell: Shell, simulator: RunningSimulator
) -> None:
    assert shell.run("account", "set", "default", "--gateway-url", simulator.url).returncode == 0
    up = shell.start("up")
    try:
        code, screen = shell.at_terminal(*CREATE, "--wait")
        assert code == 0
        assert "━" in screen
        assert "2 accepted" in screen
        done = shell.run("campaign", "watch", "1")
        assert done.returncode == 0
        assert "\x1b" not in done.stdout + done.stderr
        assert done.stderr.splitlines() == ["2 of 2  2 accepted"]
    finally:
        up.terminate()
        assert up.wait(30) == 0
        up.communicate()


@pytest.mark.parametrize("arguments", [("campaign", "list"), ("campaign", "show", "1"), ("account", "list")])
def test_colours_and_lines_are_for_terminals_only(shell: Shell, arguments: tuple[str, ...]) -> None:
    shell.create()
    done = shell.run(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert not set("\x1b─━│") & set(done.stdout)
    code, screen = shell.at_terminal(*arguments)
    assert code == 0
    assert "default" in screen or "scheduled" in screen
