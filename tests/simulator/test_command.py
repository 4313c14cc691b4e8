"""`bulkpost simulator` as a process of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGTERM, Signals
from socket import create_server
from subprocess import PIPE, Popen, run
from sys import executable

import pytest

from tests.simulator.wire import document, get, post

CHECKOUT = Path(__file__).parents[2]
COMMAND = [executable, "-c", "import typer; from worker.cli.simulator import simulator; typer.run(simulator)"]


@contextmanager
def started(*arguments: str) -> Iterator[tuple[Popen[str], str]]:
    """The command with a free port, and its URL once it listens. Killed if the test has not ended it."""
    command = [*COMMAND, "--port", "0", *arguments]
    with Popen(command, cwd=CHECKOUT, stdout=PIPE, stderr=PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            assert first.startswith("simulator listening on http://127.0.0.1:"), process.communicate()
            yield process, first.split()[-1]
        finally:
            process.kill()


@pytest.mark.parametrize("ending", [SIGTERM, SIGINT])
def test_it_listens_on_loopback_and_stops_when_told(ending: Signals) -> None:
    with started() as (process, url):
        assert url.endswith("/xml")
        assert post(url, document()).texts == ["send"]
        process.send_signal(ending)
        output, errors = process.communicate(timeout=20)
    assert (process.returncode, output, errors) == (0, "", "")


def test_findings_go_to_stderr_unless_quiet() -> None:
    for quiet in ([], ["--quiet"]):
        with started(*quiet) as (process, url):
            post(url, document().replace('number_sms="1"', ""))
            process.send_signal(SIGTERM)
            _, errors = process.communicate(timeout=20)
        assert errors == ("" if quiet else "request 1 send: number_sms is missing: line 1\n")


def test_a_killed_simulator_still_knows_what_it_answered(tmp_path: Path) -> None:
    journal = str(tmp_path / "ledger.jsonl")
    with started("--ledger", journal) as (process, url):
        first = post(url, document(100))
        process.send_signal(SIGKILL)
        process.wait(timeout=20)
    with started("--ledger", journal) as (_, url):
        assert post(url, document(100)).ids == first.ids
        assert get(url.removesuffix("/xml") + "/bulkpost-simulator")["counters"]["charged"] == 100


def test_faults_and_credentials_come_from_options(tmp_path: Path) -> None:
    plan = tmp_path / "faults.json"
    plan.write_text('[{"text": "stop_list", "lines": [1]}]')
    options = ["--faults", str(plan), "--login", "shop", "--password", "secret", "--language", "ru"]
    with started(*options) as (_, url):
        assert post(url, document(2)).texts == ["Номер телефона присутствует в стоп-листе.", "send"]
        assert post(url, document().replace("secret", "guess")).error == "Неправильный логин или пароль"


def test_a_port_in_use_is_one_line() -> None:
    with create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run([*COMMAND, "--port", str(port)], cwd=CHECKOUT, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == f"cannot listen on 127.0.0.1:{port}: Address already in use; choose another port\n"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--login", "shop"], "--login and --password belong together; give both or neither\n"),
        (["--faults", "none.json"], "none.json: cannot be read: No such file or directory\n"),
        (["--faults", "bad.json"], 'bad.json: fault rule 1: unknown field "stauts"; did you mean "status"?\n'),
        (["--host", "no.such.host.invalid"], None),
        (["--ledger", "missing/ledger.jsonl"], "missing/ledger.jsonl: cannot be written: No such file or directory\n"),
    ],
)
def test_wrong_input_is_one_line(tmp_path: Path, arguments: list[str], line: str | None) -> None:
    (tmp_path / "bad.json").write_text('[{"stauts": 500}]')
    environment = {"PYTHONPATH": str(CHECKOUT)}
    command = [*COMMAND, "--port", "0", *arguments]
    done = run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == line or (line is None and done.stderr.count("\n") == 1)
