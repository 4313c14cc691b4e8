"""`bulkpost stop --file`: works with the database away, and ends as plainly as it began."""

from signal import SIGTERM

import pytest

from tests.cli.shell import Shell
from worker.simulator.running import RunningSimulator

pytestmark = pytest.mark.timeout(120)


def test_the_file_stops_with_the_database_away_and_nothing_is_sent_until_it_is_gone(
    shell: Shell, simulator: RunningSimulator
) -> None:
    shell.run("account", "set", "default", "--gateway-url", simulator.url)
    shell.create()
    done = shell.run("stop", "--file", "--reason", "wrong price", DATABASE_URL="postgresql://nobody@127.0.0.1:9/gone")
    path = shell.folder / "bulkpost.stop"
    assert done.returncode == 0 and str(path) in done.stderr
    assert "wrong price" in path.read_text()
    sent = shell.run("up", "--until-idle")
    assert sent.returncode == 0
    assert sent.stderr.count("stop_file_found") == 1
    assert simulator.ledger()["charged"] == 0
    assert shell.run("start", "--file").returncode == 0
    assert not path.exists()
    assert shell.run("up", "--until-idle").returncode == 0
    assert simulator.ledger()["charged"] == 2


def test_a_worker_at_work_takes_nothing_new_once_the_file_is_there(shell: Shell, simulator: RunningSimulator) -> None:
    shell.run("account", "set", "default", "--gateway-url", simulator.url)
    up = shell.start("up")
    try:
        shell.create()
        simulator.wait_for_documents(1)
        shell.run("stop", "--file")
        created = shell.create(text="Hello again")
        assert up.stderr is not None
        for line in up.stderr:
            if "stop_file_found" in line:
                break
    finally:
        up.send_signal(SIGTERM)
        up.communicate(timeout=60)
    assert simulator.ledger()["charged"] == 2
    assert shell.json("campaign", "show", str(created["id"]))["counts"]["pending"] == 2


def test_the_doctor_finds_the_file_and_the_place_can_be_chosen(shell: Shell) -> None:
    shell.run("stop", "--file", STOP_FILE="halt")
    assert (shell.folder / "halt").exists()
    assert "stops the workers of this folder" not in shell.run("doctor").stderr
    done = shell.run("doctor", STOP_FILE="halt")
    assert (done.returncode, "halt stops the workers of this folder" in done.stderr) == (1, True)


def test_the_end_of_the_stop_in_the_database_names_a_file_that_is_still_there(shell: Shell) -> None:
    shell.run("stop")
    shell.run("stop", "--file")
    assert "still stops this folder's workers: bulkpost start --file" in shell.run("start").stderr
    assert "was not there" in shell.run("start", "--file", STOP_FILE="elsewhere").stderr
