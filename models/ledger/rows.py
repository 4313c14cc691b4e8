"""Writing recipients in bulk: COPY where the driver has it, executemany elsewhere."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import insert
from sqlalchemy.orm import Session

from ..recipient import Recipient

ROWS_AT_ONCE = 5_000
"""Rows of one short transaction."""

_COLUMNS = ("campaign_id", "position", "msisdn", "ref", "values_json", "send_key", "key_account_id")
_COPY = f"COPY bulkpost_recipients ({', '.join(_COLUMNS)}) FROM STDIN"
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


class NewRow(NamedTuple):
    """One data row of a list. `problem` says why it will not be sent; such a row still has a position."""

    msisdn: str | None
    ref: str | None = None
    values_json: str | None = None
    problem: str | None = None
    send_key: str | None = None


def insert_rows(
    session: Session, campaign_id: int, account_id: int, first_position: int, rows: Sequence[NewRow]
) -> None:
    """Insert `rows` at the positions from `first_position` on."""
    if not rows:
        return
    connection = session.connection()
    dialect = connection.dialect
    if dialect.name == "postgresql" and dialect.driver == "psycopg" and not dialect.is_async:
        _copy(connection.connection.driver_connection, campaign_id, account_id, first_position, rows)
    elif dialect.name == "sqlite" and dialect.driver == "pysqlite":
        # The plain driver: the statement is one for all rows, and SQLAlchemy's parameter dictionaries cost half of it.
        marks = ", ".join("?" * len(_COLUMNS))
        statement = f"INSERT INTO bulkpost_recipients ({', '.join(_COLUMNS)}) VALUES ({marks})"
        values = _tuples(campaign_id, account_id, first_position, rows)
        connection.exec_driver_sql(statement, values)
    else:
        values = _tuples(campaign_id, account_id, first_position, rows)
        session.execute(insert(Recipient), [dict(zip(_COLUMNS, row, strict=True)) for row in values])


def _tuples(
    campaign_id: int, account_id: int, first_position: int, rows: Sequence[NewRow]
) -> list[tuple[int | str | None, ...]]:
    return [
        (campaign_id, position, row[0], row[1], row[2], row[4], account_id if row[4] else None)
        for position, row in enumerate(rows, first_position)
    ]


def _copy(driver: Any, campaign_id: int, account_id: int, first_position: int, rows: Sequence[NewRow]) -> None:
    lines = []
    for position, (msisdn, ref, values, _, key) in enumerate(rows, first_position):
        lines.append(
            f"{campaign_id}\t{position}\t{msisdn or _NULL}\t{_escape(ref)}\t{_escape(values)}\t"
            f"{key or _NULL}\t{account_id if key else _NULL}\n"
        )
    with driver.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.write("".join(lines))


_NULL = "\\N"


def _escape(value: str | None) -> str:
    return _NULL if value is None else value.translate(_ESCAPES)
