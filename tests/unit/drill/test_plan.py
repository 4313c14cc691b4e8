"""The plan of mischief: the seed decides everything, and everything is broken at least once."""

from itertools import pairwise

import pytest

from worker.drill.plan import TARGETS, Deed, Mischief, plan_mischief

SPAN_SECONDS = 20.0


def planned(seed: int, deeds: tuple[Deed, ...] = tuple(Deed)) -> tuple[Mischief, ...]:
    return plan_mischief(seed, deeds, span_seconds=SPAN_SECONDS, stall_seconds=9.0)


def test_same_seed_is_the_same_plan() -> None:
    assert planned(7) == planned(7) != planned(8)


@pytest.mark.parametrize("seed", range(50))
def test_every_deed_is_done_and_nothing_is_broken_while_it_is_broken(seed: int) -> None:
    plan = planned(seed)
    assert {mischief.deed for mischief in plan} == set(Deed)
    assert [mischief.at_seconds for mischief in plan] == sorted(mischief.at_seconds for mischief in plan)
    for target in set(TARGETS.values()):
        own = [mischief for mischief in plan if TARGETS[mischief.deed] == target]
        assert all(before.ends_seconds <= after.at_seconds for before, after in pairwise(own))


@pytest.mark.parametrize("seed", range(50))
def test_what_needs_a_post_comes_before_what_stops_all_posts(seed: int) -> None:
    deeds = [mischief.deed for mischief in planned(seed)]
    assert set(deeds[:2]) == {Deed.KILL_CHILD, Deed.STALL_CHILD}
    assert deeds.index(Deed.HALF_OPEN_BROKER) >= len(deeds) - 3
    assert planned(seed)[-1].ends_seconds < 2 * SPAN_SECONDS


def test_only_the_chosen_deeds_are_done() -> None:
    assert {mischief.deed for mischief in planned(1, (Deed.KILL_WORKER,))} == {Deed.KILL_WORKER}
    assert planned(1, ()) == ()


def test_long_plan_goes_round_all_deeds() -> None:
    deeds = [mischief.deed for mischief in plan_mischief(1, tuple(Deed), span_seconds=180.0, stall_seconds=9.0)]
    assert {deeds.count(deed) >= 9 for deed in Deed} == {True}
