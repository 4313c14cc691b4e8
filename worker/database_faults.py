"""What is wrong when the database refuses: in words that name the mend, and whether it may pass by itself.

Every transaction of this house is a function of its inputs, so what may pass is simply done again. An error of ours (a
wrong statement, a broken constraint) never passes.
"""

from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft

from worker.logs import first_line


@dataclass(frozen=True, slots=True)
class Fault:
    """`passes`: the same transaction may succeed later. `everywhere`: no other transaction can succeed now either."""

    words: str
    passes: bool = True
    everywhere: bool = False


_FULL = "the disk of the database is full: make room on it"
_CONNECTIONS = "the database has no connection left: raise its max_connections, or run fewer workers"
_STARTING = "the database is stopping or starting: wait for it, or start it"
_AWAY = "the database does not answer: start it, or check BULKPOST_DATABASE_URL"

# By SQLSTATE, or by its class of two characters.
_POSTGRES = {
    "08": Fault(_AWAY, everywhere=True),
    "25006": Fault("the database takes no writes: let BULKPOST_DATABASE_URL name the primary, writable server"),
    "25P03": Fault("the database ended a transaction that was idle: raise its idle_in_transaction_session_timeout"),
    "40001": Fault("the database undid a transaction that met another one: nothing to do, unless it happens often"),
    "40P01": Fault("the database undid a transaction to end a deadlock: nothing to do, unless it happens often"),
    "40": Fault("the database undid a transaction: nothing to do, unless it happens often"),
    "53100": Fault(_FULL),
    "53200": Fault("the database has no memory left: give it more"),
    "53300": Fault(_CONNECTIONS, everywhere=True),
    "53": Fault("the database is short of something: its own log says of what"),
    "55P03": Fault("somebody holds a lock of the database for too long: find and end it in pg_stat_activity"),
    "57014": Fault("the database took too long for a statement: raise its statement_timeout, or find what blocks it"),
    "57": Fault(_STARTING, everywhere=True),
    "58": Fault("the disk of the database fails: its own log says how"),
}
# By SQLite's result code: from BUSY to NOTADB. Numbers, because who works on PostgreSQL does not load the driver.
_SQLITE = {
    5: Fault("another process keeps the database locked: end it"),
    6: Fault("another connection keeps the database locked: end it"),
    7: Fault("this process has no memory left: give it more"),
    8: Fault("the database takes no writes: let this user write its file and folder"),
    10: Fault("the disk of the database fails: look at the system's log"),
    13: Fault(_FULL),
    14: Fault("the file cannot be opened: check BULKPOST_DATABASE_URL", everywhere=True),
    15: Fault("the database cannot be locked: keep its file on a local disk"),
    11: Fault("the database's file is damaged: restore a backup", passes=False),
    26: Fault("the file is no database: check BULKPOST_DATABASE_URL", passes=False),
}
# A refused connection carries no SQLSTATE, only words; they are English where the server's lc_messages are.
_REFUSED_CONNECTIONS = {
    "too many clients": Fault(_CONNECTIONS, everywhere=True),
    "too many connections": Fault(_CONNECTIONS, everywhere=True),
    "connection slots are reserved": Fault(_CONNECTIONS, everywhere=True),
    "starting up": Fault(_STARTING, everywhere=True),
    "shutting down": Fault(_STARTING, everywhere=True),
    "in recovery mode": Fault(_STARTING, everywhere=True),
    "not yet accepting connections": Fault(_STARTING, everywhere=True),
    "authentication failed": Fault("the database refuses our password: check BULKPOST_DATABASE_URL", everywhere=True),
}


def find_fault(error: SQLAlchemyError) -> Fault:
    """Say what is wrong, in one line without statement and values; what the database said stands in brackets."""
    fault = _known(error)
    said = first_line(error)
    if fault is None:
        return Fault(f"the database refused: {said}", passes=False)
    return Fault(f"{fault.words} ({said})", fault.passes, fault.everywhere)


def _known(error: SQLAlchemyError) -> Fault | None:
    if isinstance(error, NoConnectionLeft):
        return Fault("this process has no connection to the database left: run fewer threads")
    if not isinstance(error, DBAPIError):
        return None
    if type(error.orig).__module__ == "sqlite3":
        return _SQLITE.get(getattr(error.orig, "sqlite_errorcode", 0) & 0xFF)
    state = getattr(error.orig, "sqlstate", None)
    if state:
        return _POSTGRES.get(state) or _POSTGRES.get(state[:2])
    if not isinstance(error, OperationalError) and not error.connection_invalidated:
        return None
    said = str(error.orig)
    refused = (fault for words, fault in _REFUSED_CONNECTIONS.items() if words in said)
    return next(refused, Fault(_AWAY, everywhere=True))
