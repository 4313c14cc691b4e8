"""A door on each kind of database, and one on SQLite where the database makes no difference."""

from collections.abc import Iterator

import pytest

from tests.web.calling import Caller, a_door


@pytest.fixture
def caller(database_url: str) -> Iterator[Caller]:
    """A caller who may do everything; the test runs once for each kind of database."""
    with a_door(database_url) as made:
        yield made


@pytest.fixture
def quick_caller(sqlite_url: str) -> Iterator[Caller]:
    """A caller who may do everything, on SQLite."""
    with a_door(sqlite_url) as made:
        yield made
