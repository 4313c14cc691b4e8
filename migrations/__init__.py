"""Migrations: the history of the tables, and the version that this code needs.

Every version opens with a lock timeout, is safe while the previous code still runs, and never imports `models`: a
migration is history. What walks it is `migrations/walk.py`: a worker compares versions only, and needs no Alembic.
"""

from sqlalchemy import Engine, inspect

VERSION_TABLE = "bulkpost_alembic_version"
HEAD_VERSION = "0006"
"""The newest of `versions/`; versions are numbers of four digits."""


def current_version(engine: Engine) -> str | None:
    """Return the version of the database, or None where there are no tables of ours.

    Raises:
        SQLAlchemyError: it cannot be read.
    """
    with engine.connect() as connection:
        if not inspect(connection).has_table(VERSION_TABLE):
            return None
        version: str | None = connection.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").scalar()
        return version
