"""Databases for one test each: migrated once per session, copied per test."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from shutil import copyfile

from psycopg import connect
from psycopg.sql import SQL, Composed, Identifier
from sqlalchemy import NullPool, make_url

EMPTY = "template0"
CLOSED_GATEWAY = "http://127.0.0.1:9/xml"


@contextmanager
def postgres_database(server_url: str, template: str = EMPTY) -> Iterator[str]:
    """Give the URL of a new database, a copy of `template`, on the server; it is dropped even while it is in use."""
    name = f"bulkpost_test_{token_hex(6)}"
    _administer(server_url, SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(name), Identifier(template)))
    try:
        yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
    finally:
        _administer(server_url, SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


def migrate(url: str) -> None:
    """Do as `bulkpost db upgrade` does on a new database; account `default` has a gateway that nobody answers at."""
    # Here, so that the fast tiers do not load Alembic.
    from migrations.walk import upgrade
    from models.ledger.install import install
    from models.session import open_engine, open_sessions, transaction

    engine = open_engine(url, poolclass=NullPool)
    upgrade(engine)
    with transaction(open_sessions(engine)) as session:
        install(session, environment="development", gateway_url=CLOSED_GATEWAY)
    engine.dispose()


def sqlite_database(directory: Path, template: Path | None = None) -> str:
    """Return the URL of a new database file, a copy of `template` or none yet."""
    path = directory / "bulkpost.db"
    if template is not None:
        copyfile(template, path)
    return f"sqlite:///{path}"


def _administer(server_url: str, statement: Composed) -> None:
    url = make_url(server_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with connect(url, autocommit=True) as connection:
        connection.execute(statement)
