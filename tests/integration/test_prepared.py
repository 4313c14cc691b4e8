"""Statements that libpq executes: prepared once, and again where the server was told to forget them."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg import OperationalError
from psycopg.errors import InvalidSqlStatementName

from models.prepared import Prepared

ADDED = "INSERT INTO notes (word) VALUES ($1)"
COUNTED = "SELECT count(*) FROM notes WHERE word = $1"
OURS = "SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'bulkpost%'"

Driver = psycopg.Connection[Any]


@pytest.fixture
def driver(postgres_url: str) -> Iterator[Driver]:
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("CREATE TABLE notes (word text)")
        yield connection


def kept(driver: Driver) -> int:
    count: int = driver.execute(OURS, prepare=False).fetchall()[0][0]
    return count


def add(prepared: Prepared, word: str) -> int:
    return prepared.execute(ADDED, [word], [False])[0]


def count(prepared: Prepared, word: str) -> int:
    row = prepared.execute(COUNTED, [word], [False])[1]
    assert row is not None
    return int(row[0])


def rolled_back(driver: Driver) -> None:
    """Roll back as the driver does, which then tells the server to forget whatever is prepared."""
    driver.execute("SELECT 1", prepare=True)
    driver.autocommit = False
    driver.execute("SELECT 2")
    driver.rollback()
    driver.autocommit = True


def told(driver: Driver) -> None:
    driver.execute("DEALLOCATE ALL")


def test_statement_is_prepared_once(driver: Driver) -> None:
    prepared = Prepared(driver)
    assert [add(prepared, "a") for _ in range(3)] == [1, 1, 1]
    assert (count(prepared, "a"), count(prepared, "b"), kept(driver)) == (3, 0, 2)


@pytest.mark.parametrize("forget", [rolled_back, told])
def test_forgotten_statement_is_prepared_again(driver: Driver, forget: Callable[[Driver], None]) -> None:
    prepared = Prepared(driver)
    add(prepared, "a")
    count(prepared, "a")
    forget(driver)
    assert kept(driver) == 0
    assert add(prepared, "a") == 1
    assert (count(prepared, "a"), kept(driver)) == (2, 2)


@pytest.mark.parametrize("forget", [rolled_back, told])
def test_transaction_whose_first_statement_was_forgotten_begins_anew(
    driver: Driver, forget: Callable[[Driver], None]
) -> None:
    prepared = Prepared(driver)
    add(prepared, "a")
    forget(driver)
    prepared.begin("BEGIN ISOLATION LEVEL SERIALIZABLE")
    assert add(prepared, "a") == 1
    shown = prepared.execute("SHOW transaction_isolation", [], [])[1]
    prepared.command("COMMIT")
    assert (shown, count(prepared, "a")) == (("serializable",), 2)


def test_transaction_that_has_done_something_does_not_begin_anew(driver: Driver) -> None:
    prepared = Prepared(driver)
    prepared.begin("BEGIN")
    add(prepared, "a")
    prepared.command("DEALLOCATE ALL")
    with pytest.raises(InvalidSqlStatementName):
        add(prepared, "b")
    prepared.command("ROLLBACK")
    assert (count(prepared, "a"), count(prepared, "b")) == (0, 0)


def test_statement_that_is_forgotten_at_once_is_not_asked_for_ever(driver: Driver) -> None:
    class Forgetful(Prepared):
        def _prepare(self, text: str, are_bytes: Any) -> Any:
            known = super()._prepare(text, are_bytes)
            self.command("DEALLOCATE ALL")
            return known

    with pytest.raises(InvalidSqlStatementName):
        add(Forgetful(driver), "a")


def test_nothing_is_prepared_for_a_pooler_that_keeps_no_statements(driver: Driver) -> None:
    driver.prepare_threshold = None
    prepared = Prepared(driver)
    prepared.begin("BEGIN")
    assert (add(prepared, "a"), add(prepared, "b")) == (1, 1)
    prepared.command("COMMIT")
    assert (count(prepared, "b"), kept(driver)) == (1, 0)


def planned_for_a_small_table(driver: Driver, now: list[float]) -> Prepared:
    """Plan a statement for a table of one row, which has a hundred thousand afterwards."""
    prepared = Prepared(driver, lambda: now[0])
    driver.execute("CREATE TABLE people (id integer PRIMARY KEY) WITH (autovacuum_enabled = false)")
    driver.execute("INSERT INTO people VALUES (1)")
    driver.execute("ANALYZE people")
    for _ in range(7):
        prepared.execute("SELECT id FROM people WHERE id = $1", [1], [False])
    driver.execute("INSERT INTO people SELECT generate_series(2, 100000)")
    return prepared


def plan_of(driver: Driver) -> str:
    (plan,) = driver.execute("EXPLAIN EXECUTE bulkpost_1(1)", prepare=False).fetchall()[0]
    return str(plan).partition(" using")[0].partition(" on")[0]


def test_plan_is_made_anew_for_a_table_that_has_grown(driver: Driver) -> None:
    now = [100.0]
    prepared = planned_for_a_small_table(driver, now)
    plans = []
    for seconds in (0.0, 0.9, 0.2):
        now[0] += seconds
        prepared.begin("BEGIN")
        prepared.commit()
        plans.append(plan_of(driver))
    assert plans == ["Seq Scan", "Seq Scan", "Index Only Scan"]


def test_connection_that_was_lost_is_said_to_be(driver: Driver) -> None:
    prepared = Prepared(driver)
    add(prepared, "a")
    for _ in range(2):
        with pytest.raises(OperationalError):
            prepared.execute("SELECT pg_terminate_backend(pg_backend_pid())", [], [])
    assert driver.closed
    with pytest.raises(OperationalError):
        prepared.begin("BEGIN")


def test_plan_is_made_anew_on_a_connection_that_begins_no_transaction(driver: Driver) -> None:
    now = [100.0]
    prepared = planned_for_a_small_table(driver, now)
    plans = []
    for seconds in (0.9, 0.2):
        now[0] += seconds
        prepared.execute("SELECT 1", [], [])
        plans.append(plan_of(driver))
    assert plans == ["Seq Scan", "Index Only Scan"]


def test_statement_whose_columns_have_changed_is_prepared_again(driver: Driver) -> None:
    prepared = Prepared(driver)
    driver.execute("INSERT INTO notes VALUES ('7')")
    words = [prepared.execute("SELECT * FROM notes", [], [])[1]]
    driver.execute("ALTER TABLE notes ALTER word TYPE integer USING word::integer")
    words.append(prepared.execute("SELECT * FROM notes", [], [])[1])
    assert words == [("7",), (7,)]


def test_transaction_that_was_broken_is_not_committed(driver: Driver) -> None:
    prepared = Prepared(driver)
    prepared.begin("BEGIN")
    with pytest.raises(psycopg.Error):
        prepared.command("SELECT nonsense")
    with pytest.raises(OperationalError, match="undone"):
        prepared.commit()
