"""The databases that the tests get: migrated, empty of campaigns, and nobody else's."""

import pytest
from sqlalchemy import NullPool, inspect, text

from models.session import open_engine


@pytest.mark.parametrize("turn", ["first", "second"])
def test_what_one_test_deletes_the_next_one_has(database_url: str, turn: str) -> None:
    with open_engine(database_url, poolclass=NullPool).begin() as connection:
        assert connection.scalar(text("SELECT status FROM bulkpost_accounts WHERE name = 'default'")) == "active"
        connection.execute(text("DELETE FROM bulkpost_accounts"))


def test_an_empty_database_has_no_table(empty_database_url: str) -> None:
    assert inspect(open_engine(empty_database_url, poolclass=NullPool)).get_table_names() == []
