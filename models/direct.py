"""Statements that the database's driver executes by itself, for the few that every batch asks for.

SQLAlchemy makes them, once, and keeps the connections. What stands around an execution otherwise (a session, a
connection, a transaction, a result) takes the processor longer than the statements of a batch do (decision 17).
"""

from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Dialect, Engine
from sqlalchemy.exc import DBAPIError, NoResultFound

from .session import Sessions

Statement = Any
"""What SQLAlchemy makes, once: a select, or an insert or update that may return columns."""

Convert = Callable[[Any], Any]

# Whatever the server's default: what stands behind a lock must see what was committed while it waited.
_BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED"

_ANY_TYPE_CODE = 701
"""A number's type as PostgreSQL tells it (float8), for the readers that want one: the columns are typed."""

LONGEST_TURN_SECONDS = 1.0
"""How long a thread waits for its turn to write to SQLite; a turn takes milliseconds."""


class Answer:
    """What one statement brought. Of a statement that was sent together with others it is there when these are."""

    __slots__ = ("_cursor", "_made", "_rows")

    def __init__(self, cursor: Any, made: "_Made", *, at_once: bool) -> None:
        self._cursor, self._made = cursor, made
        # SQLite commits nothing while somebody still reads.
        self._rows = iter(cursor.fetchall()) if at_once else None

    @property
    def rowcount(self) -> int:
        """How many rows were changed, or found."""
        count: int = self._cursor.rowcount
        return count

    def one_or_none(self) -> Any:
        """Return the first row, whose columns have names too, or None where there is none."""
        row = self._cursor.fetchone() if self._rows is None else next(self._rows, None)
        return None if row is None else self._made.read(row)

    def scalar_one_or_none(self) -> Any:
        """Return the first column of the first row, or None."""
        row = self.one_or_none()
        return None if row is None else row[0]

    def one(self) -> Any:
        """Return the first row. Raises: NoResultFound where there is none."""
        row = self.one_or_none()
        if row is None:
            raise NoResultFound("a statement that always brings a row brought none")
        return row


class Direct:
    """A connection of which every statement commits itself, but between `begin` and `commit`."""

    def __init__(self, engine: Engine, driver: Any) -> None:
        self.dialect, self._driver = engine.dialect, driver
        self._pipelines = engine.dialect.name != "sqlite"
        self._turn = None if self._pipelines else _turns.setdefault(engine, Lock())
        self._writes = False

    def execute(self, statement: Statement, values: Mapping[str, object]) -> Answer:
        """Execute what SQLAlchemy has made; `values` by the names of its parameters."""
        made = _made(statement, self.dialect)
        if not self._pipelines:
            return Answer(self._driver.execute(made.text, made.given(values)), made, at_once=True)
        # Prepared from the first time on: every connection asks for it again and again.
        return Answer(self._driver.execute(made.text, made.given(values), prepare=True), made, at_once=False)

    def begin(self) -> None:
        """Begin a transaction, on SQLite one that writes; it is rolled back at the end unless it was committed."""
        if self._turn is not None:
            # Whoever finds SQLite's one writer at work sleeps for milliseconds; here it goes on at once. Where the
            # turn does not come in time, as when another process holds the file, SQLite decides alone.
            self._writes = self._turn.acquire(timeout=LONGEST_TURN_SECONDS)
        self._driver.execute(_BEGIN if self._pipelines else "BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Commit the transaction."""
        self._driver.execute("COMMIT")
        self.let_go()

    def let_go(self) -> None:
        """Let the next thread of this process write."""
        if self._turn is not None and self._writes:
            self._writes = False
            self._turn.release()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Send the block's statements without waiting for one before the next: PostgreSQL executes them in order, none
        after one that fails. Their answers are there at the end of the block."""
        with self._driver.pipeline() if self._pipelines else nullcontext():
            yield


@contextmanager
def direct(sessions: Sessions) -> Iterator[Direct]:
    """Take a connection from the pool of `sessions`; give it back at the end, without a transaction.

    Raises:
        DBAPIError: whatever the driver raises, as SQLAlchemy raises it. The connection is not used again, and what it
            had not committed is undone.
    """
    engine: Engine = sessions.kw["bind"]
    errors = engine.dialect.loaded_dbapi.Error
    pooled = connection = None
    try:
        pooled = engine.raw_connection()
        driver: Any = pooled.driver_connection
        if engine.dialect.name != "sqlite":
            driver.autocommit = True
        connection = Direct(engine, driver)
        yield connection
        driver.rollback()  # asks nobody where there is no transaction
        if engine.dialect.name != "sqlite":
            driver.autocommit = False
    except BaseException as error:
        failed = None if pooled is None else pooled.dbapi_connection
        lost = isinstance(error, errors) and engine.dialect.is_disconnect(error, failed, None)
        if pooled is not None:
            pooled.invalidate(error)
        if not isinstance(error, errors):
            raise
        raise DBAPIError.instance(
            None, None, error, errors, connection_invalidated=lost, dialect=engine.dialect
        ) from error
    finally:
        if pooled is not None:
            pooled.close()
        if connection is not None:
            connection.let_go()


_turns: WeakKeyDictionary[Engine, Lock] = WeakKeyDictionary()


class _Made:
    """What SQLAlchemy knows of a statement, as the driver wants it."""

    def __init__(self, statement: Statement, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self.text: str = compiled.string
        self._order: list[str] | None = compiled.positiontup
        self._constants = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}
        self._writers: list[tuple[str, Convert]] = []
        for name, bind in compiled.binds.items():
            if writer := bind.type.dialect_impl(dialect).bind_processor(dialect):
                self._writers.append((name, writer))
        columns = list(statement.exported_columns)
        readers = (column.type.dialect_impl(dialect).result_processor(dialect, _ANY_TYPE_CODE) for column in columns)
        self._readers: list[tuple[int, Convert]] = [(n, reader) for n, reader in enumerate(readers) if reader]
        self._row: Any = namedtuple("Row", [column.key for column in columns], rename=True)  # type: ignore[misc]

    def given(self, values: Mapping[str, object]) -> Any:
        """Return the parameters as the driver takes them."""
        given = {**self._constants, **values}
        for name, writer in self._writers:
            given[name] = writer(given[name])
        return given if self._order is None else [given[name] for name in self._order]

    def read(self, row: Any) -> Any:
        """Return a row with its values as Python knows them."""
        columns = list(row)
        for place, reader in self._readers:
            columns[place] = reader(columns[place])
        return self._row._make(columns)


_known: dict[tuple[Statement, str], _Made] = {}


def _made(statement: Statement, dialect: Dialect) -> _Made:
    key = (statement, dialect.name)
    if key not in _known:
        _known[key] = _Made(statement, dialect)
    return _known[key]
