"""Every command that stands in docker-compose.yml runs, and its health check tells."""

import os
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.compose import command, health_command
from tests.support.programs import BIN, bulkpost, environment, program

pytestmark = pytest.mark.timeout(120)
HOST = "in-a-container"
NODES = {"worker": [f"--hostname=celery@{HOST}"], "beat": [f"--hostname=celerybeat@{HOST}"]}
"""What the host's name makes of each node's name in a container."""


def started(words: list[str], folder: Path) -> list[str]:
    """Return a command of the file with the paths of a container moved into `folder`."""
    return [word.replace("/tmp/", f"{folder}/").replace("/var/lib/bulkpost", str(folder)) for word in words]


def is_well(name: str, settings: Mapping[str, str], folder: Path) -> bool:
    words = [word.replace("$HOSTNAME", HOST) for word in health_command(name)]
    search = {**settings, "PATH": f"{BIN}:{os.environ['PATH']}"}
    return subprocess.run(words, env=search, capture_output=True, check=False, cwd=folder, timeout=60).returncode == 0


def test_commands_of_the_compose_file_run_and_are_well(empty_postgres_url: str, redis_url: str, tmp_path: Path) -> None:
    settings = environment(empty_postgres_url, BROKER_URL=redis_url)
    migrated = bulkpost(settings, *command("migrate")[1:])
    assert migrated.returncode == 0, migrated.stderr
    with ExitStack() as stack:
        for name in ("worker", "beat", "simulator"):
            words = started(command(name), tmp_path) + NODES.get(name, [])
            stack.enter_context(program(settings, *words, log=tmp_path / f"{name}.log"))
        for name in ("worker", "beat", "simulator"):
            assert any(is_well(name, settings, tmp_path) for _ in range(10)), (tmp_path / f"{name}.log").read_text()
    assert "Sending due task" not in (tmp_path / "beat.log").read_text(), "a line a second says nothing"
