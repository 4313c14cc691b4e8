"""What is said when the database refuses, and what is worth trying again."""

import sqlite3

import pytest
from psycopg import OperationalError as ConnectionRefused
from psycopg.errors import lookup
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft

from worker.database_faults import find_fault
from worker.insisting import LONGEST_WAIT_SECONDS, Patience, insist

SECRET = "INSERT INTO bulkpost_recipients VALUES ('79033256699')"


def postgres(state: str, said: str = "no") -> SQLAlchemyError:
    return DBAPIError(SECRET, {"msisdn": "79033256699"}, lookup(state)(said))


def unreachable(said: str) -> SQLAlchemyError:
    return OperationalError(SECRET, None, ConnectionRefused(said))


def sqlite(code: int) -> SQLAlchemyError:
    refused = sqlite3.OperationalError("no")
    refused.sqlite_errorcode = code
    return OperationalError(SECRET, None, refused)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (postgres("40P01"), "deadlock"),
        (postgres("40001"), "met another one"),
        (postgres("40003"), "undid a transaction"),
        (postgres("53100"), "disk of the database is full: make room"),
        (postgres("53300"), "raise its max_connections"),
        (postgres("55P03"), "pg_stat_activity"),
        (postgres("57P01"), "stopping or starting"),
        (postgres("57P03"), "stopping or starting"),
        (postgres("25006"), "takes no writes"),
        (postgres("08006"), "does not answer"),
        (unreachable("FATAL:  sorry, too many clients already"), "raise its max_connections"),
        (unreachable("FATAL:  the database system is starting up"), "stopping or starting"),
        (unreachable('FATAL:  password authentication failed for user "shop"'), "refuses our password"),
        (unreachable("connection refused"), "does not answer"),
        (sqlite(sqlite3.SQLITE_BUSY), "locked"),
        (sqlite(sqlite3.SQLITE_BUSY | 2 << 8), "locked"),
        (sqlite(sqlite3.SQLITE_FULL), "disk of the database is full: make room"),
        (sqlite(sqlite3.SQLITE_READONLY), "takes no writes"),
        (NoConnectionLeft(), "run fewer threads"),
    ],
)
def test_fault_that_may_pass_is_named_with_its_mend(error: SQLAlchemyError, words: str) -> None:
    fault = find_fault(error)
    assert words in fault.words
    assert (fault.passes, "\n" in fault.words, "7903" in fault.words) == (True, False, False)


@pytest.mark.parametrize(
    "error",
    [
        postgres("23505", "duplicate key\nDETAIL: Key (msisdn)=(79033256699) already exists."),
        postgres("42601"),
        postgres("22021"),
        sqlite(sqlite3.SQLITE_CONSTRAINT),
        sqlite(sqlite3.SQLITE_CORRUPT),
        sqlite(sqlite3.SQLITE_ERROR),
        SQLAlchemyError("79033256699"),
    ],
)
def test_error_of_ours_never_passes_and_shows_no_values(error: SQLAlchemyError) -> None:
    fault = find_fault(error)
    assert (fault.passes, fault.everywhere, "7903" in fault.words) == (False, False, False)


class Spent:
    """Time that goes by only in pauses."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def pause(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    def patience(self, seconds: float) -> Patience:
        return Patience(seconds, lambda: self.now, self.pause, lambda: 1.5)


def test_patience_ends_with_one_last_try_at_its_end() -> None:
    time, tries = Spent(), []

    def fail() -> None:
        tries.append(time.now)
        raise postgres("53100")

    with pytest.raises(DBAPIError):
        insist(fail, time.patience(60))
    assert tries[-1] == 60
    assert max(time.waits) <= LONGEST_WAIT_SECONDS * 1.5
    assert len(tries) < 20


def test_what_does_not_pass_is_tried_once() -> None:
    time = Spent()

    def fail() -> None:
        raise postgres("23505")

    with pytest.raises(DBAPIError):
        insist(fail, time.patience(60))
    assert time.waits == []
