"""Builds and installs distributions as another project would: with pip, and the index that the machine is set to."""

import sys
from pathlib import Path
from subprocess import run
from tomllib import loads
from typing import Any

CHECKOUT = Path(__file__).parents[2]
HOUSE = ("worker", "models", "migrations", "web")
# Where our environment came from: it has pip.
BASE_PYTHON = Path(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}")


def output(*command: str | Path, cwd: Path) -> str:
    """Return what a command prints; fail with everything it said if it fails."""
    finished = run([str(word) for word in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def pip(*words: str | Path, cwd: Path) -> None:
    """Run pip."""
    output(BASE_PYTHON, "-m", "pip", "--disable-pip-version-check", "--quiet", *words, cwd=cwd)


def build_wheel(source: Path, directory: Path) -> Path:
    """Build the wheel of a project into `directory`."""
    pip("wheel", "--no-deps", "--wheel-dir", directory, source, cwd=directory)
    return next(directory.glob("*.whl"))


def declared(path: str) -> dict[str, Any]:
    """Return the table `project` of a pyproject.toml of the checkout."""
    project: dict[str, Any] = loads((CHECKOUT / path).read_text())["project"]
    return project
