"""Running SQL scripts as a person does, with psql."""

from collections.abc import Mapping
from pathlib import Path
from shutil import which
from subprocess import CompletedProcess, run

import pytest
from sqlalchemy import make_url

from tests.support.driving import repository


def psql(database_url: str, script: str | Path, variables: Mapping[str, str] | None = None) -> CompletedProcess[str]:
    """Run a script of the checkout on a PostgreSQL database; without psql the test is skipped."""
    if which("psql") is None:
        pytest.skip("psql is not installed")
    url = make_url(database_url).set(drivername="postgresql")
    given = [word for name, value in (variables or {}).items() for word in ("-v", f"{name}={value}")]
    command = ["psql", "-X", "-A", "-t", "-q", *given, "-f", str(repository() / script)]
    return run(
        [*command, url.render_as_string(hide_password=False)], capture_output=True, text=True, check=False, timeout=60
    )
