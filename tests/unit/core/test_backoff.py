"""Waits: the longest of what back-off, provider and patience ask for."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.core.backoff import delay_seconds, wait_seconds
from worker.core.messages import Pace

USUAL: dict[str, Any] = {
    "attempt": 1,
    "base_seconds": 65,
    "jitter": 1.0,
    "read_timeout_seconds": 120,
    "since_post_seconds": 10,
}


@pytest.mark.parametrize(
    ("attempt", "seconds"), [(1, 65), (2, 130), (3, 260), (6, 2080), (7, 3600), (8, 3600), (10_000, 3600)]
)
def test_delay_doubles_up_to_an_hour(attempt: int, seconds: float) -> None:
    assert delay_seconds(attempt, 65, 1.0) == seconds
    assert delay_seconds(attempt, 65, 1.5) == seconds * 1.5


@given(attempt=st.integers(1, 10**9), base=st.floats(0.001, 10**6), jitter=st.floats(1, 1.5))
def test_delay_is_within_its_bounds_and_never_shrinks(attempt: int, base: float, jitter: float) -> None:
    delay = delay_seconds(attempt, base, jitter)
    assert min(base, 3600) <= delay <= 3600 * 1.5
    assert delay <= delay_seconds(attempt + 1, base, jitter)


@pytest.mark.parametrize(
    ("pace", "changes", "seconds"),
    [
        (Pace.NOW, {}, 0),
        (Pace.NOW, {"retry_after_seconds": 50}, 0),
        (Pace.BACKOFF, {}, 65),
        (Pace.BACKOFF, {"attempt": 3}, 260),
        (Pace.BACKOFF, {"retry_after_seconds": 50}, 65),
        (Pace.BACKOFF, {"retry_after_seconds": 500}, 500),
        (Pace.BACKOFF, {"retry_after_seconds": 500, "jitter": 1.5}, 750),
        (Pace.BACKOFF, {"retry_after_seconds": 10**9}, 86_400),
        (Pace.PATIENT, {}, 470),
        (Pace.PATIENT, {"since_post_seconds": 470}, 65),
        (Pace.PATIENT, {"since_post_seconds": 10**6}, 65),
        (Pace.PATIENT, {"attempt": 5}, 1040),
        (Pace.PATIENT, {"retry_after_seconds": 900}, 900),
    ],
)
def test_longest_wait_wins(pace: Pace, changes: dict[str, Any], seconds: float) -> None:
    assert wait_seconds(pace, **{**USUAL, **changes}) == seconds
