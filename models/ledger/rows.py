"""Writing recipients in bulk: COPY where the driver has it, executemany elsewhere.

A piece of a list is kept by column, from the file to the database: a row of its own for each person costs more than
most of what is done with it. Async drivers come here through `AsyncSession.run_sync`, in the caller's transaction like
the others.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, repeat
from typing import Any, NamedTuple, Self

from sqlalchemy import insert
from sqlalchemy.orm import Session
from sqlalchemy.util import await_only

from ..columns import ByColumn
from ..recipient import Recipient

ROWS_AT_ONCE = 5_000
"""Rows of one short transaction."""

_COLUMNS = ("campaign_id", "position", "msisdn", "ref", "values_json", "send_key", "key_account_id")
_KEYLESS = 5
"""How many of them a row without a key of its own needs."""
_LINES_AT_ONCE = 1_000
"""The server works on them while the next ones are written, and the caller does something else meanwhile."""
_NULL = "\\N"
_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_ESCAPING = str.maketrans(_ESCAPES)

Meanwhile = Callable[[], None]
"""What the caller does while the server is at work on some rows."""


def nothing() -> None:
    """Do nothing meanwhile."""


class NewRow(NamedTuple):
    """One data row of a list. `problem` says why it will not be sent; such a row still has a position.

    `send_key` is the caller's own key; whoever writes the row sees to it that it is legal and unused.
    """

    msisdn: str | None
    ref: str | None = None
    values_json: str | None = None
    problem: str | None = None
    send_key: str | None = None


class NewRows(ByColumn[NewRow]):
    """Rows that follow each other, by column."""

    __slots__ = ("msisdns", "problems", "refs", "send_keys", "values")

    def __init__(self) -> None:
        self.msisdns: list[str | None] = []
        self.refs: list[str | None] = []
        self.values: list[str | None] = []
        self.problems: list[str | None] = []
        self.send_keys: list[str | None] = []

    @classmethod
    def of(cls, rows: Sequence[NewRow]) -> Self:
        """Return the rows by column."""
        if isinstance(rows, cls):
            return rows
        made = cls()
        for column, values in zip(made._columns(), zip(*rows, strict=True), strict=False):
            column.extend(values)
        return made

    def append(self, row: NewRow) -> None:
        """Add one row."""
        msisdn, ref, values, problem, send_key = row
        self.msisdns.append(msisdn)
        self.refs.append(ref)
        self.values.append(values)
        self.problems.append(problem)
        self.send_keys.append(send_key)

    def extend(self, msisdns: Sequence[str], refs: Iterable[str | None], values: Iterable[str | None]) -> None:
        """Add rows that have neither a problem nor a key of their own."""
        self.msisdns.extend(msisdns)
        self.refs.extend(refs)
        self.values.extend(values)
        self.problems.extend(repeat(None, len(msisdns)))
        self.send_keys.extend(repeat(None, len(msisdns)))

    def sendable_msisdns(self) -> list[str]:
        """Return the numbers of those that have no problem."""
        pairs = zip(self.msisdns, self.problems, strict=True)
        return [msisdn for msisdn, problem in pairs if problem is None and msisdn is not None]

    @property
    def have_keys(self) -> bool:
        """Whether one of them has a key of its own."""
        return self.send_keys.count(None) < len(self)

    def __len__(self) -> int:
        return len(self.msisdns)

    def __iter__(self) -> Iterator[NewRow]:
        return map(NewRow, *self._columns())

    def _columns(self) -> tuple[list[str | None], ...]:
        """Return them in the order of a row's values."""
        return self.msisdns, self.refs, self.values, self.problems, self.send_keys


def insert_rows(
    session: Session,
    campaign_id: int,
    positions: Sequence[int],
    rows: Sequence[NewRow],
    account_id: int | None = None,
    *,
    meanwhile: Meanwhile = nothing,
) -> None:
    """Insert rows at their positions; where one has a key, `account_id` says in whose keys it must be the only one.

    `meanwhile` is called every thousand rows while a server is at work on them, and must not raise.
    """
    if not rows:
        return
    piece = NewRows.of(rows)
    names = _COLUMNS if piece.have_keys else _COLUMNS[:_KEYLESS]
    connection = session.connection()
    dialect = connection.dialect
    driver: Any = connection.connection.driver_connection
    if dialect.driver == "psycopg":
        copy = f"COPY bulkpost_recipients ({', '.join(names)}) FROM STDIN"
        texts = _copied(campaign_id, account_id, positions, piece)
        if dialect.is_async:
            await_only(_copy_async(driver, copy, texts))
        else:
            _copy(driver, copy, texts, meanwhile)
        return
    columns = [[campaign_id] * len(piece), positions, piece.msisdns, piece.refs, piece.values]
    if piece.have_keys:
        columns += [piece.send_keys, [account_id if key else None for key in piece.send_keys]]
    records = list(zip(*columns, strict=True))
    if dialect.driver == "asyncpg":
        await_only(driver.copy_records_to_table(Recipient.__tablename__, records=records, columns=names))
    elif dialect.driver == "pysqlite":
        # The plain driver: the statement is one for all rows, and SQLAlchemy's parameter dictionaries cost half of it.
        marks = ", ".join("?" * len(names))
        statement = f"INSERT INTO bulkpost_recipients ({', '.join(names)}) VALUES ({marks})"
        connection.exec_driver_sql(statement, records)
    else:
        session.execute(insert(Recipient), [dict(zip(names, record, strict=True)) for record in records])


def _copied(campaign_id: int, account_id: int | None, positions: Sequence[int], rows: NewRows) -> Iterator[str]:
    """Yield the rows as COPY reads them, some lines at a time."""
    fields = [map(str, positions), _known(rows.msisdns), _escaped(rows.refs), _escaped(rows.values)]
    if rows.have_keys:
        fields += [_known(rows.send_keys), [str(account_id) if key else _NULL for key in rows.send_keys]]
    lines, begin = map("\t".join, zip(*fields, strict=True)), f"{campaign_id}\t"
    while some := f"\n{begin}".join(islice(lines, _LINES_AT_ONCE)):
        yield f"{begin}{some}\n"


def _known(texts: Sequence[str | None]) -> list[str]:
    return [_NULL if text is None else text for text in texts]


def _escaped(texts: Sequence[str | None]) -> list[str]:
    """Return a column as COPY reads it."""
    whole = "".join(filter(None, texts))
    if any(sign in whole for sign in _ESCAPES):
        texts = [text and _escape(text) for text in texts]
    return _known(texts)


def _escape(text: str) -> str:
    # Asked first: most have nothing to escape, and translate() costs ten times the question.
    return text if text.isprintable() and "\\" not in text else text.translate(_ESCAPING)


def _copy(driver: Any, statement: str, texts: Iterator[str], meanwhile: Meanwhile) -> None:
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        for text in texts:
            copy.write(text)
            meanwhile()


async def _copy_async(driver: Any, statement: str, texts: Iterator[str]) -> None:
    async with driver.cursor() as cursor, cursor.copy(statement) as copy:
        for text in texts:
            await copy.write(text)
