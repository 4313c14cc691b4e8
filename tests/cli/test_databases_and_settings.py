"""Databases and settings that do not fit: one line, no password in it, no file made by looking."""

import sqlite3

import pytest
from sqlalchemy import NullPool, text

from migrations import HEAD_VERSION, current_version
from migrations.walk import downgrade
from models.session import open_engine
from tests.cli.shell import Shell

pytestmark = pytest.mark.timeout(120)


def test_looking_at_a_database_that_is_not_there_makes_none(empty_shell: Shell) -> None:
    assert empty_shell.refusal("campaign", "list").startswith(
        "there is no database sqlite:///bulkpost.db: run bulkpost"
    )
    assert list(empty_shell.folder.iterdir()) == []
    upgraded = empty_shell.run("db", "upgrade")
    assert (upgraded.returncode, upgraded.stdout) == (0, "")
    assert empty_shell.json("db", "check") == {"version": HEAD_VERSION, "environment": "development"}
    assert [account["name"] for account in empty_shell.json("account", "list")] == ["default"]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "BULKPOST_DATABASE_URL is not a database URL"),
        ("mysql://me:hunter2@host/name", 'names "mysql": Bulkpost keeps its data in PostgreSQL or SQLite'),
        (
            "postgresql://me:hunter2@127.0.0.1:1/name",
            "postgresql+psycopg://me:***@127.0.0.1:1/name: the database does not answer",
        ),
        (
            "postgresql://me@127.0.0.1:1/name?password=hunter2",
            "psycopg://me@127.0.0.1:1/name: the database does not answer",
        ),
        ("postgresql://me@127.0.0.1:1/name?nonsense=1", '"nonsense"; check the options in BULKPOST_DATABASE_URL'),
        (
            "postgresql://127.0.0.1:1/name?prepare_threshold=1&prepare_threshold=2",
            'threshold is "1 and 2": how',
        ),
        ("sqlite:///bulkpost.db?prepare_threshold=none", "SQLite does not know prepare_threshold: remove it"),
        ("sqlite:///no/such/folder.db", "there is no database sqlite:///no/such/folder.db"),
        ("sqlite:///noise.db", "cannot be read: file is not a database"),
        ("sqlite:///newer.db", f"is at version 9999, this program knows {HEAD_VERSION} at most"),
        ("sqlite:///older.db", f"is at version 0000, this program needs {HEAD_VERSION}: run bulkpost db upgrade"),
        ("sqlite:////", "sqlite:////: the file cannot be opened: check BULKPOST_DATABASE_URL"),
        ("sqlite:///foreign.db", "has no Bulkpost tables: run bulkpost db upgrade"),
    ],
)
def test_wrong_database_is_refused_without_its_password(empty_shell: Shell, url: str, said: str) -> None:
    (empty_shell.folder / "noise.db").write_bytes(bytes(range(256)) * 40)
    for version in ("9999", "0000"):
        name = "newer.db" if version == "9999" else "older.db"
        _write_database(empty_shell, name, "bulkpost_alembic_version", version)
    _write_database(empty_shell, "foreign.db", "alembic_version", "abcdef")
    refused = empty_shell.refusal("campaign", "list", DATABASE_URL=url)
    assert said in refused
    assert "hunter2" not in refused


@pytest.mark.parametrize("name", ["noise.db", "newer.db"])
def test_upgrade_leaves_alone_what_it_does_not_understand(empty_shell: Shell, name: str) -> None:
    (empty_shell.folder / "noise.db").write_bytes(bytes(range(256)) * 40)
    _write_database(empty_shell, "newer.db", "bulkpost_alembic_version", "9999")
    before = (empty_shell.folder / name).read_bytes()
    empty_shell.refusal("db", "upgrade", DATABASE_URL=f"sqlite:///{name}")
    assert (empty_shell.folder / name).read_bytes() == before


def test_upgrade_that_waits_for_somebody_says_so_and_goes_on_when_repeated(
    empty_shell: Shell, postgres_url: str
) -> None:
    engine = open_engine(postgres_url, poolclass=NullPool)
    downgrade(engine, "0005")
    with engine.connect() as other:
        other.execute(text("LOCK TABLE bulkpost_outcomes IN ACCESS SHARE MODE"))
        refused = empty_shell.refusal("db", "upgrade", DATABASE_URL=postgres_url)
    assert "somebody holds a lock of the database for too long" in refused
    assert refused.endswith("then repeat the command, it goes on from there")
    assert empty_shell.run("db", "upgrade", DATABASE_URL=postgres_url).returncode == 0
    assert current_version(engine) == HEAD_VERSION
    engine.dispose()


