"""The plan past one machine: the table in the docs is what the model computes."""

from pathlib import Path

import pytest

from worker.bench.scaling import Load, table

PAGE = Path(__file__).parents[3] / "docs" / "scaling.md"


def test_the_page_shows_what_the_model_computes() -> None:
    assert table() in PAGE.read_text()


def test_the_row_of_an_account_allows_less_the_farther_the_database_is() -> None:
    assert Load(round_trip_ms=0.1).row_per_second > Load(round_trip_ms=1.0).row_per_second


def test_twice_the_hours_need_half_of_the_cores_and_the_same_disk() -> None:
    short, long = Load(hours=4), Load(hours=8)
    assert short.database_cores == pytest.approx(2 * long.database_cores)
    assert short.disk_gb_per_day == long.disk_gb_per_day
