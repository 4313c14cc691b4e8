"""The PostgreSQL and the Redis that a test session uses: its own throw-away ones, or those the environment names.

`TEST_DATABASE_URL` names a PostgreSQL in which the tests may create and drop databases, `TEST_REDIS_URL` an empty Redis
that they may wipe.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from os import environ
from typing import TypeVar

import pytest
from redis import Redis

from worker.private_servers import NoServer, PrivateServer, private_postgres, private_redis

# Far from UTC, so that a naive time shows.
POSTGRES_SETTINGS = {"timezone": "Asia/Kolkata"}

Server = TypeVar("Server", bound=PrivateServer)


@contextmanager
def postgres_for_tests() -> Iterator[str]:
    """Give the URL of a PostgreSQL; without one the test is skipped, or fails where CI is set."""
    named = environ.get("TEST_DATABASE_URL")
    if named:
        yield named
    else:
        with required(private_postgres(POSTGRES_SETTINGS)) as server:
            yield server.url


@contextmanager
def redis_for_tests() -> Iterator[str]:
    """Give the URL of an empty Redis; without one the test is skipped, or fails where CI is set."""
    named = environ.get("TEST_REDIS_URL")
    if named:
        _refuse_foreign_keys(named)
        yield named
    else:
        with required(private_redis()) as server:
            yield server.url


@contextmanager
def required(servers: AbstractContextManager[Server]) -> Iterator[Server]:
    """Run a private server; where its binary is missing the test is skipped, or fails where CI is set."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(servers)
        except NoServer as missing:
            without = pytest.fail if environ.get("CI") else pytest.skip
            without(str(missing))
        yield server


def _refuse_foreign_keys(url: str) -> None:
    with Redis.from_url(url) as client:
        count = client.dbsize()
    if count:
        pytest.fail(f"the Redis of TEST_REDIS_URL holds {count} keys and the tests wipe it; name an empty one")
