"""`bulkpost stoplist`: numbers as people write them come and go, and no campaign reaches them."""

import csv
from io import StringIO

import pytest

from tests.cli.shell import Shell
from worker.simulator.running import RunningSimulator

pytestmark = pytest.mark.timeout(120)


def phones(shell: Shell) -> list[str]:
    return [row["phone"] for row in shell.json("stoplist", "list")]


def test_numbers_are_read_as_people_write_them_and_listed_as_digits(shell: Shell) -> None:
    done = shell.run("stoplist", "add", "+7 903 325-66-99", "8 (903) 325-66-98", "--reason", "asked by letter")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "2 added to the stop list\n")
    again = shell.run("stoplist", "add", "79033256699", "79033256697")
    assert again.stderr == "1 added to the stop list, 1 were there already\n"
    assert phones(shell) == ["79033256697", "79033256698", "79033256699"]
    table = list(csv.DictReader(StringIO(shell.run("stoplist", "list").stdout)))
    assert [(row["phone"], row["reason"]) for row in table][1:] == [
        ("79033256698", "asked by letter"),
        ("79033256699", "asked by letter"),
    ]


def test_one_unreadable_number_changes_nothing_and_is_not_quoted(shell: Shell) -> None:
    said = shell.refusal("stoplist", "add", "79033256699", "7903325")
    assert said == "number 2 of 2: too few digits for a phone number; nothing was changed"
    assert phones(shell) == []


def test_what_is_taken_off_is_told_apart_from_what_was_never_there(shell: Shell) -> None:
    shell.run("stoplist", "add", "79033256699")
    done = shell.run("stoplist", "remove", "8 903 325-66-99", "79033256698")
    assert (done.returncode, done.stderr) == (0, "1 taken off the stop list, 1 were not on it\n")
    assert phones(shell) == []


def test_a_list_is_imported_and_its_bad_rows_are_named(shell: Shell) -> None:
    shell.write_list(["name;phone", "Ivan;79033256699", "Olga;12345", "Boris;8 903 325-66-98"], name="gone.csv")
    done = shell.run("stoplist", "import", "gone.csv")
    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        "1 of 3 rows were refused; all of them, by line: gone.rejected.csv",
        "2 added to the stop list",
    ]
    assert (shell.folder / "gone.rejected.csv").read_text().splitlines()[1].startswith("3,12345,")
    assert shell.run("stoplist", "import", "gone.csv").stderr.splitlines()[1] == (
        "0 added to the stop list, 2 were there already"
    )


def test_a_list_without_a_number_is_refused(shell: Shell) -> None:
    shell.write_list(["phone", "12345"], name="gone.csv")
    done = shell.run("stoplist", "import", "gone.csv", "--phone-column", "phone")
    assert (done.returncode, phones(shell)) == (1, [])
    assert "not one of 1 rows has a number that can be read" in done.stderr


def test_a_stopped_number_is_a_refused_row_of_a_new_campaign(shell: Shell) -> None:
    shell.run("stoplist", "add", "79033256699")
    created = shell.create()
    assert created["counts"]["skipped"] == 1
    assert (shell.folder / "list.rejected.csv").read_text().splitlines()[1:] == ["2,79033256699,on the stop list"]
    assert [row["reason"] for row in shell.json("campaign", "results", "1")] == ["on the stop list", None]


def test_a_list_of_stopped_numbers_alone_is_refused_with_the_reason(shell: Shell) -> None:
    shell.run("stoplist", "add", "79033256699", "79033256698")
    said = shell.refusal("campaign", "create", "--sender", "Shop", "--text", "Hello", "--recipients", "list.csv")
    assert "2 × on the stop list" in said


def test_the_providers_stop_list_keeps_the_next_campaign_away(shell: Shell, simulator: RunningSimulator) -> None:
    shell.run("account", "set", "default", "--gateway-url", simulator.url)
    simulator.set_faults([{"phones": ["79033256699"], "text": "Phone number is on the stop list"}])
    shell.create()
    assert shell.run("up", "--until-idle").returncode == 0
    (entry,) = shell.json("stoplist", "list")
    assert (entry["phone"], entry["added_by"]) == ("79033256699", "provider")
    assert shell.create(text="Hello again")["counts"]["skipped"] == 1


def test_a_number_stopped_after_its_import_is_pending_until_it_is_claimed_but_no_preview_counts_it(
    shell: Shell, simulator: RunningSimulator
) -> None:
    shell.run("account", "set", "default", "--gateway-url", simulator.url)
    made = shell.create("--draft")
    assert shell.run("stoplist", "add", "79033256699").returncode == 0
    seen = shell.json("campaign", "preview", str(made["id"]))
    assert (seen["recipients"], seen["skipped"]) == (1, {"on the stop list": 1})
    assert shell.run("campaign", "start", str(made["id"])).returncode == 0
    assert shell.json("campaign", "show", str(made["id"]))["counts"]["pending"] == 2
    assert shell.run("up", "--until-idle").returncode == 0
    counts = shell.json("campaign", "show", str(made["id"]))["counts"]
    assert (counts["accepted"], counts["skipped"]) == (1, 1)
    assert simulator.ledger()["charged"] == 1
