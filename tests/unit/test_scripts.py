"""The scripts that a person runs from a checkout."""

from os import X_OK, access
from pathlib import Path
from subprocess import run

import pytest

CHECKOUT = Path(__file__).parents[2]
SCRIPTS = [*sorted((CHECKOUT / "scripts").iterdir()), CHECKOUT / ".ci/run"]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: str(script.relative_to(CHECKOUT)))
def test_a_script_can_be_started_and_is_read_by_a_plain_shell(script: Path) -> None:
    assert script.read_text().startswith("#!/bin/sh\n")
    assert access(script, X_OK)
    assert run(["sh", "-n", script], check=False).returncode == 0


def test_continuous_integration_runs_the_tests_and_nothing_else() -> None:
    lines = (CHECKOUT / ".ci/run").read_text().splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == [
        'exec "$(dirname -- "$0")/../scripts/test"'
    ]


def test_an_unknown_option_of_check_is_named(tmp_path: Path) -> None:
    refused = run([CHECKOUT / "scripts/check", "--fast"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == "check: unknown option --fast; --fix and --no-tests are known\n"


def test_setup_names_a_python_that_is_too_old(tmp_path: Path) -> None:
    old = tmp_path / "python2"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    checkout = tmp_path / "check out"
    (checkout / "scripts").mkdir(parents=True)
    for name in ("scripts/setup", "requirements.lock", "pyproject.toml"):
        (checkout / name).write_bytes((CHECKOUT / name).read_bytes())
    refused = run(
        ["sh", checkout / "scripts/setup"],
        env={"PATH": "/usr/bin:/bin", "PYTHON": str(old)},
        capture_output=True,
        check=False,
    )
    assert refused.returncode == 1
    assert b"is not Python 3.11 or newer; name one: PYTHON=" in refused.stderr
    assert not (checkout / ".venv").exists()
