"""The fixtures that every tier shares.

The environment is cleaned first: no setting of the person who runs the tests may reach them, least of all a gateway.
"""

from collections.abc import Iterator
from os import chdir, environ
from pathlib import Path
from signal import SIGINT, SIGTERM, default_int_handler, signal

import pytest
from redis import Redis
from sqlalchemy import make_url

from tests.support.databases import migrate, postgres_database, sqlite_database
from tests.support.orphans import adopt_orphans, kill_left_behind, left_behind
from tests.support.servers import postgres_for_tests, redis_for_tests
from tests.support.warm import WARM

for _name in [name for name in environ if name.upper().startswith("BULKPOST_")]:
    del environ[_name]


def pytest_configure() -> None:
    """Make a terminated session end like an interrupted one: its fixtures stop what they started."""
    signal(SIGTERM, default_int_handler)
    # A shell's background job ignores SIGINT, and so would every command that a test interrupts.
    signal(SIGINT, default_int_handler)
    adopt_orphans()


def pytest_unconfigure() -> None:
    """Leave no process behind, whatever happened to the session."""
    kill_left_behind()


@pytest.fixture(scope="session", autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    yield
    assert left_behind() == []


@pytest.fixture(scope="session", autouse=True)
def _warm_command(_nothing_left_behind: None) -> Iterator[None]:
    """End the process that runs the command, if a test has needed it."""
    yield
    WARM.close()


@pytest.fixture(scope="session", autouse=True)
def _away_from_the_checkout(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Run where no `.env` lies, and where a forgotten file does no harm."""
    chdir(tmp_path_factory.mktemp("working-directory"))


@pytest.fixture(scope="session")
def postgres_server_url() -> Iterator[str]:
    """A PostgreSQL server whose database may be left alone; tests want `postgres_url`."""
    with postgres_for_tests() as url:
        yield url


@pytest.fixture(scope="session")
def _postgres_template(postgres_server_url: str) -> Iterator[str]:
    with postgres_database(postgres_server_url) as url:
        migrate(url)
        yield str(make_url(url).database)


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("template")
    migrate(sqlite_database(directory))
    return directory / "bulkpost.db"


@pytest.fixture
def postgres_url(postgres_server_url: str, _postgres_template: str) -> Iterator[str]:
    """A migrated PostgreSQL database of this test's own."""
    with postgres_database(postgres_server_url, _postgres_template) as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path, _sqlite_template: Path) -> str:
    """A migrated SQLite file of this test's own."""
    return sqlite_database(tmp_path, _sqlite_template)


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated database of this test's own; the test runs once for each kind."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def empty_postgres_url(postgres_server_url: str) -> Iterator[str]:
    """A PostgreSQL database of this test's own without a table."""
    with postgres_database(postgres_server_url) as url:
        yield url


@pytest.fixture
def empty_sqlite_url(tmp_path: Path) -> str:
    """A SQLite file of this test's own that does not exist yet."""
    return sqlite_database(tmp_path)


@pytest.fixture(params=["sqlite", "postgres"])
def empty_database_url(request: pytest.FixtureRequest) -> str:
    """A database of this test's own without a table; the test runs once for each kind."""
    return str(request.getfixturevalue(f"empty_{request.param}_url"))


@pytest.fixture(scope="session")
def _redis_server_url() -> Iterator[str]:
    with redis_for_tests() as url:
        yield url
        with Redis.from_url(url) as client:
            client.flushdb()


@pytest.fixture
def redis_url(_redis_server_url: str) -> str:
    """An empty Redis."""
    with Redis.from_url(_redis_server_url) as client:
        client.flushdb()
    return _redis_server_url
