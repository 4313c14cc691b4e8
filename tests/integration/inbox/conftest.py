"""An inbox for each test."""

from collections.abc import Iterator

import pytest

from tests.support.inbox import AnInbox, open_inbox


@pytest.fixture
def inbox(database_url: str) -> Iterator[AnInbox]:
    """An inbox on a database of this test's own; the test runs once for each kind."""
    with open_inbox(database_url) as inbox:
        yield inbox


@pytest.fixture
def postgres_inbox(postgres_url: str) -> Iterator[AnInbox]:
    """An inbox on PostgreSQL."""
    with open_inbox(postgres_url) as inbox:
        yield inbox


@pytest.fixture
def sqlite_inbox(sqlite_url: str) -> Iterator[AnInbox]:
    """An inbox on SQLite."""
    with open_inbox(sqlite_url) as inbox:
        yield inbox
