"""Engines, sessions, transactions, and the database's clock. The only module of this room that reads a clock."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from typing import Any
from warnings import catch_warnings, simplefilter

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError, NoSuchModuleError, SAWarning
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

from .errors import WrongDatabase

Clock = Callable[[Session], datetime]
"""Tells the time inside a transaction, after its locks are taken. Tests pass one of their own."""

Sessions = sessionmaker[Session]

_READ_ONLY = "bulkpost_read_only"
_PREPARES = "prepare_threshold"
BUSY_TIMEOUT_SECONDS = 30
IDLE_SECONDS = 1.0
"""A connection that was used so shortly ago is not asked whether it lives: that would be every tenth round trip."""
# A PostgreSQL that swallows our bytes must not hold an answer for hours: it is noticed within half a minute, by connect
# and by TCP. A URL may say otherwise.
_PATIENCE = {
    "connect_timeout": 10,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,  # milliseconds
}


def database_clock(session: Session) -> datetime:
    """Return the database's time now, not that of the transaction's start."""
    if session.get_bind().dialect.name == "sqlite":
        return sqlite_clock()
    moment: datetime = session.connection().exec_driver_sql("SELECT clock_timestamp()").scalar_one()
    return moment.astimezone(UTC)


def sqlite_clock() -> datetime:
    """Return the time where the database is SQLite, which lives on this host: its own clock."""
    return datetime.now(UTC)


def read_url(url: str) -> URL:
    """Parse a database URL, PostgreSQL through psycopg.

    Raises:
        WrongDatabase: not a URL, or neither PostgreSQL nor SQLite. The message shows no password.
    """
    try:
        parsed = make_url(url)
        name = parsed.get_backend_name()
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise WrongDatabase(
            "BULKPOST_DATABASE_URL is not a database URL: use sqlite:///bulkpost.db or "
            "postgresql+psycopg://user:password@host/name"
        ) from None
    if name in ("postgres", "postgresql"):
        return parsed.set(drivername="postgresql+psycopg")
    if name != "sqlite":
        raise WrongDatabase(
            f'BULKPOST_DATABASE_URL names "{name}": Bulkpost keeps its data in PostgreSQL or SQLite, use '
            "postgresql+psycopg://... or sqlite:///file"
        )
    return parsed


def open_engine(url: str | URL, **options: Any) -> Engine:
    """Make an engine for `url`; SQLite in WAL mode, with writers that queue instead of failing.

    Raises:
        WrongDatabase: as `read_url`, and a `prepare_threshold` in the URL that is none, or an option for SQLite.
    """
    parsed = read_url(url) if isinstance(url, str) else url
    if parsed.get_backend_name() != "sqlite":
        arguments: dict[str, Any] = {name: value for name, value in _PATIENCE.items() if name not in parsed.query}
        if _PREPARES in parsed.query:
            arguments[_PREPARES] = _prepare_threshold(parsed.query[_PREPARES])
            parsed = parsed.difference_update_query([_PREPARES])
        engine = create_engine(parsed, connect_args=arguments, **options)
        event.listen(engine, "connect", _prepare_postgres)
        event.listen(engine, "checkin", _note_use)
        event.listen(engine, "checkout", partial(_prove_alive, engine))
        return engine
    with catch_warnings():
        simplefilter("error", SAWarning)
        try:
            engine = create_engine(parsed, connect_args={"timeout": BUSY_TIMEOUT_SECONDS}, **options)
        except SAWarning:
            unknown = ", ".join(sorted(parsed.query))
            raise WrongDatabase(f"BULKPOST_DATABASE_URL: SQLite does not know {unknown}: remove it") from None
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_threshold(value: str | tuple[str, ...]) -> int | None:
    """Read the driver's own setting, which a URL can only give as text."""
    if value == "none":
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 9:
        return int(value)
    told = value if isinstance(value, str) else " and ".join(value)
    raise WrongDatabase(
        f'BULKPOST_DATABASE_URL: {_PREPARES} is "{told}": how often a statement is executed before it is prepared, '
        'such as 5, or "none" for never, which PgBouncer before 1.22 needs'
    )


def open_sessions(engine: Engine) -> Sessions:
    """Return the factory of sessions on `engine`."""
    return sessionmaker(engine, expire_on_commit=False)


@contextmanager
def transaction(sessions: Sessions) -> Iterator[Session]:
    """Open a session in one transaction that writes: commit at the end, roll back on any exception."""
    with sessions() as session, session.begin():
        yield session


@contextmanager
def reading(sessions: Sessions) -> Iterator[Session]:
    """Open a session in one transaction that only reads; on SQLite it does not wait for writers."""
    with sessions() as session:
        session.connection(execution_options={_READ_ONLY: True})
        yield session


def _prepare_postgres(connection: Any, _record: object) -> None:
    # The end of year 9999 is in year 10000 further east, which Python cannot read. Told by a statement, because poolers
    # refuse options at the start of a connection; and outside of a transaction, whose rollback would undo it.
    connection.autocommit = True
    # Nor does the driver read dates that are told in another style. To compile a statement takes longer than any that
    # every batch asks for, whatever the planner believes it costs in a campaign of millions. And a claim that is
    # committed must be on the disk before its POST: a server, a database or a role whose default is "off" would forget
    # it with the power.
    connection.execute(
        """
        SET TIME ZONE 'UTC'; SET DateStyle TO 'ISO'; SET jit TO off;
        SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'
        """,
        prepare=False,
    )
    connection.autocommit = False


def _note_use(_connection: Any, record: ConnectionPoolEntry) -> None:
    record.info["used_at"] = monotonic()


def _prove_alive(engine: Engine, connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
    """Ask a connection that has lain idle whether it still is one; the pool replaces it where not."""
    if monotonic() - record.info.get("used_at", monotonic()) < IDLE_SECONDS:
        return
    try:
        engine.dialect.do_ping(connection)
    except engine.dialect.loaded_dbapi.Error as error:
        raise DisconnectionError from error


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver must not begin transactions by itself; see _begin_sqlite.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    # FULL: a campaign that was announced as created must outlive a power cut, or it is imported and sent twice.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A deferred transaction that reads and then writes fails when another wrote between; an immediate one waits.
    read_only = connection.get_execution_options().get(_READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
