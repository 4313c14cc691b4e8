"""What is imported is declared, and the lock holds no address."""

from importlib.metadata import packages_distributions
from re import match, sub
from typing import Any

import pytest

from tests.support.imports import CHECKOUT, HOUSE, foreign_imports, sources
from tests.support.packages import declared

PROJECT = declared("pyproject.toml")
MODELS = declared("models/pyproject.toml")


def plain(requirement: str) -> str:
    name = match(r"[\w.-]+", requirement)
    assert name is not None
    return sub(r"[-_.]+", "-", name[0]).lower()


def missing(paths: list[str], requirements: list[str]) -> set[str]:
    """A package that comes along with another goes with it, too."""
    imported = {name.partition(".")[0] for path in paths for name in foreign_imports(path)} - set(HOUSE)
    distributions = packages_distributions()
    names = {plain(one) for one in requirements}
    return {name for name in imported if not names & {plain(one) for one in distributions.get(name, [name])}}


def everything(project: dict[str, Any]) -> list[str]:
    return project["dependencies"] + [one for extra in project["optional-dependencies"].values() for one in extra]


def test_every_package_that_is_imported_is_declared() -> None:
    assert missing(sources(), everything(PROJECT)) == set()


def test_models_needs_no_more_than_it_declares() -> None:
    assert missing(sources("models"), everything(MODELS)) == set()


def test_models_needs_no_driver_but_where_it_talks_to_postgresql_itself() -> None:
    paths = [path for path in sources("models") if path != "models/prepared.py"]
    assert missing(paths, MODELS["dependencies"]) == set()


@pytest.mark.parametrize("path", ["requirements.lock", "pyproject.toml", "models/pyproject.toml", "scripts/setup"])
def test_what_installs_names_no_index(path: str) -> None:
    assert "://" not in (CHECKOUT / path).read_text()
