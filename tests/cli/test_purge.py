"""`bulkpost purge`: asks, says what, and every command says of a purged campaign that it was purged."""

import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from tests.cli.shell import Shell
from worker.simulator.running import RunningSimulator

pytestmark = pytest.mark.timeout(120)
LONG_AGO = datetime.now(UTC) - timedelta(days=100)


@pytest.fixture
def sent(shell: Shell, simulator: RunningSimulator) -> Shell:
    """A shell whose only campaign was sent, and ended a hundred days ago."""
    shell.run("account", "set", "default", "--gateway-url", simulator.url)
    shell.create(text="Hello {name}")
    assert shell.run("up", "--until-idle").returncode == 0
    with sqlite3.connect(shell.folder / "bulkpost.db") as database:
        ended = LONG_AGO.replace(tzinfo=None).isoformat(" ", "microseconds")
        database.execute("UPDATE bulkpost_campaigns SET finished_at = ?", [ended])
    return shell


def test_nothing_is_purged_without_a_yes(sent: Shell) -> None:
    done = sent.run("purge", "--older-than", "90d")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1] == "bulkpost: nothing was purged: what is purged is gone for good, so say --yes"
    code, screen = sent.at_terminal("purge", "--older-than", "90d", asked="for good?", answer="n\n")
    assert (code, "nothing was purged" in screen) == (1, True)
    assert sent.json("campaign", "show", "1")["purged_at"] is None


def test_a_dry_run_names_the_campaigns_and_changes_nothing(sent: Shell) -> None:
    told = sent.json("purge", "--older-than", "90d", "--dry-run")
    assert [(one["campaign_id"], one["total_count"]) for one in told["campaigns"]] == [(1, 2)]
    assert sent.json("campaign", "show", "1")["purged_at"] is None
    assert sent.json("purge", "--older-than", "101d", "--dry-run")["campaigns"] == []


def test_every_command_says_that_a_campaign_was_purged(sent: Shell) -> None:
    done = sent.run("purge", "--older-than", "90d", "--yes")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (0, "purged: keys and counts are kept")
    assert "numbers, texts and raw replies are gone" in sent.run("campaign", "show", "1").stdout
    results = sent.run("campaign", "results", "1", "--format", "jsonl")
    assert (results.returncode, "was purged" in results.stderr) == (0, True)
    assert [row["phone"] for row in sent.json("campaign", "results", "1")] == ["", ""]
    assert sent.json("prove")["holds"]
    assert "the numbers of 1 purged campaigns are not known any more" in sent.run("why", "79033256699").stdout
    assert "purged" in sent.refusal("campaign", "retry", "1", "--yes")
    assert sent.json("campaign", "list")[0]["purged_at"] is not None
    assert "no campaign ended" in sent.run("purge", "--older-than", "90d", "--yes").stderr


def test_rows_of_the_inbox_that_are_as_old_go_too(sent: Shell) -> None:
    row = "INSERT INTO bulkpost_outgoing (campaign_key, phone, text, taken_at) VALUES ('k', '79033256699', 'Hi', ?)"
    with sqlite3.connect(sent.folder / "bulkpost.db") as database:
        for taken in (LONG_AGO, LONG_AGO + timedelta(days=20)):
            database.execute(row, [taken.replace(tzinfo=None).isoformat(" ", "microseconds")])
    assert sent.run("purge", "--older-than", "90d", "--yes").returncode == 0
    with sqlite3.connect(sent.folder / "bulkpost.db") as database:
        assert database.execute("SELECT id FROM bulkpost_outgoing").fetchall() == [(2,)]


@pytest.mark.parametrize("written", ["0d", "ninety", "90h", "-1d", "99999d", ""])
def test_an_age_that_cannot_be_meant_is_refused(shell: Shell, written: str) -> None:
    said = shell.refusal("purge", f"--older-than={written}", "--yes")
    assert said == f'--older-than "{written}": write days, 1d to 36500d, like 90d'
