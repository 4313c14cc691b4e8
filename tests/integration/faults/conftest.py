"""A PostgreSQL that may be stopped, and a database on it."""

from collections.abc import Iterator

import pytest
from sqlalchemy import make_url

from tests.support.databases import migrate, postgres_database
from tests.support.servers import required
from worker.private_servers import PrivatePostgres, private_postgres


@pytest.fixture(scope="module")
def server() -> Iterator[PrivatePostgres]:
    """A server that may be stopped."""
    with required(private_postgres()) as running:
        yield running


@pytest.fixture(scope="module")
def template(server: PrivatePostgres) -> Iterator[str]:
    with postgres_database(server.url) as url:
        migrate(url)
        yield str(make_url(url).database)


@pytest.fixture
def own_url(server: PrivatePostgres, template: str) -> Iterator[str]:
    """A migrated database on that server."""
    server.start()
    with postgres_database(server.url, template) as url:
        yield url
