"""Databases for one run each, copied from one that was filled once: every run finds the same rows."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path
from shutil import copyfile
from typing import Protocol

from psycopg import connect
from psycopg.sql import SQL, Composed, Identifier

Fill = Callable[[str], None]


class Databases(Protocol):
    """Templates, and copies of them; URLs are SQLAlchemy's."""

    def fill(self, name: str, fill: Fill) -> None:
        """Make the template `name`, unless there is one; `fill` is given its URL and leaves no connection open."""

    def copied(self, name: str) -> AbstractContextManager[str]:
        """Return a context that gives the URL of a copy, which goes with the block."""

    def analyse(self, url: str) -> None:
        """Let the planner know what a run has written: `prove` of a database it knows nothing of takes minutes."""


class PostgresDatabases:
    """Databases of one server, given by the URL of its own."""

    def __init__(self, server_url: str) -> None:
        self._url = server_url
        self._filled: set[str] = set()
        self._numbers = count(1)

    def fill(self, name: str, fill: Fill) -> None:
        """Make the template: filled, and vacuumed."""
        if name in self._filled:
            return
        self._filled.add(name)
        self._administer(SQL("CREATE DATABASE {}").format(Identifier(name)))
        fill(self._database(name))
        with connect(libpq_url(self._database(name)), autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")

    @contextmanager
    def copied(self, name: str) -> Iterator[str]:
        """Give the URL of a copy; nothing is left to be written when the block begins."""
        copy = f"{name}_{next(self._numbers)}"
        self._administer(SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(copy), Identifier(name)))
        self._administer(SQL("CHECKPOINT").format())
        try:
            yield self._database(copy)
        finally:
            self._administer(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(copy)))

    def analyse(self, url: str) -> None:
        """Gather what autovacuum gathers after a minute."""
        with connect(libpq_url(url), autocommit=True) as connection:
            connection.execute("ANALYZE")

    def _database(self, name: str) -> str:
        return self._url.replace("/postgres?", f"/{name}?")

    def _administer(self, statement: Composed) -> None:
        with connect(libpq_url(self._url), autocommit=True) as connection:
            connection.execute(statement)


class SqliteDatabases:
    """Files in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count(1)

    def fill(self, name: str, fill: Fill) -> None:
        """Make the template, in one file."""
        if not (self._folder / f"{name}.db").exists():
            fill(self._url(name))

    @contextmanager
    def copied(self, name: str) -> Iterator[str]:
        """Give the URL of a copy."""
        copy = f"{name}_{next(self._numbers)}"
        copyfile(self._folder / f"{name}.db", self._folder / f"{copy}.db")
        try:
            yield self._url(copy)
        finally:
            for left in self._folder.glob(f"{copy}.db*"):
                left.unlink()

    def analyse(self, url: str) -> None:
        """Do nothing: SQLite looks every id up."""

    def _url(self, name: str) -> str:
        return f"sqlite:///{self._folder / name}.db"


def libpq_url(url: str) -> str:
    """Return SQLAlchemy's URL as the driver reads it."""
    return url.replace("postgresql+psycopg://", "postgresql://")


def sqlite_path(url: str) -> str:
    """Return the file of SQLAlchemy's URL."""
    return url.removeprefix("sqlite:///")
