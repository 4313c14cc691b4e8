"""Recurring campaigns for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ledger import open_ledger
from tests.support.recurring import TEN, Recurring


def _recurring(url: str, folder: Path) -> Iterator[Recurring]:
    with open_ledger(url) as ledger:
        ledger.clock.now = TEN.replace(hour=9)
        made = Recurring(ledger, folder)
        made.write_list("79033256699,Ivan", "79033256698,Olga")
        yield made


@pytest.fixture
def recurring(database_url: str, tmp_path: Path) -> Iterator[Recurring]:
    """Schedules on a database of this test's own; the test runs once for each kind."""
    yield from _recurring(database_url, tmp_path)


@pytest.fixture
def postgres_recurring(postgres_url: str, tmp_path: Path) -> Iterator[Recurring]:
    """Schedules on PostgreSQL."""
    yield from _recurring(postgres_url, tmp_path)
