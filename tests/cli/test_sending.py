"""From a list to results by hand, the way the README shows it, against the simulator."""

import csv
import json
from io import StringIO
from signal import SIGINT, SIGTERM

import pytest

from tests.cli.shell import Shell
from worker.simulator.running import RunningSimulator, running_simulator

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def sending(shell: Shell, simulator: RunningSimulator) -> Shell:
    """A shell whose account posts to the simulator."""
    assert shell.run("account", "set", "default", "--gateway-url", simulator.url).returncode == 0
    return shell


def test_everybody_gets_what_was_said_and_every_output_tells_the_same(
    sending: Shell, simulator: RunningSimulator
) -> None:
    created = sending.create(text="Hello {name}")
    assert (created["id"], created["counts"]["pending"], created["waiting_for"]) == (1, 2, "a worker")
    assert sending.run("up", "--until-idle").returncode == 0
    shown = sending.json("campaign", "show", "1")
    assert (shown["status"], shown["counts"]["accepted"], shown["in_doubt"]) == ("finished", 2, 0)
    charged = {message["client_id_sms"]: message for message in simulator.ledger()["messages"]}
    assert {message["text"] for message in charged.values()} == {"Hello Ivan", "Hello Olga"}
    rows = sending.json("campaign", "results", "1")
    assert {row["client_id_sms"]: row["id_sms"] for row in rows} == {
        key: message["id_sms"] for key, message in charged.items()
    }
    lines = sending.run("campaign", "results", "1", "--format", "jsonl").stdout.splitlines()
    assert [json.loads(line) for line in lines] == rows
    table = list(csv.DictReader(StringIO(sending.run("campaign", "results", "1").stdout)))
    assert [(row["phone"], row["id_sms"]) for row in table] == [(row["phone"], row["id_sms"]) for row in rows]
    proof = sending.json("prove")
    assert (proof["holds"], proof["ledger_charged_count"], proof["breaches"]) == (True, 2, [])


def test_text_with_a_character_that_xml_cannot_carry_skips_that_recipient_only(
    sending: Shell, simulator: RunningSimulator
) -> None:
    sending.write_list(["phone,name", "79033256699,Ivan", "79033256698,Ol\x01ga", "79033256697,Boris"])
    sending.create(text="Hello {name}")
    assert sending.run("up", "--until-idle").returncode == 0
    rows = sending.json("campaign", "results", "1")
    assert [row["status"] for row in rows] == ["accepted", "skipped", "accepted"]
    assert "U+0001" in rows[1]["reason"]
    assert simulator.ledger()["charged"] == 2


def test_draft_waits_until_it_is_started(sending: Shell, simulator: RunningSimulator) -> None:
    assert sending.create("--draft")["status"] == "draft"
    assert sending.run("up", "--until-idle").returncode == 0
    assert simulator.ledger()["charged"] == 0
    assert sending.run("campaign", "start", "1").returncode == 0
    assert sending.run("up", "--until-idle").returncode == 0
    assert simulator.ledger()["charged"] == 2


def test_create_that_waits_ends_when_the_campaign_has(sending: Shell) -> None:
    up = sending.start("up")
    try:
        done = sending.run(
            "campaign", "create", "--sender", "Shop", "--text", "Hi", "--recipients", "list.csv", "--wait", "--json"
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["status"] == "finished"
        assert "2 of 2  2 accepted" in done.stderr.splitlines()
        assert sending.json("campaign", "watch", "1")["counts"]["accepted"] == 2
    finally:
        up.terminate()
        assert up.wait(30) == 0
        up.communicate()


@pytest.mark.parametrize("order", [SIGTERM, SIGINT])
def test_idle_process_ends_well_when_told(sending: Shell, simulator: RunningSimulator, order: int) -> None:
    sending.create()
    up = sending.start("up")
    try:
        assert sending.json("campaign", "watch", "1")["status"] == "finished"
        up.send_signal(order)
        assert up.wait(30) == 0
    finally:
        up.kill()
        said = up.communicate()[1]
    assert "Traceback" not in said


def test_secrets_come_from_files_and_show_nowhere(shell: Shell) -> None:
    (shell.folder / "password").write_text("hunter-two\n", encoding="utf-8")
    (shell.folder / ".env").write_text("BULKPOST_LOGIN=somebody-secret\n", encoding="utf-8")
    with running_simulator(
        login="somebody-secret", password="hunter-two", faults=[{"requests": [1], "status": 500}]
    ) as strict:
        assert shell.run("account", "set", "default", "--gateway-url", strict.url).returncode == 0
        shell.create(text="Hello {name}")
        secret_file = str(shell.folder / "password")
        done = shell.run("up", "--until-idle", PASSWORD_FILE=secret_file, LOG_LEVEL="DEBUG")
        assert done.returncode == 0, done.stderr
        assert strict.ledger()["charged"] == 2
    for secret in ("hunter-two", "somebody-secret", "79033256699", "Hello", "Ivan"):
        assert secret not in done.stderr + done.stdout


def test_reader_who_has_had_enough_is_no_failure(sending: Shell) -> None:
    sending.write_list(str(79030000000 + number) for number in range(3000))
    sending.create()
    for arguments in (["campaign", "results", "1"], ["campaign", "results", "1", "--json"], ["campaign", "list"]):
        reading = sending.start(*arguments)
        assert reading.stdout is not None
        reading.stdout.close()
        assert reading.wait(30) == 0
        assert reading.stderr is not None
        assert reading.stderr.read() == ""
        reading.stderr.close()
