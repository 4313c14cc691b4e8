"""The structure of docker-compose.yml and of the image. Its commands are run in tests/acceptance."""

import re
from dataclasses import fields
from itertools import chain

import pytest
from celery.bin.celery import celery as celery_command

from models.account import Account
from tests.support.compose import CHECKOUT, LONG_RUNNING, OUR_SERVERS, OURS, command, compose, health_command, service
from web.serving import DRAIN_SECONDS
from worker.settings import Settings

DOCKERFILE = (CHECKOUT / "Dockerfile").read_text()


def seconds(duration: str) -> int:
    number, unit = re.fullmatch(r"(\d+)([sm])", duration).groups()  # type: ignore[union-attr]
    return int(number) * {"s": 1, "m": 60}[unit]


def test_the_services_are_those_of_the_design() -> None:
    assert set(compose()["services"]) == {*OURS, *LONG_RUNNING}


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_every_long_running_service_tells_its_health(name: str) -> None:
    assert health_command(name)


@pytest.mark.parametrize("name", ["worker", "beat", "web"])
def test_nothing_starts_before_the_migrations_have_ended(name: str) -> None:
    first = {service: how["condition"] for service, how in service(name)["depends_on"].items()}
    assert first == {
        "migrate": "service_completed_successfully",
        "postgres": "service_healthy",
        "redis": "service_healthy",
    }


def test_a_stopped_worker_gets_longer_than_its_longest_task() -> None:
    assert seconds(service("worker")["stop_grace_period"]) > Settings().task_limit_seconds


def test_the_pool_has_room_for_a_tick_and_a_webhook_beside_the_lanes_of_an_account() -> None:
    (concurrency,) = [word.partition("=")[2] for word in command("worker") if word.startswith("--concurrency=")]
    assert int(concurrency) >= Account.__table__.columns["max_parallel"].default.arg + 2


def test_web_is_asked_whether_it_can_serve_on_the_port_that_it_listens_on() -> None:
    words = command("web")
    options = dict(zip(words[2::2], words[3::2], strict=True))
    assert f"http://127.0.0.1:{options['--port']}/readyz" in health_command("web")[-1]


def test_a_stopped_web_gets_longer_than_it_drains() -> None:
    assert seconds(service("web")["stop_grace_period"]) > DRAIN_SECONDS


def test_uploads_are_received_on_disk_and_not_in_memory() -> None:
    web = service("web")
    folder = web["environment"]["TMPDIR"]
    assert folder not in web["tmpfs"]
    assert f"uploads:{folder}" in web["volumes"]
    assert set(service("worker")["environment"]) <= set(web["environment"])
    assert set(service("worker")["volumes"]) <= set(web["volumes"])


def test_redis_logs_its_writes_and_never_evicts() -> None:
    words = command("redis")
    options = dict(zip(words[1::2], words[2::2], strict=True))
    assert options == {"--appendonly": "yes", "--appendfsync": "everysec", "--maxmemory-policy": "noeviction"}


def test_only_the_demo_has_a_simulator_and_its_gateway_is_allowed() -> None:
    profiles = {name: service(name).get("profiles", []) for name in compose()["services"]}
    assert [name for name, where in profiles.items() if where] == ["simulator"]
    assert profiles["simulator"] == ["demo"]
    assert "simulator" in service("worker")["environment"]["BULKPOST_ALLOWED_GATEWAYS"]


@pytest.mark.parametrize("name", OURS)
def test_our_processes_can_do_no_more_than_they_need(name: str) -> None:
    ours = service(name)
    assert ours["image"] == "bulkpost"
    assert ours["init"]
    assert ours["read_only"]
    assert ours["cap_drop"] == ["ALL"]
    assert not ours.get("privileged")


def test_no_service_publishes_a_port() -> None:
    assert [name for name in compose()["services"] if service(name).get("ports")] == []


def test_every_setting_in_the_file_is_one_that_we_read() -> None:
    named = {name for ours in OURS for name in service(ours)["environment"] if name != "TMPDIR"}
    known = {f"BULKPOST_{field.name.upper()}" for field in fields(Settings)}
    assert named <= known


def test_the_provider_s_secrets_are_not_in_the_file() -> None:
    text = "\n".join(line.partition("#")[0] for line in (CHECKOUT / "docker-compose.yml").read_text().splitlines())
    assert not re.search(r"BULKPOST_\w*(LOGIN|PASSWORD|TOKEN)", text)


def test_the_image_does_not_run_as_root() -> None:
    *_, last = re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE)
    assert int(last) > 0


def test_the_image_is_built_from_the_lock_with_its_hashes() -> None:
    installs = [line for line in DOCKERFILE.splitlines() if '"pip", "install"' in line and '"uv"' in line]
    assert all("--no-deps" in line or ("--require-hashes" in line and "requirements.lock" in line) for line in installs)
    assert len(installs) == 2


def test_the_image_and_the_checkout_are_installed_by_the_same_uv() -> None:
    wanted = re.search(r"^uv_version=(.+)$", (CHECKOUT / "scripts/setup").read_text(), re.MULTILINE)
    assert wanted is not None
    assert f'"uv=={wanted[1]}"' in DOCKERFILE


@pytest.mark.parametrize(
    "words", [command("worker"), command("beat"), health_command("worker"), health_command("beat")]
)
def test_celery_knows_every_word_of_the_commands(words: list[str]) -> None:
    program, flag, app, name, *options = words
    assert (program, flag, app) == ("celery", "-A", "worker")
    subcommand = celery_command.commands[name]
    context = subcommand.context_class(subcommand, info_name=name)
    _, unknown, _ = subcommand.make_parser(context).parse_args(list(options))
    assert [word for word in unknown if word != "ping"] == []


def test_every_program_is_in_the_image() -> None:
    ours = chain.from_iterable((command(name), health_command(name)) for name in OUR_SERVERS)
    assert {words[0] for words in (*ours, command("migrate"))} == {"bulkpost", "celery", "python"}
