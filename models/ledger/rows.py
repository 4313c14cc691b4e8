"""Writing recipients in bulk: COPY where the driver has it, executemany elsewhere.

Async drivers come here through `AsyncSession.run_sync`, in the caller's transaction like the others.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import insert
from sqlalchemy.orm import Session
from sqlalchemy.util import await_only

from ..recipient import Recipient

ROWS_AT_ONCE = 5_000
"""Rows of one short transaction."""

_COLUMNS = ("campaign_id", "position", "msisdn", "ref", "values_json", "send_key", "key_account_id")
_COPY = f"COPY bulkpost_recipients ({', '.join(_COLUMNS)}) FROM STDIN"
_LINES_AT_ONCE = 500
"""The server works on them while the next ones are written."""
_NULL = "\\N"
_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_ESCAPING = str.maketrans(_ESCAPES)


class NewRow(NamedTuple):
    """One data row of a list. `problem` says why it will not be sent; such a row still has a position.

    `send_key` is the caller's own key; whoever writes the row sees to it that it is legal and unused.
    """

    msisdn: str | None
    ref: str | None = None
    values_json: str | None = None
    problem: str | None = None
    send_key: str | None = None


def insert_rows(
    session: Session,
    campaign_id: int,
    positions: Sequence[int],
    rows: Sequence[NewRow],
    account_id: int | None = None,
) -> None:
    """Insert rows at their positions; where one has a key, `account_id` says in whose keys it must be the only one."""
    if not rows:
        return
    connection = session.connection()
    dialect = connection.dialect
    driver: Any = connection.connection.driver_connection
    if dialect.driver == "psycopg":
        lines = _copied(campaign_id, account_id, positions, rows)
        if dialect.is_async:
            await_only(_copy_async(driver, lines))
        else:
            _copy(driver, lines)
        return
    records = [
        (campaign_id, position, msisdn, ref, values, key, account_id if key else None)
        for position, (msisdn, ref, values, _, key) in zip(positions, rows, strict=True)
    ]
    if dialect.driver == "asyncpg":
        await_only(driver.copy_records_to_table(Recipient.__tablename__, records=records, columns=_COLUMNS))
    elif dialect.driver == "pysqlite":
        # The plain driver: the statement is one for all rows, and SQLAlchemy's parameter dictionaries cost half of it.
        marks = ", ".join("?" * len(_COLUMNS))
        statement = f"INSERT INTO bulkpost_recipients ({', '.join(_COLUMNS)}) VALUES ({marks})"
        connection.exec_driver_sql(statement, records)
    else:
        session.execute(insert(Recipient), [dict(zip(_COLUMNS, record, strict=True)) for record in records])


def _copied(
    campaign_id: int, account_id: int | None, positions: Sequence[int], rows: Sequence[NewRow]
) -> Iterator[str]:
    msisdns, refs, values, _, keys = zip(*rows, strict=True)
    for position, msisdn, ref, value, key in zip(
        positions, msisdns, _escaped(refs), _escaped(values), keys, strict=True
    ):
        yield (
            f"{campaign_id}\t{position}\t{msisdn or _NULL}\t{ref}\t{value}\t"
            f"{key or _NULL}\t{account_id if key else _NULL}\n"
        )


def _escaped(texts: Sequence[str | None]) -> Sequence[str]:
    """Return a column as COPY reads it."""
    whole = "".join(filter(None, texts))
    if any(sign in whole for sign in _ESCAPES):
        return [_NULL if text is None else _escape(text) for text in texts]
    return [_NULL if text is None else text for text in texts]


def _escape(text: str) -> str:
    # Asked first: most have nothing to escape, and translate() costs ten times the question.
    return text if text.isprintable() and "\\" not in text else text.translate(_ESCAPING)


def _copy(driver: Any, lines: Iterator[str]) -> None:
    with driver.cursor() as cursor, cursor.copy(_COPY) as copy:
        while some := "".join(islice(lines, _LINES_AT_ONCE)):
            copy.write(some)


async def _copy_async(driver: Any, lines: Iterator[str]) -> None:
    async with driver.cursor() as cursor, cursor.copy(_COPY) as copy:
        while some := "".join(islice(lines, _LINES_AT_ONCE)):
            await copy.write(some)
