"""Facts in, broken promises out."""

from collections import Counter
from dataclasses import replace

import pytest

from models.ledger.prove import Breach
from worker.drill.verdict import Found, find_broken

SOUND = Found(
    status="finished",
    counts={"total": 2, "pending": 0, "accepted": 2},
    waiting_for=None,
    parallel_limit=4,
    attempt_count=3,
    counters={"documents": 3, "parallel_high_water": 4, "conflicts": 0},
    charged_phones=Counter({"79030000001": 1, "79030000002": 1}),
)


def test_nothing_is_broken_where_everybody_was_charged_once() -> None:
    assert find_broken(SOUND) == ()


@pytest.mark.parametrize(
    ("changes", "promises"),
    [
        ({"charged_phones": Counter({"79030000001": 2})}, ["P1"]),
        ({"counters": {"conflicts": 1}}, ["P1"]),
        ({"counts": {"unknown": 1}}, ["P2"]),
        ({"counts": {"rejected": 1}}, ["P3"]),
        ({"status": "running", "counts": {"pending": 5}}, ["P7", "P2"]),
        ({"status": "running"}, ["P7"]),
        ({"counters": {"parallel_high_water": 5}}, ["P9"]),
        ({"counters": {"documents": 4}}, ["P2"]),
        ({"breaches": (Breach("P5", "the counts do not add up"),)}, ["P5"]),
    ],
)
def test_each_fact_breaks_its_promise(changes: dict[str, object], promises: list[str]) -> None:
    assert [breach.promise for breach in find_broken(replace(SOUND, **changes))] == promises


def test_no_phone_is_named() -> None:
    found = replace(SOUND, charged_phones=Counter({"79030000001": 2}))
    assert "7903" not in " ".join(breach.finding for breach in find_broken(found)) + repr(found)
