"""A broker that is away keeps nobody from creating, starting or resuming campaigns: the next tick finds them."""

from tests.cli.shell import Shell
from worker.private_servers import free_port


def test_campaign_is_created_started_paused_and_resumed_while_the_broker_refuses(shell: Shell) -> None:
    shell.write_list(["phone", "79161234567"])
    away = f"redis://127.0.0.1:{free_port()}/0"
    create = ("campaign", "create", "--sender", "Shop", "--text", "Hello", "--recipients", "list.csv", "--draft")
    for command in (create, ("campaign", "start", "1"), ("campaign", "pause", "1"), ("campaign", "resume", "1")):
        done = shell.run(*command, BROKER_URL=away)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
    assert shell.json("campaign", "show", "1")["status"] == "scheduled"


def test_campaign_is_created_and_started_at_once_while_the_broker_refuses(shell: Shell) -> None:
    shell.write_list(["phone", "79161234567"])
    options = ("--sender", "Shop", "--text", "Hello", "--recipients", "list.csv")
    done = shell.run("campaign", "create", *options, BROKER_URL=f"redis://127.0.0.1:{free_port()}/0")
    assert done.returncode == 0, done.stderr
    assert len(shell.json("campaign", "list")) == 1
