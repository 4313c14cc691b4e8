"""A ledger for each test."""

from collections.abc import Iterator

import pytest

from tests.support.ledger import Ledger, open_ledger


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    """The ledger on a database of this test's own; the test runs once for each kind."""
    with open_ledger(database_url) as ledger:
        yield ledger


@pytest.fixture
def postgres_ledger(postgres_url: str) -> Iterator[Ledger]:
    """The ledger on PostgreSQL."""
    with open_ledger(postgres_url) as ledger:
        yield ledger


@pytest.fixture
def sqlite_ledger(sqlite_url: str) -> Iterator[Ledger]:
    """The ledger on SQLite."""
    with open_ledger(sqlite_url) as ledger:
        yield ledger
