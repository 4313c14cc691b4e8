"""Migrations: the history of the tables, and the commands that walk it.

Every version opens with a lock timeout, is safe while the previous code still runs, and never imports `models`: a
migration is history.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect

VERSION_TABLE = "bulkpost_alembic_version"


def alembic_config(engine: Engine | None = None) -> Config:
    """Return the configuration of our migrations, bound to `engine` where given."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["engine"] = engine
    return config


def head_version() -> str:
    """Return the version that this code needs."""
    version = ScriptDirectory.from_config(alembic_config()).get_current_head()
    assert version is not None, "there is a first migration"
    return version


def current_version(engine: Engine) -> str | None:
    """Return the version of the database, or None where there are no tables of ours."""
    with engine.connect() as connection:
        if VERSION_TABLE not in inspect(connection).get_table_names():
            return None
        return MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()


def upgrade(engine: Engine, version: str = "head") -> None:
    """Bring the database to `version`. Two at once wait for each other; a failed one leaves it as it was."""
    command.upgrade(alembic_config(engine), version)


def downgrade(engine: Engine, version: str) -> None:
    """Take the database back to `version`."""
    command.downgrade(alembic_config(engine), version)
