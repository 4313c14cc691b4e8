"""Which version is installed is one line, and needs nothing that is set up."""

from pathlib import Path
from tomllib import loads

from tests.cli.shell import Shell
from tests.support.imports import CHECKOUT


def test_version_is_the_one_of_the_package(shell: Shell) -> None:
    written = loads(Path(CHECKOUT, "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    done = shell.run("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"bulkpost {written}\n", "")
