"""The floor's two tables, in PostgreSQL and in SQLite: a list to read, results to add."""

import sqlite3
from contextlib import closing
from typing import Protocol

from psycopg import connect

from worker.bench.databases import libpq_url, sqlite_path
from worker.bench.lists import phones

Row = tuple[int, str, str]
Result = tuple[int, str | None, str | None, str | None]

_TABLES = (
    "CREATE TABLE floor_list (id integer PRIMARY KEY, phone text NOT NULL, name text NOT NULL)",
    "CREATE TABLE floor_results (id integer PRIMARY KEY, provider_id text, parts integer, said text)",
)


class FloorTables(Protocol):
    """One connection to them."""

    def read(self, first: int, last: int) -> list[Row]:
        """Return a range of the list."""

    def write(self, results: list[Result]) -> None:
        """Add results; they are durable afterwards."""


class PostgresTables:
    """Binary reads, COPY, one commit for a document."""

    def __init__(self, url: str) -> None:
        self._connection = connect(libpq_url(url), autocommit=True)
        self._cursor = self._connection.cursor(binary=True)

    def read(self, first: int, last: int) -> list[Row]:
        """Return a range of the list."""
        statement = "SELECT id, phone, name FROM floor_list WHERE id BETWEEN %s AND %s ORDER BY id"
        return self._cursor.execute(statement, (first, last), prepare=True).fetchall()

    def write(self, results: list[Result]) -> None:
        """Add results; they are durable afterwards."""
        lines = "".join([f"{place}\t{given}\t{parts}\t{said}\n" for place, given, parts, said in results])
        with self._cursor.copy("COPY floor_results (id, provider_id, parts, said) FROM STDIN") as copy:
            copy.write(lines)


class SqliteTables:
    """executemany, one commit for a document; WAL and FULL, as the product's connections are."""

    def __init__(self, url: str) -> None:
        self._connection = sqlite3.connect(sqlite_path(url), isolation_level=None, timeout=30)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")

    def read(self, first: int, last: int) -> list[Row]:
        """Return a range of the list."""
        statement = "SELECT id, phone, name FROM floor_list WHERE id BETWEEN ? AND ? ORDER BY id"
        return self._connection.execute(statement, (first, last)).fetchall()

    def write(self, results: list[Result]) -> None:
        """Add results; they are durable afterwards."""
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany("INSERT INTO floor_results VALUES (?, ?, ?, ?)", results)
        self._connection.execute("COMMIT")


def open_tables(url: str) -> FloorTables:
    """Connect to the tables at SQLAlchemy's URL."""
    return SqliteTables(url) if url.startswith("sqlite") else PostgresTables(url)


def fill(url: str, count: int) -> None:
    """Make the tables and write the list."""
    rows = ((number, *person) for number, person in enumerate(phones(count), 1))
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(sqlite_path(url))) as database:
            for table in _TABLES:
                database.execute(table)
            database.executemany("INSERT INTO floor_list VALUES (?, ?, ?)", rows)
            database.commit()
        return
    with connect(libpq_url(url)) as connection, connection.cursor() as cursor:
        for table in _TABLES:
            cursor.execute(table)
        with cursor.copy("COPY floor_list (id, phone, name) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)


def count_results(url: str) -> dict[str, int]:
    """Return how many results there are, and how many different ids."""
    statement = "SELECT count(*), count(DISTINCT provider_id), count(*) FILTER (WHERE said = 'send') FROM floor_results"
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(sqlite_path(url))) as database:
            rows, ids, sent = database.execute(statement).fetchone()
    else:
        with connect(libpq_url(url)) as connection:
            rows, ids, sent = connection.execute(statement).fetchone() or (0, 0, 0)
    return {"results": rows, "ids": ids, "accepted": sent}
