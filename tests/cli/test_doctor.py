"""What `bulkpost doctor` finds, and that it finds nothing where nothing is wrong."""

import pytest

from tests.cli.shell import Shell


def ailments(shell: Shell, **settings: str) -> list[str]:
    done = shell.run("doctor", **settings)
    assert done.returncode == (1 if "mend:" in done.stderr else 0)
    return [line for line in done.stderr.splitlines() if not line.startswith("  mend: ")]


def test_nothing_is_wrong_with_a_new_installation(shell: Shell) -> None:
    assert ailments(shell) == ["nothing is wrong"]
    assert shell.json("doctor") == []


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("stop", "--reason", "fire"), "everything is stopped by"),
        (("account", "pause", "default", "--reason", "no money"), "account default is paused by"),
    ],
)
def test_what_a_person_stopped_is_found(shell: Shell, command: tuple[str, ...], said: str) -> None:
    assert shell.run(*command).returncode == 0
    (found,) = ailments(shell)
    assert found.startswith(said)


def test_misspelt_settings_and_a_broker_that_is_not_there_are_found(shell: Shell) -> None:
    found = ailments(shell, LESE_SECONDS="9", BROKER_URL="redis://:secret@127.0.0.1:1/0")
    assert found[0] == "BULKPOST_LESE_SECONDS is no setting and is not read"
    assert found[1].startswith("the broker redis://:**@127.0.0.1:1/0 does not answer")


def test_webhooks_whose_secret_is_missing_are_found_until_they_are_disabled(shell: Shell) -> None:
    secret = {"WEBHOOK_SECRET": "0123456789abcdef"}
    assert shell.run("webhooks", "add", "shop", "--url", "https://shop.example/", **secret).returncode == 0
    assert ailments(shell, **secret) == ["nothing is wrong"]
    assert ailments(shell) == ["there are webhooks and no secret to sign with"]
    assert shell.run("webhooks", "disable", "shop").returncode == 0
    assert ailments(shell) == ["nothing is wrong"]