def test_tables_of_another_application_stay_as_they_are(empty_shell: Shell) -> None:
    with sqlite3.connect(empty_shell.folder / "bulkpost.db") as foreign:
        for table in ("accounts", "events", "alembic_version"):
            foreign.execute(f"CREATE TABLE {table} (theirs TEXT)")
            foreign.execute(f"INSERT INTO {table} VALUES ('kept')")
    foreign.close()
    assert empty_shell.run("db", "upgrade").returncode == 0
    theirs = sqlite3.connect(empty_shell.folder / "bulkpost.db")
    for table in ("accounts", "events", "alembic_version"):
        assert theirs.execute(f"SELECT * FROM {table}").fetchall() == [("kept",)]
    theirs.close()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"LEASE_SECONDS": "7"}, ["LEASE_SECONDS is 7: a lease must outlast one POST, so set it to at least 8"]),
        (
            {"LEASE_SECONDS": "7", "ENVIRONMENT": "production"},
            ["LEASE_SECONDS is 7", "RETRY_BASE_SECONDS is 1: in production set at least 61"],
        ),
        (
            {"MAX_ATTEMPTS": "many", "TIME_ZONE": "Mars", "LOG_LEVEL": "loud"},
            [
                'MAX_ATTEMPTS: "many": must be a whole number from 1 to 1000',
                'TIME_ZONE: "Mars": is not a time zone',
                'LOG_LEVEL: "loud": ',
            ],
        ),
        ({"DOUBT_LIMIT_SECONDS": "inf"}, ["DOUBT_LIMIT_SECONDS"]),
        ({"BROKER_URL": "nonsense://:hunter2@host"}, ["BROKER_URL: is no broker: write redis://host:6379/0"]),
        ({"BROKER_URL": "redis://:hunter2@host:port/0"}, ["BROKER_URL: its port is no number"]),
        ({"GATEWAY_URL": "lk.mysmpp.ru/xml"}, ["GATEWAY_URL: is no web address"]),
        ({"GATEWAY_URL": "http://me:hunter2@host/xml"}, ["GATEWAY_URL: holds a user or a password"]),
        ({"PASSWORD_FILE": "no-such-file"}, ["PASSWORD_FILE names no-such-file, which cannot be read"]),
    ],
)
def test_wrong_settings_are_told_all_at_once(shell: Shell, settings: dict[str, str], said: list[str]) -> None:
    done = shell.run("account", "list", **settings)
    assert (done.returncode, done.stdout) == (1, "")
    lines = done.stderr.splitlines()
    assert len(lines) == len(said)
    for line, expected in zip(lines, said, strict=True):
        assert line.startswith(f"bulkpost: BULKPOST_{expected}")
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize("broker", ["redis://:hunter2@127.0.0.1:1/0", "amqp://me:hunter2@127.0.0.1:1//"])
def test_broker_that_does_not_answer_is_refused_without_its_password(shell: Shell, broker: str) -> None:
    done = shell.run("up", BROKER_URL=broker)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("bulkpost: the broker ")
    assert "does not answer" in last
    assert "hunter2" not in done.stderr


def test_gateway_that_the_environment_forbids_is_refused_by_every_door(shell: Shell) -> None:
    real = ("account", "set", "other", "--gateway-url", "http://lk.mysmpp.ru/xml")
    assert "which environment development does not allow" in shell.refusal(*real)
    assert shell.run(*real, ALLOWED_NUMBERS="79033256699").returncode == 0
    create = ("campaign", "create", "--sender", "Shop", "--text", "Hello", "--recipients", "list.csv")
    assert "account other posts to lk.mysmpp.ru" in shell.refusal(*create, "--account", "other")
    assert shell.json("campaign", "list") == []
    assert shell.run(*create, "--account", "other", ALLOWED_NUMBERS="79033256699").returncode == 0
    done = shell.run("up", "--until-idle")
    assert done.returncode == 1
    assert "account other posts to lk.mysmpp.ru, which environment development does not allow" in done.stderr


def test_campaign_for_another_environment_than_the_database_remembers_is_refused(shell: Shell) -> None:
    create = ("campaign", "create", "--sender", "Shop", "--text", "Hello", "--recipients", "list.csv")
    said = shell.refusal(*create, ENVIRONMENT="production", RETRY_BASE_SECONDS="65")
    assert said.startswith("this database belongs to environment development, this process runs in production")
    assert shell.json("campaign", "list") == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["account", "set", ""], 'account name "" is not usable'),
        (["account", "set", "default", "--gateway-url", "ftp://host"], '--gateway-url "ftp://host" is no web address'),
        (["account", "set", "default", "--gateway-url", "http://me:hunter2@host/"], "holds a user or a password"),
        (["account", "pause", "nobody"], 'no account "nobody"'),
        (["account", "resume", "default"], 'account "default" is not paused'),
    ],
)
def test_wrong_account_is_refused(shell: Shell, arguments: list[str], said: str) -> None:
    refused = shell.refusal(*arguments)
    assert said in refused
    assert "hunter2" not in refused


def _write_database(shell: Shell, name: str, table: str, version: str) -> None:
    database = sqlite3.connect(shell.folder / name)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute(f"CREATE TABLE {table} (version_num TEXT)")
    database.execute(f"INSERT INTO {table} VALUES (?)", (version,))
    database.commit()
    database.close()


def test_database_that_takes_no_writes_is_one_line_with_the_mend(shell: Shell) -> None:
    refused = shell.refusal("stop", DATABASE_URL=f"sqlite:///file:{shell.folder / 'bulkpost.db'}?mode=ro&uri=true")
    assert refused.startswith("the database takes no writes: let this user write its file and folder (attempt to write")
