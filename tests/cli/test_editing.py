"""`bulkpost campaign edit`: what can still change does, what cannot says why."""

import pytest

from tests.cli.shell import Shell
from worker.simulator.running import RunningSimulator

pytestmark = pytest.mark.timeout(120)


def test_an_edited_text_is_what_is_sent(shell: Shell, simulator: RunningSimulator) -> None:
    assert shell.run("account", "set", "default", "--gateway-url", simulator.url).returncode == 0
    shell.create("--draft", text="Hello {name} of {city}")
    done = shell.run("campaign", "edit", "1", "--text", "Bye {name}", "--name", "Farewell")
    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        "campaign 1: changed name, content.text",
        "1 recipients who were skipped for a value that the text does not name any more will be sent to",
    ]
    assert shell.run("campaign", "start", "1").returncode == 0
    assert shell.run("up", "--until-idle").returncode == 0
    assert sorted(message["text"] for message in simulator.ledger()["messages"]) == ["Bye Ivan", "Bye Olga"]
    said = shell.refusal("campaign", "edit", "1", "--text", "Again")
    assert "answers with the old message's id and sends nothing" in said
    assert shell.json("campaign", "edit", "1", "--name", "Done", "--priority", "9")["name"] == "Done"


def test_a_start_is_moved_and_taken_to_now(shell: Shell) -> None:
    shell.create("--at", "2030-01-01 10:00")
    assert shell.json("campaign", "edit", "1", "--at", "2031-01-01 10:00+03:00")["start_at"] == "2031-01-01T07:00:00Z"
    assert shell.json("campaign", "edit", "1", "--now")["waiting_for"] == "a worker"


def test_a_content_file_takes_the_place_of_all_fields(shell: Shell) -> None:
    shell.create("--draft")
    (shell.folder / "content.json").write_text('{"sender": "Cafe", "text": "Hi"}', encoding="utf-8")
    shown = shell.json("campaign", "edit", "1", "--content", "content.json")
    assert shown["content"] == {"sender": "Cafe", "text": "Hi"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "nothing to change: give --text"),
        (["--text", "Hi {nmae}"], "the text names {nmae}, which was not stored with campaign 1: it has name, city"),
        (["--sender", "A very long sender"], 'sender "A very long sender" has 18 characters'),
        (["--at", "tomorrow"], '--at "tomorrow" is no moment'),
        (["--at", "2020-01-01 10:00"], '--at "2020-01-01 10:00" is in the past: to send now, say --now instead'),
        (["--at", "2030-01-01 10:00", "--now"], "--at and --now say different things"),
        (["--content", "none.json"], "--content none.json: cannot be read"),
    ],
)
def test_an_edit_that_cannot_be_is_refused(shell: Shell, options: list[str], said: str) -> None:
    shell.create("--draft")
    assert shell.refusal("campaign", "edit", "1", *options).startswith(said)
