"""Every command that stands in docker-compose.yml runs, and its health check tells."""

import os
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.compose import OUR_SERVERS, command, health_command
from tests.support.programs import BIN, bulkpost, environment, program
from tests.support.receivers import free_port

pytestmark = pytest.mark.timeout(120)
HOST = "in-a-container"
NODES = {"worker": [f"--hostname=celery@{HOST}"], "beat": [f"--hostname=celerybeat@{HOST}"]}
"""What the host's name makes of each node's name in a container."""


def moved(words: list[str], places: Mapping[str, str]) -> list[str]:
    """Return a command of the file with what belongs to a container replaced: its paths, its ports, its name."""
    for place, here in places.items():
        words = [word.replace(place, here) for word in words]
    return words


def is_well(words: list[str], settings: Mapping[str, str], folder: Path) -> bool:
    search = {**settings, "PATH": f"{BIN}:{os.environ['PATH']}"}
    return subprocess.run(words, env=search, capture_output=True, check=False, cwd=folder, timeout=60).returncode == 0


def test_commands_of_the_compose_file_run_and_are_well(empty_postgres_url: str, redis_url: str, tmp_path: Path) -> None:
    settings = environment(empty_postgres_url, BROKER_URL=redis_url)
    migrated = bulkpost(settings, *command("migrate")[1:])
    assert migrated.returncode == 0, migrated.stderr
    places = {"/tmp/": f"{tmp_path}/", "/var/lib/bulkpost": str(tmp_path), "$HOSTNAME": HOST}
    places |= {port: str(free_port()) for port in ("8000", "8080")}
    with ExitStack() as stack:
        for name in OUR_SERVERS:
            words = moved(command(name), places) + NODES.get(name, [])
            stack.enter_context(program(settings, *words, log=tmp_path / f"{name}.log"))
        for name in OUR_SERVERS:
            health = moved(health_command(name), places)
            assert any(is_well(health, settings, tmp_path) for _ in range(200)), (tmp_path / f"{name}.log").read_text()
    assert "Sending due task" not in (tmp_path / "beat.log").read_text(), "a line a second says nothing"
