"""Tables of one transaction: what a retry or a resend has looked at, judged once and then read many times.

Without them every statement would judge again, and join what has no index: the time would grow with the square.
"""

from typing import Any

from sqlalchemy import Column, FromClause, Integer, MetaData, Select, String, Table, Text, insert, select, text
from sqlalchemy.orm import Session
from sqlalchemy.schema import CreateTable

from ..base import PREFIX

_METADATA = MetaData()  # its own: no migration makes these

JUDGED = Table(
    PREFIX + "judged",
    _METADATA,
    Column("position", Integer, primary_key=True),
    Column("status", String(16), nullable=False),
    Column("error_class", String(16)),
    Column("text", Text),
    Column("attempt_number", Integer, nullable=False),
    Column("doubtful", Integer, nullable=False),  # 1: an attempt may have carried the message
    Column("fence", Integer, nullable=False),  # last position of the open batches that begin up to here; 0: none does
    Column("why", Text),  # somebody is left out; NULL: is not
    prefixes=["TEMPORARY"],
    postgresql_on_commit="DROP",
)
IN_HAND = Table(
    PREFIX + "in_hand",
    _METADATA,
    Column("msisdn", String(14), primary_key=True),
    prefixes=["TEMPORARY"],
    postgresql_on_commit="DROP",
)


def keep(session: Session, table: Table, rows: Select[Any]) -> None:
    """Fill a table of this transaction with what `rows` selects, by its columns' names; what was in it is gone.

    The role needs the right to make temporary tables, which PostgreSQL gives to everybody by default.
    """
    drop(session, table)
    session.execute(CreateTable(table))
    session.execute(insert(table).from_select([column.name for column in rows.selected_columns], rows))
    if session.get_bind().dialect.name != "sqlite":
        session.execute(text(f"ANALYZE pg_temp.{table.name}"))


def drop(session: Session, table: Table) -> None:
    """Take the table away; PostgreSQL would do it at the end, SQLite when the connection is closed."""
    schema = "temp" if session.get_bind().dialect.name == "sqlite" else "pg_temp"
    session.execute(text(f"DROP TABLE IF EXISTS {schema}.{table.name}"))


def chosen() -> FromClause:
    """Select of the judged those who are not left out."""
    return select(JUDGED).where(JUDGED.c.why.is_(None)).subquery("chosen")
