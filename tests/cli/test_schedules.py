"""`bulkpost schedule` and `bulkpost list` at a shell."""

from typing import Any

import pytest

from tests.cli.shell import Shell

MONTHLY = ("--cron", "0 10 1 * *", "--time-zone", "Europe/Moscow")
SAID = ("--sender", "Shop", "--text", "Hello {name}")


def create(shell: Shell, *options: str) -> Any:
    return shell.json("schedule", "create", *MONTHLY, *SAID, *options)


def test_a_schedule_is_created_shown_paused_resumed_and_ended(shell: Shell) -> None:
    made = create(
        shell, "Bonus", "--recipients", "list.csv", "--latest", "2h", "--window", "09:00-21:00", "--priority", "7"
    )
    assert made["recipients"] == str(shell.folder / "list.csv")
    assert made["options"] == {"priority": 7, "latest_seconds": 7200.0, "window": "09:00-21:00"}
    assert len(made["next"]) == 5
    assert {moment[7:] for moment in made["next"]} == {"-01T07:00:00Z"}
    shell.run("schedule", "pause", "Bonus")
    (paused,) = shell.json("schedule", "list")
    assert (paused["status"], paused["next_at"]) == ("paused", None)
    assert "goes on, next at" in shell.run("schedule", "resume", str(made["id"])).stderr
    assert shell.json("schedule", "show", "Bonus")["next"] == made["next"]
    shell.run("schedule", "end", "Bonus")
    assert shell.json("schedule", "list") == []
    assert "ended" in shell.run("schedule", "list", "--all").stdout


def test_a_list_is_saved_replaced_sent_to_and_removed(shell: Shell) -> None:
    saved = shell.json("list", "save", "vips", "list.csv")
    assert (saved["name"], saved["rows"], saved["columns"]) == ("vips", 2, ["name", "city"])
    made = create(shell, "--list", "vips")
    assert (made["name"], made["list"], made["recipients"]) == ("sms 0 10 1 * *", "vips", None)
    assert "end that first" in shell.refusal("list", "remove", "vips")
    done = shell.run("list", "save", "vips", "-", stdin="phone\n79033256699\nnope\n")
    assert 'list "vips" is replaced by 2 rows' in done.stderr
    shell.run("schedule", "end", made["name"])
    assert shell.run("list", "remove", "vips").returncode == 0
    assert shell.json("list", "list") == []


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--cron", "0 0 31 2 *", "--recipients", "list.csv"), "never fires"),
        (("--cron", "0 10 1 * *", "--recipients", "list.csv", "--time-zone", "Europe/Moskow"), "did you mean"),
        (("--cron", "0 10 1 * *", "--recipients", "none.csv"), "there is no file"),
        (("--cron", "0 10 1 * *", "--recipients", "-"), "bulkpost list save NAME -"),
        (("--cron", "0 10 1 * *", "--list", "nobody"), 'no list "nobody"'),
        (("--cron", "0 10 1 * *"), "either --recipients FILE or --list NAME"),
        (("--cron", "0 10 1 * *", "--recipients", "list.csv", "--latest", "soon"), "like 2h"),
        (("--cron", "0 10 1 * *", "--recipients", "list.csv", "--time-send", "2030-01-01 10:00"), "takes a {column}"),
        (("--cron", "0 10 1 * *", "--recipients", "list.csv", "12"), "taken for a number"),
        (("--cron", "0 10 1 * *", "--recipients", "list.csv", "--time-send", "{name}"), "no time offset"),
        (("--cron", "0 3 1 * *", "--recipients", "list.csv", "--window", "09:00-21:00", "--latest", "2h"), "opens at"),
    ],
)
def test_what_could_never_be_made_is_refused_at_once(shell: Shell, options: tuple[str, ...], says: str) -> None:
    assert says in shell.refusal("schedule", "create", *SAID, *options)
    assert shell.json("schedule", "list") == []


def test_a_wrong_column_is_seen_now_and_not_on_the_first_of_the_month(shell: Shell) -> None:
    refused = shell.refusal(
        "schedule", "create", *MONTHLY, "--sender", "Shop", "--text", "Hello {nme}", "--recipients", "list.csv"
    )
    assert "did you mean {name}?" in refused


def test_a_name_is_given_once(shell: Shell) -> None:
    create(shell, "Bonus", "--recipients", "list.csv")
    refused = shell.refusal("schedule", "create", "--name", "Bonus", *MONTHLY, *SAID, "--recipients", "list.csv")
    assert 'there is a schedule "Bonus"' in refused
