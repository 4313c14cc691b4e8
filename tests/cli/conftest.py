"""Shells: with a migrated database whose account posts to a gateway of this host, and with none."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.shell import Shell, shell_in
from worker.simulator.running import RunningSimulator, running_simulator


@pytest.fixture
def shell(tmp_path: Path, sqlite_url: str) -> Shell:
    """A shell in an installation that is ready, with a small list."""
    made = shell_in(tmp_path, sqlite_url)
    made.write_list(["phone,name,city", "79033256699,Ivan,Moscow", "8 (903) 325-66-98,Olga,"])
    return made


@pytest.fixture
def empty_shell(tmp_path: Path) -> Shell:
    """A shell in a new directory: no database, and the default settings."""
    made = shell_in(tmp_path, "")
    return Shell(made.folder, {name: value for name, value in made.variables.items() if value})


@pytest.fixture
def simulator() -> Iterator[RunningSimulator]:
    """A provider's double of this test's own."""
    with running_simulator() as running:
        yield running
