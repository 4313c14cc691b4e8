"""What one process holds, for as many threads as it has."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from models.session import reading
from tests.support.driving import quick_settings
from worker.runtime import Runtime, open_runtime

THREADS = 17
"""More than a pool keeps unless it is told to."""


@pytest.fixture
def runtime(database_url: str) -> Iterator[Runtime]:
    runtime = open_runtime(quick_settings(database_url))
    yield runtime
    runtime.close()


def connections(runtime: Runtime) -> set[int]:
    """Return the connections that so many threads have at once."""
    with ExitStack() as stack:
        held = [stack.enter_context(reading(runtime.sessions)) for _ in range(THREADS)]
        return {id(session.connection().connection.dbapi_connection) for session in held}


def test_every_thread_keeps_a_connection_from_one_transaction_to_the_next(runtime: Runtime) -> None:
    first = connections(runtime)
    assert len(first) == THREADS
    assert connections(runtime) == first
