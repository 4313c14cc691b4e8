"""Checks mean in PostgreSQL what the models say, which write some of them in another way."""

import pytest
from psycopg import connect
from psycopg.errors import LockNotAvailable
from sqlalchemy import CheckConstraint, NullPool, text
from sqlalchemy.exc import OperationalError

from migrations import HEAD_VERSION, current_version
from migrations.walk import downgrade, upgrade
from models import Base
from models.session import open_engine
from tests.support.trouble import plain

IN_THE_DATABASE = text(
    """
    SELECT pg_get_expr(conbin, conrelid),
           ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY(conkey))
    FROM pg_constraint WHERE contype = 'c' AND conname = :name
    """
)
FEW, MANY = "-1,0,1,2", "-1,0,1,2,9,10,64,65,10000,10001,9999999,10000000"


def _some_of_each(kind: str, condition: str, columns: int) -> str:
    """Return values of a column that a check speaks of: every word of the check, or what lies around its numbers."""
    if kind.startswith("TIMESTAMP"):
        return "2026-11-23 12:00:00+00"
    if kind.startswith(("VARCHAR", "TEXT")):
        return ",".join(sorted({*condition.split("'")[1::2], "nonsense"}))
    return MANY if columns < 4 else FEW


def test_every_check_refuses_in_postgresql_what_the_models_refuse(postgres_url: str) -> None:
    engine = open_engine(postgres_url, poolclass=NullPool)
    tried, wrong = 0, []
    with engine.connect() as connection:
        for table in Base.metadata.tables.values():
            for check in (one for one in table.constraints if isinstance(one, CheckConstraint)):
                name = engine.dialect.identifier_preparer.format_constraint(check)
                written, columns = connection.execute(IN_THE_DATABASE, {"name": name}).one()
                said = str(check.sqltext.compile(engine, compile_kwargs={"literal_binds": True}))
                kinds = {column: table.c[column].type.compile(engine.dialect) for column in columns}
                grid = ", ".join(
                    f"unnest('{{NULL,{_some_of_each(kind, said, len(kinds))}}}'::{kind}[]) AS {column}"
                    for column, kind in kinds.items()
                )
                differing = f"(({written}) IS NOT FALSE) <> (({said.replace(f'{table.name}.', '')}) IS NOT FALSE)"
                rows, differs = connection.exec_driver_sql(
                    f"SELECT count(*), count(*) FILTER (WHERE {differing}) FROM {grid}"
                ).one()
                tried += rows
                if differs:
                    wrong.append((name, written))
    engine.dispose()
    assert (wrong, tried > 1_000) == ([], True)


def test_upgrade_of_the_checks_leaves_nothing_on_its_connection_whether_it_fails_or_not(postgres_url: str) -> None:
    engine = open_engine(postgres_url)  # with a pool: the connection lives on
    downgrade(engine, "0005")
    with connect(plain(postgres_url), autocommit=True) as other:
        with other.transaction():
            other.execute("LOCK TABLE bulkpost_outcomes IN ACCESS SHARE MODE")  # the last of the four
            with pytest.raises(OperationalError) as failed:
                upgrade(engine)
        assert isinstance(failed.value.orig, LockNotAvailable)
        for version in ("0005", HEAD_VERSION):
            assert current_version(engine) == version
            assert other.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").fetchone() == (0,)
            with engine.connect() as connection:
                assert connection.execute(text("SHOW lock_timeout")).scalar() == "0"
            upgrade(engine)
    engine.dispose()
