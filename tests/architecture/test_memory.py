"""What a worker never needs is not loaded by it: every process of a host pays for each module."""

import subprocess
import sys

import pytest

from tests.support.imports import CHECKOUT

# Nearly all of it was once loaded: a worker took 108 MiB, its main process 119.
NEVER = {
    "alembic": "only upgrades walk migrations",
    "cronsim": "only occurrences",
    "fastapi": "only the HTTP door",
    "migrations.walk": "only upgrades",
    "phonenumbers": "only numbers in odd spellings",
    "pydantic": "only campaigns that are asked for by name, and the HTTP door",
    "pygments": "comes with rich and Alembic",
    "python_calamine": "only workbooks",
    "rich": "only commands",
    "standardwebhooks": "only webhooks",
    "structlog": "loads rich",
    "typer": "only commands",
    "uvicorn": "only the HTTP door",
    "web": "only the HTTP door",
    "worker.bench": "only commands",
    "worker.cli": "only commands",
    "worker.drill": "only commands",
    "worker.importer": "only lists",
    "worker.intake": "only lists, and rows of other applications",
    "worker.simulator": "only commands",
    "worker.webhooks": "only webhooks",
}


def loaded_by(module: str) -> set[str]:
    """Return what is loaded in a new process once it has imported a module."""
    program = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("module", ["worker.tasks", "worker.embedded", "worker.dispatcher"])
def test_worker_loads_nothing_that_it_never_needs(module: str) -> None:
    assert loaded_by(module) & set(NEVER) == set()


def test_main_process_of_a_pool_leaves_posting_to_its_children() -> None:
    assert loaded_by("worker.tasks") & {"lxml", "requests", "worker.dispatcher", "worker.gateway.client"} == set()


def test_command_that_shows_campaigns_loads_neither_celery_nor_migrations() -> None:
    unneeded = {"alembic", "celery", "fastapi", "requests", "worker.bench", "worker.drill", "worker.simulator"}
    assert loaded_by("worker.cli.campaign") & unneeded == set()
