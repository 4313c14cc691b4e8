"""The prepared statements of one PostgreSQL connection, executed by libpq alone.

What the driver does around an execution (a cursor, a generator, a wait) takes the processor longer than libpq takes for
all of it, and that seven times for a batch (decision 19). Values are written and read by the driver still, which knows
their types and refuses what PostgreSQL cannot keep.
"""

from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

from psycopg import Connection, OperationalError
from psycopg.abc import Transformer
from psycopg.adapt import PyFormat
from psycopg.adapt import Transformer as Made
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

Brought = tuple[int, tuple[Any, ...] | None]
"""How many rows were changed, or found; and the first of them."""

PLANS_LAST_SECONDS = 1.0
"""How long plans are used that were made for the tables as they were then. PostgreSQL keeps a plan until the tables are
analysed, which autovacuum does within a minute: until then a claim would read the whole of what was small once."""

_PREPARED_IN_VAIN = (b"26000", b"0A000")
"""SQLSTATE of a statement that the server has forgotten, or whose columns have changed since it was prepared
(invalid_sql_statement_name, feature_not_supported). Source: PostgreSQL's documentation, appendix A."""


class Prepared:
    """Executes statements outside of the driver's transactions: each commits itself, but after `begin`.

    While one is under way other threads go on; a signal is handled when it has ended.
    """

    def __init__(self, driver: Connection[Any], monotonic: Callable[[], float] = monotonic) -> None:
        self._driver, self._monotonic = driver, monotonic
        self._encoding = driver.info.encoding
        self._known: dict[str, _Known] = {}
        self._made = 0
        self._planned_at = monotonic()
        self._began_with: str | None = None

    def execute(self, text: str, values: Sequence[object], are_bytes: Sequence[bool]) -> Brought:
        """Execute a statement whose parameters are called $1 and so on; `are_bytes` says of each whether it is no text.

        It is prepared when it comes for the first time, and again where the server has forgotten it: in a rollback the
        driver tells it to forget all. A pooler that keeps none is not asked to (a `prepare_threshold` of None).

        Raises:
            psycopg.Error: the database refuses it, or the connection is lost.
        """
        if self._libpq().transaction_status == TransactionStatus.IDLE:
            self._renew_plans()
        known, result = self._run(text, values, are_bytes)
        if result.error_field(DiagnosticField.SQLSTATE) in _PREPARED_IN_VAIN and self._may_begin_anew():
            self._known.clear()
            known, result = self._run(text, values, are_bytes)
        self._check(result)
        self._began_with = None
        return result.command_tuples or 0, known.first_row(result)

    def begin(self, text: str) -> None:
        """Begin a transaction. Raises: psycopg.Error, as `execute`."""
        self._renew_plans()
        self.command(text)
        self._began_with = text

    def commit(self) -> None:
        """Commit the transaction.

        Raises:
            psycopg.Error: as `execute`; and where the transaction was broken, which PostgreSQL answers by undoing it.
        """
        if self.command("COMMIT") != b"COMMIT":
            raise OperationalError("the transaction was undone")

    def command(self, text: str) -> bytes | None:
        """Execute what has no parameters and return the word for what was done. Raises: psycopg.Error, as `execute`."""
        result = self._libpq().exec_(text.encode(self._encoding))
        self._check(result)
        return result.command_status

    def _renew_plans(self) -> None:
        if self._monotonic() - self._planned_at > PLANS_LAST_SECONDS:
            self.command("DISCARD PLANS")
            self._planned_at = self._monotonic()

    def _run(self, text: str, values: Sequence[object], are_bytes: Sequence[bool]) -> "tuple[_Known, PGresult]":
        known = self._known.get(text)
        if known is None:
            known = self._known[text] = self._prepare(text, are_bytes)
        given: Any = known.transformer.dump_sequence(values, known.formats)
        if known.name is None:
            return known, self._libpq().exec_params(known.text, given, None, known.transformer.formats)
        return known, self._libpq().exec_prepared(known.name, given, known.transformer.formats)

    def _prepare(self, text: str, are_bytes: Sequence[bool]) -> "_Known":
        # As text the driver would write bytes in hexadecimal.
        formats = [PyFormat.BINARY if are else PyFormat.TEXT for are in are_bytes]
        known = _Known(text.encode(self._encoding), Made(self._driver), formats)
        if self._driver.prepare_threshold is not None:
            self._made += 1
            known.name = b"bulkpost_%d" % self._made
            self._check(self._libpq().prepare(known.name, known.text))
        return known

    def _may_begin_anew(self) -> bool:
        """Say whether nothing has been done that would have to be done again; a transaction has begun anew then."""
        if self._libpq().transaction_status == TransactionStatus.IDLE:
            return True
        if self._began_with is None:
            return False
        self.command("ROLLBACK")
        self.command(self._began_with)
        return True

    def _libpq(self) -> PGconn:
        libpq = self._driver.pgconn
        if libpq.status != ConnStatus.OK:
            raise OperationalError("the connection is lost")
        return libpq

    def _check(self, result: PGresult) -> None:
        if result.status in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
            return
        if self._driver.pgconn.status != ConnStatus.OK:
            raise OperationalError(result.get_error_message(self._encoding))
        raise error_from_result(result, self._encoding)


class _Known:
    """A statement on this connection: its name there, how to write its values, how to read its rows."""

    __slots__ = ("_is_read", "formats", "name", "text", "transformer")

    def __init__(self, text: bytes, transformer: Transformer, formats: Sequence[PyFormat]) -> None:
        self.text, self.transformer, self.formats = text, transformer, formats
        self.name: bytes | None = None
        self._is_read = False

    def first_row(self, result: PGresult) -> tuple[Any, ...] | None:
        """Return the first row as Python knows it."""
        if not result.ntuples:
            return None
        self.transformer.set_pgresult(result, set_loaders=not self._is_read)
        self._is_read = True
        row: tuple[Any, ...] | None = self.transformer.load_row(0, tuple)
        self.transformer.set_pgresult(None, set_loaders=False)
        return row
