"""Statements that the driver executes by itself: what SQLAlchemy would have brought, and nothing left behind."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from threading import Event
from typing import Any

import pytest
from psycopg import Error
from sqlalchemy import LargeBinary, bindparam, cast, insert, select, text, update
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    InternalError,
    NoResultFound,
    OperationalError,
    ProgrammingError,
)

from models.account import Account
from models.base import Instant
from models.direct import Direct, direct
from models.session import Sessions, reading, transaction
from tests.support.ledger import Ledger, open_ledger, together

ALL = select(*Account.__table__.columns).where(Account.id == bindparam("id"))
NAMED = update(Account).where(Account.id == bindparam("its_id")).values(status_by=bindparam("its_name"))
APPENDED = update(Account).values(status_by=Account.status_by + bindparam("its_letter"))
BROKEN = select(text("1 FROM bulkpost_nowhere"))
EVERYTHING: dict[str, Any] = {
    "per_second": 12.5,
    "holidays": ["2026-01-01"],
    "opens_at": datetime(2026, 3, 1, 12, 30, 0, 250, tzinfo=UTC),
    "time_zone": "Asia/Kolkata",
}


@pytest.fixture
def sessions(database_url: str) -> Iterator[Sessions]:
    with open_ledger(database_url) as ledger:
        an_account(ledger)
        yield ledger.sessions


@pytest.fixture
def on_postgres(postgres_url: str) -> Iterator[Sessions]:
    with open_ledger(postgres_url) as ledger:
        an_account(ledger)
        yield ledger.sessions


def an_account(ledger: Ledger) -> None:
    account_id = ledger.an_account()
    with transaction(ledger.sessions) as session:
        session.execute(update(Account).where(Account.id == account_id).values(EVERYTHING))


def named(sessions: Sessions) -> str:
    with reading(sessions) as session:
        return session.execute(select(Account.status_by)).scalar_one()


def call_it(connection: Direct, name: str) -> int:
    return connection.execute(NAMED, {"its_id": 1, "its_name": name}).rowcount


def test_every_type_of_column_is_read_as_sqlalchemy_reads_it(sessions: Sessions) -> None:
    with reading(sessions) as session:
        expected = session.execute(ALL, {"id": 1}).one()
    with direct(sessions) as connection:
        found = connection.execute(ALL, {"id": 1}).one()
    assert tuple(found) == tuple(expected)
    assert found._asdict() == expected._asdict()
    assert list(map(type, found)) == list(map(type, expected))


def test_values_are_written_as_sqlalchemy_writes_them(sessions: Sessions) -> None:
    moment = datetime(2026, 3, 1, 14, 30, tzinfo=UTC)
    statement = update(Account).values(opens_at=bindparam("its_moment", type_=Instant)).returning(Account.opens_at)
    with direct(sessions) as connection:
        assert connection.execute(statement, {"its_moment": moment}).scalar_one_or_none() == moment
    with pytest.raises(ValueError, match="without a time zone"), direct(sessions) as connection:
        connection.execute(statement, {"its_moment": moment.replace(tzinfo=None)})


def test_statement_commits_itself(sessions: Sessions) -> None:
    with pytest.raises(KeyboardInterrupt), direct(sessions) as connection:
        assert call_it(connection, "anna") == 1
        raise KeyboardInterrupt
    assert named(sessions) == "anna"


def test_transaction_that_was_not_committed_is_undone(sessions: Sessions) -> None:
    with direct(sessions) as connection:
        connection.begin()
        call_it(connection, "anna")
    assert named(sessions) == "system"


def test_transaction_that_breaks_is_undone(sessions: Sessions) -> None:
    with pytest.raises(KeyboardInterrupt), direct(sessions) as connection:
        connection.begin()
        call_it(connection, "anna")
        raise KeyboardInterrupt
    assert named(sessions) == "system"


def test_connection_that_is_given_back_begins_transactions_again(sessions: Sessions) -> None:
    with direct(sessions) as connection:
        call_it(connection, "anna")
    with pytest.raises(KeyboardInterrupt), transaction(sessions) as session:
        session.execute(update(Account).values(status_by="berta"))
        raise KeyboardInterrupt
    assert named(sessions) == "anna"


def test_what_the_database_refuses_is_raised_as_sqlalchemy_raises_it(sessions: Sessions) -> None:
    again = insert(Account).from_select(
        ["id", "name", "gateway_url", "status", "status_since", "status_by", "created_at", "batch_size", "max_parallel",
         "transport_failures", "timed_out_documents", "refused_documents", "day_message_count", "day_segment_count"],
        select(Account.id, Account.name, Account.gateway_url, Account.status, Account.status_since, Account.status_by,
               Account.created_at, Account.batch_size, Account.max_parallel, Account.transport_failures,
               Account.timed_out_documents, Account.refused_documents, Account.day_message_count,
               Account.day_segment_count),
    )  # fmt: skip
    with pytest.raises(IntegrityError) as refused, direct(sessions) as connection:
        connection.execute(again, {})
    assert not refused.value.connection_invalidated
    assert "gateway_url" not in str(refused.value)
    with pytest.raises((ProgrammingError, OperationalError)), direct(sessions) as connection:
        connection.execute(BROKEN, {})
    assert named(sessions) == "system"


def test_row_that_is_missing_is_none(sessions: Sessions) -> None:
    with direct(sessions) as connection:
        assert connection.execute(ALL, {"id": 99}).one_or_none() is None
        assert connection.execute(ALL, {"id": 99}).scalar_one_or_none() is None
        with pytest.raises(NoResultFound):
            connection.execute(ALL, {"id": 99}).one()


def test_statements_of_a_transaction_bring_each_its_answer(sessions: Sessions) -> None:
    with direct(sessions) as connection:
        connection.begin()
        changed = connection.execute(NAMED, {"its_id": 1, "its_name": "anna"})
        found = connection.execute(ALL, {"id": 1})
        connection.commit()
        assert (changed.rowcount, found.one().status_by) == (1, "anna")
    assert named(sessions) == "anna"


def test_nothing_is_done_after_one_that_fails(on_postgres: Sessions) -> None:
    with pytest.raises(InternalError, match="aborted"), direct(on_postgres) as connection:
        connection.begin()
        call_it(connection, "anna")
        with suppress(Error):
            connection.execute(BROKEN, {})
        call_it(connection, "berta")
    assert named(on_postgres) == "system"


def test_bytes_are_written_as_they_are(on_postgres: Sessions) -> None:
    every = bytes(range(256)) * 3
    statement = select(cast(bindparam("its_bytes", type_=LargeBinary), LargeBinary).label("same"))
    with direct(on_postgres) as connection:
        for given in (None, every, b""):
            assert connection.execute(statement, {"its_bytes": given}).scalar_one_or_none() == given


def test_text_that_postgresql_cannot_keep_is_refused_and_not_cut_short(on_postgres: Sessions) -> None:
    with pytest.raises(DataError, match="NUL"), direct(on_postgres) as connection:
        call_it(connection, "an\0na")
    assert named(on_postgres) == "system"


def test_connection_that_is_lost_says_so_and_is_replaced(on_postgres: Sessions) -> None:
    ending = select(text("pg_terminate_backend(pg_backend_pid())"))
    with pytest.raises(DBAPIError) as lost, direct(on_postgres) as connection:
        connection.execute(ending, {})
    assert lost.value.connection_invalidated
    with direct(on_postgres) as connection:
        assert call_it(connection, "anna") == 1


@pytest.mark.parametrize("breaks", [True, False])
def test_whoever_waits_to_write_goes_on_after_a_commit_and_after_a_break(sessions: Sessions, breaks: bool) -> None:
    waiting = [Event(), Event()]

    def write(letter: str) -> None:
        with direct(sessions) as connection:
            connection.begin()
            connection.execute(APPENDED, {"its_letter": letter})
            if letter == "a":
                assert all(other.wait(30) for other in waiting)
                if breaks:
                    raise KeyboardInterrupt
            connection.commit()

    def write_first() -> None:
        with suppress(KeyboardInterrupt):
            write("a")

    def write_behind(asks: Event, letter: str) -> None:
        asks.set()
        write(letter)

    lanes: list[Callable[[], None]] = [write_first]
    lanes += [partial(write_behind, asks, letter) for asks, letter in zip(waiting, "bc", strict=True)]
    together(lanes)
    assert sorted(named(sessions).removeprefix("system")) == (["b", "c"] if breaks else ["a", "b", "c"])
