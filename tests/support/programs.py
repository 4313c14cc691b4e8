"""Our programs as processes of their own: the command, workers, beat."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.driving import repository
from tests.support.warm import WARM

BIN = Path(sys.executable).parent
QUICK = {
    "BULKPOST_CONNECT_TIMEOUT_SECONDS": "1",
    "BULKPOST_READ_TIMEOUT_SECONDS": "2",
    "BULKPOST_LEASE_SECONDS": "8",
    "BULKPOST_RETRY_BASE_SECONDS": "1",
}


def environment(database_url: str, **settings: str) -> dict[str, str]:
    """Return the environment of an installation with short waits."""
    ours = {f"BULKPOST_{name}": value for name, value in settings.items()}
    return {**os.environ, **QUICK, "BULKPOST_DATABASE_URL": database_url, **ours}


def bulkpost(settings: Mapping[str, str], *arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Run the command `bulkpost` to its end."""
    return WARM.run(arguments, cwd=Path.cwd(), env=settings, timeout=timeout)


def bulkpost_json(settings: Mapping[str, str], *arguments: str) -> Any:
    """Run a command that must succeed and return the JSON that it prints."""
    done = bulkpost(settings, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@contextmanager
def program(settings: Mapping[str, str], *command: str, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run one of our programs from the checkout until the block ends; then end it gently, at last by force."""
    with log.open("ab") as output:
        process = subprocess.Popen([BIN / command[0], *command[1:]], env=settings, cwd=repository(), stderr=output)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
