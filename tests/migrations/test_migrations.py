"""Migrations: they make what the models say, go back and forth, and wait for one another."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic import command
from sqlalchemy import CheckConstraint, Engine, NullPool, inspect, text
from sqlalchemy.sql.compiler import IdentifierPreparer

from migrations import HEAD_VERSION, VERSION_TABLE, current_version
from migrations.walk import alembic_config, downgrade, newest_version, upgrade
from models import Base
from models.session import open_engine

ADVISORY_LOCK = 0x62756C6B


@pytest.fixture
def engine(empty_database_url: str) -> Iterator[Engine]:
    """An engine on an empty database; the test runs once for each kind."""
    engine = open_engine(empty_database_url, poolclass=NullPool)
    yield engine
    engine.dispose()


def _name(engine: Engine, check: CheckConstraint) -> str | None:
    return IdentifierPreparer(engine.dialect).format_constraint(check)


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names()) - {VERSION_TABLE}


def test_from_nothing_the_migrations_make_what_the_models_say(engine: Engine) -> None:
    upgrade(engine)
    assert tables(engine) == set(Base.metadata.tables)
    assert current_version(engine) == HEAD_VERSION
    command.check(alembic_config(engine))


def test_workers_compare_with_the_newest_migration() -> None:
    assert newest_version() == HEAD_VERSION, "a new migration raises HEAD_VERSION"


def test_every_table_wears_our_name(engine: Engine) -> None:
    upgrade(engine)
    assert [name for name in inspect(engine).get_table_names() if not name.startswith("bulkpost_")] == []


def test_checks_of_the_database_are_those_of_the_models(engine: Engine) -> None:
    """Alembic compares no CHECK constraints."""
    upgrade(engine)
    for name, table in Base.metadata.tables.items():
        found = {one["name"] for one in inspect(engine).get_check_constraints(name)}
        made = [one for one in table.constraints if isinstance(one, CheckConstraint)]
        declared = {_name(engine, one) for one in made}
        assert found == declared, name


def test_every_step_goes_down_and_up_again(engine: Engine) -> None:
    upgrade(engine)
    versions = [current_version(engine)]
    while versions[-1] is not None:
        downgrade(engine, "-1")
        versions.append(current_version(engine))
    assert tables(engine) == set()
    for version in versions[-2::-1]:
        assert version is not None
        upgrade(engine, version)
    command.check(alembic_config(engine))


def test_an_upgrade_of_what_is_up_to_date_changes_nothing(engine: Engine) -> None:
    upgrade(engine)
    upgrade(engine)
    assert current_version(engine) == HEAD_VERSION


def test_other_applications_tables_are_left_alone(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE accounts (id integer)"))
    upgrade(engine)
    command.check(alembic_config(engine))
    downgrade(engine, "base")
    assert tables(engine) == {"accounts"}


def test_an_upgrade_waits_for_the_one_that_holds_the_lock(empty_postgres_url: str) -> None:
    engine = open_engine(empty_postgres_url, poolclass=NullPool)
    waiting = text(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    with ThreadPoolExecutor(1) as pool, engine.connect() as other:
        other.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
        second = pool.submit(upgrade, engine)
        while not other.execute(waiting).scalar_one():
            assert not second.done()
        assert tables(engine) == set()
        other.commit()
        second.result(timeout=30)
    assert tables(engine) == set(Base.metadata.tables)
    engine.dispose()


def test_a_migration_that_fails_leaves_the_database_as_it_was(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE bulkpost_batches (id integer)"))
    with pytest.raises(Exception, match="already exists"):
        upgrade(engine)
    assert tables(engine) == {"bulkpost_batches"}
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE bulkpost_batches"))
    upgrade(engine)
    assert tables(engine) == set(Base.metadata.tables)


def test_replies_are_compressed_by_lz4_on_a_server_that_has_it(empty_postgres_url: str) -> None:
    engine = open_engine(empty_postgres_url, poolclass=NullPool)
    how = text("SELECT attcompression FROM pg_attribute WHERE attname = 'reply_bytes'")
    has = text("SELECT 'lz4' = ANY(enumvals) FROM pg_settings WHERE name = 'default_toast_compression'")
    upgrade(engine)
    with engine.connect() as connection:
        assert connection.scalar(how) == ("l" if connection.scalar(has) else "")
    downgrade(engine, "0004")
    with engine.connect() as connection:
        assert connection.scalar(how) == ""
