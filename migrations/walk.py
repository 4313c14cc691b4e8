"""Walking the migrations, with Alembic: only where tables are made or changed, never in a worker."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine


def alembic_config(engine: Engine | None = None) -> Config:
    """Return the configuration of our migrations, bound to `engine` where given."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["engine"] = engine
    return config


def newest_version() -> str:
    """Return the last version that lies in `versions/`."""
    version = ScriptDirectory.from_config(alembic_config()).get_current_head()
    assert version is not None, "there is a first migration"
    return version


def upgrade(engine: Engine, version: str = "head") -> None:
    """Bring the database to `version`. Two at once wait for each other; a failed one leaves it as it was."""
    command.upgrade(alembic_config(engine), version)


def downgrade(engine: Engine, version: str) -> None:
    """Take the database back to `version`."""
    command.downgrade(alembic_config(engine), version)
