"""Alembic's environment: our engine or the one of BULKPOST_DATABASE_URL, one deploy at a time."""

from typing import Any

from alembic import context
from sqlalchemy import Connection, Engine, text

from migrations import VERSION_TABLE
from models import Base
from models.session import open_engine

ADVISORY_LOCK = 0x62756C6B  # "bulk": any number, the same in every deploy
LOCK_SECONDS = 60


def run() -> None:
    """Run the migrations that the command asks for."""
    engine: Engine | None = context.config.attributes.get("engine")
    if engine is None:
        from worker.settings import load_settings

        engine = open_engine(load_settings().database_url)
    # SQLite rebuilds tables to change them, which a foreign key would forbid.
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            version_table=VERSION_TABLE,
            render_as_batch=connection.dialect.name == "sqlite",
            include_name=_ours,
            compare_type=True,
        )
        with context.begin_transaction():
            _lock_out_others(connection)
            context.run_migrations()
        connection.commit()


def _lock_out_others(connection: Connection) -> None:
    """Wait for another deploy. SQLite's immediate transactions do that by themselves."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})


def _ours(name: str | None, kind: str, parents: Any) -> bool:
    """Other applications' tables may live beside ours."""
    table = name if kind == "table" else parents.get("table_name")
    return kind == "schema" or (table or "").startswith("bulkpost_")


run()
