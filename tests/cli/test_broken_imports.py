"""An import that is ended in the middle leaves nothing that is listed, planned or sent."""

import json
from signal import SIGINT, SIGKILL, SIGTERM
from subprocess import Popen

import pytest
from sqlalchemy import func, select

from models.recipient import Recipient
from models.session import open_engine, open_sessions, reading
from tests.cli.shell import Shell
from worker.simulator.running import RunningSimulator

pytestmark = pytest.mark.timeout(120)
ROWS = 200_000


@pytest.fixture
def sending(shell: Shell, simulator: RunningSimulator) -> Shell:
    """A shell with a long list, whose account posts to the simulator."""
    assert shell.run("account", "set", "default", "--gateway-url", simulator.url).returncode == 0
    shell.write_list((str(79030000000 + number) for number in range(ROWS)), "long.txt")
    return shell


@pytest.mark.parametrize("order", [SIGINT, SIGTERM, SIGKILL])
def test_import_ended_in_the_middle_leaves_nothing_to_send(
    sending: Shell, simulator: RunningSimulator, sqlite_url: str, order: int
) -> None:
    importing = sending.start("campaign", "create", "--sender", "Shop", "--text", "Hello", "--recipients", "long.txt")
    _wait_for_rows(sqlite_url, importing)
    importing.send_signal(order)
    out, said = importing.communicate(timeout=30)
    assert out == ""
    assert importing.returncode == (130 if order == SIGINT else -order)
    assert said == ("interrupted: no campaign was created\n" if order == SIGINT else "")
    assert sending.json("campaign", "list") == []
    assert sending.refusal("campaign", "show", "1").startswith("no campaign 1")
    assert sending.refusal("campaign", "start", "1").startswith("no campaign 1")
    assert sending.run("up", "--until-idle").returncode == 0
    assert simulator.ledger()["charged"] == 0
    # Whoever tries again gets the whole list, and is not told of a lookalike that never was.
    done = sending.run(
        "campaign", "create", "--draft", "--sender", "Shop", "--text", "Hello", "--recipients", "long.txt", "--json"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["counts"]["total"] == ROWS


def _wait_for_rows(url: str, importing: "Popen[str]") -> None:
    """Look until rows of the import are committed; it has many more chunks to go."""
    engine = open_engine(url)
    sessions = open_sessions(engine)
    try:
        while importing.poll() is None:
            with reading(sessions) as session:
                if session.execute(select(func.count()).select_from(Recipient)).scalar_one():
                    return
    finally:
        engine.dispose()
    raise AssertionError("the import ended before it could be ended")


def test_import_beside_a_running_campaign_does_not_hold_it_up(sending: Shell, simulator: RunningSimulator) -> None:
    sending.write_list((str(79040000000 + number) for number in range(500)), "short.txt")
    sending.create(recipients="short.txt")
    importing = sending.start(
        "campaign", "create", "--draft", "--sender", "Shop", "--text", "Other", "--recipients", "long.txt"
    )
    assert sending.run("up", "--until-idle").returncode == 0
    out, said = importing.communicate(timeout=60)
    assert (importing.returncode, said) == (0, ""), out
    assert simulator.ledger()["charged"] == 500
    assert sending.json("campaign", "show", "2")["counts"]["total"] == ROWS
