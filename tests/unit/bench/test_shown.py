"""Several parts in one record: sending, imports and urgent messages."""

from worker.bench import importing, urgent
from worker.bench.finding import Finding, Judged, Table
from worker.bench.importing import Importing
from worker.bench.shown import as_json, bound_table, markdown
from worker.bench.urgent import Latency

MACHINE = {"date": "2026-11-23", "processor": "Abacus", "cores": 2, "memory_gib": 24, "python": "3.11"}


def order(recipients: int) -> Finding:
    return Finding("orders", [], [{"product": {"recipients": recipients}}], [])


def import_of(*ratios: float, peak: float = 60.0, rows: int = 1_000_000) -> Finding:
    rounds = [
        {"bare_seconds": 1.0, "our_seconds": ratio, "bare_cpu_seconds": 1.0, "our_cpu_seconds": ratio, "ratio": ratio}
        | {"bare_peak_mib": 20.0, "our_peak_mib": peak}
        for ratio in ratios
    ]
    return importing.shown(Importing(rows=rows, rounds=len(ratios)), rounds)


def test_json_of_several_orders_has_the_first_at_the_top_and_all_in_a_list() -> None:
    found = as_json([order(3), order(7)], MACHINE)
    assert found["product"] == {"recipients": 3}
    assert [one["product"]["recipients"] for one in found["orders"]] == [3, 7]


def test_json_of_one_order_has_no_list_of_orders() -> None:
    assert "orders" not in as_json([order(3), import_of(2.0)], MACHINE)


def test_import_is_judged_by_the_median_of_its_ratios_and_the_largest_memory() -> None:
    time, memory = import_of(2.0, 2.4, 9.0).bounds
    assert (time.found, time.holds) == (2.4, True)
    assert not import_of(1.0, peak=144.0).bounds[1].holds and memory.holds


def test_short_import_is_not_judged() -> None:
    assert not import_of(9.0, rows=999_999).bounds


def test_door_that_cannot_wake_has_a_tick_and_others_a_tenth_of_a_second() -> None:
    found = urgent.shown([Latency("HTTP", True, [99.0, 101.0, 300.0]), Latency("SQL", False, [500.0, 900.0])])
    assert [(one.of, one.found, one.wanted, one.holds) for one in found.bounds] == [
        ("HTTP", 101.0, 100.0, False),
        ("SQL", 700.0, 1_000.0, True),
    ]


def test_markdown_tells_date_and_machine_and_has_every_table() -> None:
    table = Table("Sizes", ("", "rate"), [("ours", "12"), ("theirs", "3")])
    written = markdown([Finding("orders", [table], [], [Judged("rate", 10, 12, "all")])], MACHINE)
    assert written.startswith("2026-11-23: Abacus, 2 cores, 24 GiB, python 3.11\n\n1 of 1 bounds hold:\n\n|")
    assert "| rate | all | 12.0 | at least 10 | holds |" in written
    assert "Sizes:\n\n|  | rate |\n|---|--:|\n| ours | 12 |\n| theirs | 3 |\n" in written


def test_small_run_says_that_it_is_judged_by_no_bound() -> None:
    assert bound_table([order(100)]).title == "No bound is of so small a run"
