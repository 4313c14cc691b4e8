"""Statements that are executed beside SQLAlchemy, for the few that every batch asks for.

SQLAlchemy makes them, once, and keeps the connections. What stands around an execution otherwise (a session, a
connection, a transaction, a result) takes the processor longer than the statements of a batch do (decision 17).
"""

from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from sqlalchemy import Dialect, Engine, LargeBinary
from sqlalchemy.exc import DBAPIError, NoResultFound

from .session import Sessions

if TYPE_CHECKING:
    from .prepared import Prepared

Statement = Any
"""What SQLAlchemy makes, once: a select, or an insert or update that may return columns; it brings one row at most."""

Convert = Callable[[Any], Any]

# Whatever the server's default: what stands behind a lock must see what was committed while it waited.
_BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED"

_ANY_TYPE_CODE = 701
"""A number's type as PostgreSQL tells it (float8), for the readers that want one: the columns are typed."""

_PREPARED = "prepared"
"""Where the pool keeps what is prepared on a connection."""

LONGEST_TURN_SECONDS = 1.0
"""How long a thread waits for its turn to write to SQLite; a turn takes milliseconds."""


class Answer:
    """What one statement brought: `rowcount` is how many rows were changed, or found."""

    __slots__ = ("_row", "rowcount")

    def __init__(self, rowcount: int, row: Any) -> None:
        self.rowcount, self._row = rowcount, row

    def one_or_none(self) -> Any:
        """Return the row, whose columns have names too, or None where there is none."""
        return self._row

    def scalar_one_or_none(self) -> Any:
        """Return the first column of the row, or None."""
        return None if self._row is None else self._row[0]

    def one(self) -> Any:
        """Return the row. Raises: NoResultFound where there is none."""
        if self._row is None:
            raise NoResultFound("a statement that always brings a row brought none")
        return self._row


class Direct:
    """A connection of which every statement commits itself, but between `begin` and `commit`."""

    def __init__(self, engine: Engine, driver: Any, kept: dict[str, Any]) -> None:
        self.dialect, self._driver = engine.dialect, driver
        self._prepared: Prepared | None = None
        self._turn: Lock | None = None
        self._writes = False
        if engine.dialect.name == "sqlite":
            self._turn = _turns.setdefault(engine, Lock())
        else:
            self._prepared = kept.get(_PREPARED) or kept.setdefault(_PREPARED, _prepare_for(driver))

    def execute(self, statement: Statement, values: Mapping[str, object]) -> Answer:
        """Execute what SQLAlchemy has made; `values` by the names of its parameters."""
        made = _made(statement, self.dialect)
        given = made.given(values)
        if self._prepared is not None:
            rowcount, row = self._prepared.execute(made.text, given, made.are_bytes)
        else:
            cursor = self._driver.execute(made.text, given)
            rows = cursor.fetchall()  # SQLite commits nothing while somebody still reads
            rowcount, row = cursor.rowcount, rows[0] if rows else None
        return Answer(rowcount, None if row is None else made.read(row))

    def begin(self) -> None:
        """Begin a transaction, on SQLite one that writes; it is rolled back at the end unless it was committed."""
        if self._prepared is not None:
            self._prepared.begin(_BEGIN)
            return
        if self._turn is not None:
            # Whoever finds SQLite's one writer at work sleeps for milliseconds; here it goes on at once. Where the
            # turn does not come in time, as when another process holds the file, SQLite decides alone.
            self._writes = self._turn.acquire(timeout=LONGEST_TURN_SECONDS)
        self._driver.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Commit the transaction."""
        if self._prepared is not None:
            self._prepared.commit()
            return
        self._driver.execute("COMMIT")
        self.let_go()

    def let_go(self) -> None:
        """Let the next thread of this process write."""
        if self._turn is not None and self._writes:
            self._writes = False
            self._turn.release()


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
        connection = Direct(engine, pooled.driver_connection, pooled.info)
        yield connection
        pooled.rollback()  # asks nobody where there is no transaction
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


def _prepare_for(driver: Any) -> "Prepared":
    from .prepared import Prepared  # here, because PostgreSQL's driver takes 9 MiB, and SQLite needs none of it

    return Prepared(driver)


class _Made:
    """What SQLAlchemy knows of a statement, as the driver wants it."""

    def __init__(self, statement: Statement, dialect: Dialect) -> None:
        # libpq's parameters are numbers; the driver's own are names, which it would have to look up each time.
        numbering: Callable[..., Dialect] = type(dialect)
        positional = dialect if dialect.name == "sqlite" else numbering(paramstyle="numeric_dollar")
        compiled = statement.compile(dialect=positional)
        self.text: str = compiled.string
        self._order: list[str] = compiled.positiontup
        self.are_bytes = [isinstance(compiled.binds[name].type, LargeBinary) for name in self._order]
        self._constants = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}
        self._writers: list[tuple[str, Convert]] = []
        for name, bind in compiled.binds.items():
            if writer := bind.type.dialect_impl(dialect).bind_processor(dialect):
                self._writers.append((name, writer))
        columns = list(statement.exported_columns)
        readers = (column.type.dialect_impl(dialect).result_processor(dialect, _ANY_TYPE_CODE) for column in columns)
        self._readers: list[tuple[int, Convert]] = [(n, reader) for n, reader in enumerate(readers) if reader]
        self._row: Any = namedtuple("Row", [column.key for column in columns], rename=True)  # type: ignore[misc]

    def given(self, values: Mapping[str, object]) -> list[Any]:
        """Return the parameters as the driver takes them."""
        given = {**self._constants, **values}
        for name, writer in self._writers:
            given[name] = writer(given[name])
        return [given[name] for name in self._order]

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
