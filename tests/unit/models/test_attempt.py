"""Positions as an attempt stores them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.attempt import fold_positions, unfold_positions


@pytest.mark.parametrize(
    ("positions", "folded"),
    [([], ""), ([7], "7"), (range(1, 1001), "1-1000"), ([1, 2, 3, 5], "1-3,5"), ([2, 1], "2,1"), ([1, 2, 1], "1-2,1")],
)
def test_runs_are_folded(positions: list[int] | range, folded: str) -> None:
    assert fold_positions(positions) == folded


@given(st.lists(st.integers(1, 9)))
def test_the_order_of_the_lines_is_kept(positions: list[int]) -> None:
    assert unfold_positions(fold_positions(positions)) == positions
