"""Medians, ratios within a round, and verdicts."""

import pytest

from worker.bench.bounds import floor_bound, judge
from worker.bench.order import COMPETENT, FLOOR, NAIVE_ONE, NAIVE_TWO, PRODUCT, Order
from worker.bench.rounds import Measured
from worker.bench.sample import Sample, WrongRun, check_counts
from worker.bench.sending import ratio_rows, rows, shown
from worker.bench.shown import as_json, bound_table
from worker.bench.statistics import ratio_spreads, spread


def sample(per_second: float, *, cpu: float = 1.0, peak: float = 60.0, recipients: int = 300_000) -> Sample:
    return Sample(recipients, recipients / per_second, {"workers": cpu * recipients / 100_000}, peak)


def measured(*pairs: tuple[float, float], recipients: int = 300_000, peak: float = 60.0) -> Measured:
    rounds = tuple({FLOOR: sample(floor), PRODUCT: sample(ours, peak=peak)} for ours, floor in pairs)
    return Measured(Order(recipients=recipients, rounds=len(rounds), peers=False), rounds)


def test_spread_of_one_value_is_that_value() -> None:
    found = spread([3.0])
    assert (found.minimum, found.median, found.maximum) == (3.0, 3.0, 3.0)


def test_ratio_is_taken_within_a_round_not_between_medians() -> None:
    # The machine was twice as fast in the second round and four times in the third: the ratio stayed what it was.
    found = ratio_spreads(measured((80, 100), (160, 200), (320, 400)).rounds)[FLOOR]
    assert (found.minimum, found.median, found.maximum) == pytest.approx((0.8, 0.8, 0.8))


def test_rates_and_cpu_are_for_100_000_recipients() -> None:
    found = Sample(50_000, 2.0, {"workers": 0.5, "database": 0.25}, 60.0)
    assert found.per_second == 25_000
    assert found.cpu_per_100k == {"workers": 1.0, "database": 0.5}
    assert found.cpu_seconds_per_100k == 1.5


def test_run_that_lost_somebody_is_void() -> None:
    with pytest.raises(WrongRun, match="the run of product is void: accepted 9,999 instead of 10,000"):
        check_counts("product", {"total": 10_000, "accepted": 10_000}, {"total": 10_000, "accepted": 9_999})


def test_json_has_the_promised_shape_with_medians_outside_of_rounds() -> None:
    found = as_json([shown([measured((80, 100), (90, 100), (10, 100))])], {})
    assert found["product"]["per_second"] == 80
    assert found["product"]["cpu_seconds_per_100k"] == 1.0
    assert found["product"]["peak_mib"] == 60.0
    assert found["ratios"] == {FLOOR: 0.8}
    assert [one["ratios"][FLOOR] for one in found["rounds"]] == [0.8, 0.9, 0.1]
    assert [one["product"]["per_second"] for one in found["rounds"]] == [80, 90, 10]


def test_median_at_the_bound_holds_and_below_misses() -> None:
    [floor, *_] = judge([measured((80, 100))])
    assert floor.holds
    [floor, *_] = judge([measured((79, 100))])
    assert not floor.holds


@pytest.mark.parametrize(
    ("order", "bound"),
    [
        (Order(), 0.8),
        (Order(personalised=True), 0.75),
        (Order(batch_size=100), 0.6),
        (Order(embedded=True, processes=1), 0.6),
    ],
)
def test_each_kind_of_order_has_its_bound(order: Order, bound: float) -> None:
    assert floor_bound(order) == bound


def test_short_campaign_is_not_judged_by_its_start() -> None:
    assert not any("floor" in judged.what for judged in judge([measured((1, 100), recipients=299_999)]))


def test_bounds_of_several_sizes_say_which_they_are_of() -> None:
    found = [judged.of for judged in judge([measured((1, 1)), measured((1, 1), recipients=1_000_000)])]
    assert {"300,000", "1,000,000"} <= set(found)


def test_peers_have_bounds_of_their_own() -> None:
    one = {PRODUCT: sample(90_000), NAIVE_ONE: sample(300), NAIVE_TWO: sample(1_200), COMPETENT: sample(12_000)}
    found = {judged.what: judged.holds for judged in judge([Measured(Order(rounds=1), (one,))])}
    assert (
        found["product / naive_one"] and not found["product / naive_two"] and not found["product / naive_two_competent"]
    )


def test_sizes_are_judged_against_each_other_only_where_they_were_measured_in_turn() -> None:
    small, large = measured((100, 100), recipients=100_000), measured((89, 100), recipients=1_000_000)
    assert not any("rate at" in judged.what for judged in judge([large]))
    [flat] = [judged for judged in judge([small, large]) if "rate at" in judged.what]
    assert (round(flat.found, 2), flat.holds) == (0.89, False)


def test_memory_may_not_grow_with_the_campaign() -> None:
    small, large = measured((1, 1), recipients=10_000), measured((1, 1), recipients=1_000_000, peak=64.5)
    [more] = [judged for judged in judge([small, large]) if "more at" in judged.what]
    assert (more.found, more.holds) == (4.5, False)


def test_slow_gateway_is_judged_by_the_documents_in_flight() -> None:
    order = Order(rounds=1, latency_ms=100, threads=8, peers=False)
    [judged] = judge([Measured(order, ({FLOOR: sample(1), PRODUCT: sample(80_000)},))])
    assert (judged.what, judged.found, judged.holds) == ("part of 16 documents at once", 0.5, True)


def test_tables_say_rate_ratio_and_verdict() -> None:
    one = measured((79_000, 100_000))
    assert rows(one)[1][:2] == ("product", "79,000")
    assert ratio_rows(one) == [("product / floor", "0.79", "0.79", "0.79")]
    bounds = bound_table([shown([one])])
    assert bounds.rows[0] == ("product / floor", "300,000", "0.79", "at least 0.8", "MISSED")
    assert bounds.title == "2 of 3 bounds hold"
