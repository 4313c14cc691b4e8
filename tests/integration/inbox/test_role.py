"""The least-privilege role: it may write into the inbox and read what became of it, and nothing else."""

import re
from collections.abc import Iterator
from uuid import uuid4

import pytest
from sqlalchemy import Engine, NullPool, create_engine, make_url, text
from sqlalchemy.exc import ProgrammingError

from models.base import Base
from tests.support.driving import repository
from tests.support.inbox import AnInbox
from tests.support.psql import psql

THEIRS = (
    "INSERT INTO bulkpost_outgoing (campaign_key, sender, text, phone, ref) VALUES ('k', 'Shop', 'Hi', '{phone}', 'r')"
)


@pytest.fixture
def shop(postgres_url: str) -> Iterator[Engine]:
    """The database as another application sees it, whose role the script has made."""
    role = f"shop_{uuid4().hex[:8]}"
    for _ in range(2):  # run again, it changes nothing
        done = psql(postgres_url, "migrations/roles.sql", {"application": role})
        assert done.returncode == 0, done.stderr
    owner = create_engine(make_url(postgres_url), poolclass=NullPool)
    engine = create_engine(make_url(postgres_url), poolclass=NullPool, connect_args={"options": f"-c role={role}"})
    yield engine
    with owner.begin() as connection:
        connection.execute(text(f"DROP OWNED BY {role}"))
        connection.execute(text(f"DROP ROLE {role}"))


def test_it_writes_into_the_inbox_and_reads_what_became_of_it(shop: Engine, postgres_inbox: AnInbox) -> None:
    with shop.begin() as connection:
        good = connection.execute(text(THEIRS.format(phone="79030000001") + " RETURNING id")).scalar_one()
        connection.execute(text(THEIRS.format(phone="12")))
    postgres_inbox.make()
    with shop.begin() as connection:
        mine = connection.execute(text("SELECT id, campaign_id, refusal FROM bulkpost_outgoing ORDER BY id")).all()
        results = connection.execute(text("SELECT phone, status FROM bulkpost_results")).all()
    assert [tuple(row) for row in mine] == [(good, 1, None), (good + 1, None, "too few digits for a phone number")]
    assert [tuple(row) for row in results] == [("79030000001", "pending")]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT phone FROM bulkpost_outgoing",
        "SELECT * FROM bulkpost_outgoing",
        "INSERT INTO bulkpost_outgoing (campaign_key, phone, taken_at) VALUES ('k', '1', now())",
        "INSERT INTO bulkpost_outgoing (id, campaign_key, phone) VALUES (1, 'k', '1')",
        "UPDATE bulkpost_outgoing SET refusal = NULL",
        "DELETE FROM bulkpost_outgoing",
        "TRUNCATE bulkpost_outgoing",
        "DROP VIEW bulkpost_results",
    ],
)
def test_it_may_do_nothing_else_with_the_inbox(shop: Engine, statement: str) -> None:
    with shop.begin() as connection, pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
        connection.execute(text(statement))


@pytest.mark.parametrize("table", sorted(set(Base.metadata.tables) - {"bulkpost_outgoing"}))
def test_it_sees_no_other_table(shop: Engine, table: str) -> None:
    with shop.begin() as connection, pytest.raises(ProgrammingError, match="permission denied"):
        connection.execute(text(f"SELECT 1 FROM {table}"))


def follow_the_docs(postgres_url: str, role: str) -> None:
    """Separate a role by the recipe of docs/doors.md."""
    page = (repository() / "docs/doors.md").read_text(encoding="utf-8")
    recipe = page[page.index("    ALTER TABLE bulkpost_outgoing ENABLE") :].partition("\n\n")[0]
    owner = create_engine(make_url(postgres_url), poolclass=NullPool)
    with owner.begin() as connection:
        connection.execute(text(re.sub(r"(?<!')\bshop\b", role, recipe)))


def test_the_recipe_of_the_docs_separates_accounts(shop: Engine, postgres_url: str, postgres_inbox: AnInbox) -> None:
    postgres_inbox.ledger.an_account("shop")
    with shop.begin() as connection:
        role = connection.execute(text("SELECT current_user")).scalar_one()
    follow_the_docs(postgres_url, role)
    with shop.begin() as connection:
        own = THEIRS.replace("campaign_key,", "campaign_key, account,").replace("'k',", "'k', 'shop',")
        connection.execute(text(own.format(phone="79030000001")))
    with shop.begin() as connection, pytest.raises(ProgrammingError, match="row-level security"):
        connection.execute(text(THEIRS.format(phone="79030000003")))
    postgres_inbox.insert(*postgres_inbox.letters(2, campaign_key="other"))
    assert len(postgres_inbox.make()) == 2
    with shop.begin() as connection:
        assert connection.execute(text("SELECT account FROM bulkpost_outgoing")).scalars().all() == ["shop"]
        assert connection.execute(text("SELECT phone FROM shop_results")).scalars().all() == ["79030000001"]
    with shop.begin() as connection, pytest.raises(ProgrammingError, match="permission denied"):
        connection.execute(text("SELECT phone FROM bulkpost_results"))
