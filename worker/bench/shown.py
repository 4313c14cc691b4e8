"""What was measured, as JSON and as the rows of tables for people."""

from collections.abc import Sequence
from dataclasses import asdict
from statistics import median
from typing import Any

from worker.bench.bounds import Judged, judge
from worker.bench.order import PRODUCT
from worker.bench.rounds import Measured
from worker.bench.sample import Round, Sample
from worker.bench.statistics import ratio_spreads, ratios

GROUPS = ("workers", "database", "Redis", "gateway")
COLUMNS = ("", "recipients/s", "min", "max", *GROUPS, "CPU in all", "peak MiB")
RATIO_COLUMNS = ("", "median", "min", "max")
BOUND_COLUMNS = ("", "found", "wanted", "")


def as_json(groups: Sequence[Sequence[Measured]], machine: dict[str, Any]) -> dict[str, Any]:
    """Return the first order's figures, medians outside of `rounds`; with several orders, all of them as `orders`."""
    orders = [_order(one) for group in groups for one in group]
    bounds = [_bound(judged) for group in groups for judged in judge(group)]
    return {**orders[0], "bounds": bounds, "machine": machine, **({"orders": orders} if len(orders) > 1 else {})}


def _order(measured: Measured) -> dict[str, Any]:
    return {
        "order": asdict(measured.order),
        **{name: medians([one[name] for one in measured.rounds]) for name in measured.rounds[0]},
        "ratios": {name: round(found.median, 3) for name, found in ratio_spreads(measured.rounds).items()},
        "rounds": [_round(one) for one in measured.rounds],
    }


def medians(samples: Sequence[Sample]) -> dict[str, Any]:
    """Return the median of each figure; the peak is the largest of all rounds."""
    groups = samples[0].cpu_per_100k
    return {
        "recipients": samples[0].recipients,
        "per_second": round(median(one.per_second for one in samples), 1),
        "cpu_seconds_per_100k": round(median(one.cpu_seconds_per_100k for one in samples), 4),
        "cpu_seconds_per_100k_by_process": {
            group: round(median(one.cpu_per_100k[group] for one in samples), 4) for group in groups
        },
        "peak_mib": round(max(one.peak_mib for one in samples), 1),
    }


def rows(measured: Measured) -> list[tuple[str, ...]]:
    """Return a line for each contestant: its rate, its CPU seconds per 100,000 by process, its memory."""
    lines = []
    for name in measured.rounds[0]:
        samples = [one[name] for one in measured.rounds]
        found = medians(samples)
        cpu = found["cpu_seconds_per_100k_by_process"]
        rates = (found["per_second"], min(s.per_second for s in samples), max(s.per_second for s in samples))
        by_group = [f"{cpu[group]:.2f}" if group in cpu else "" for group in GROUPS]
        in_all, peak = f"{found['cpu_seconds_per_100k']:.2f}", f"{found['peak_mib']:.0f}"
        lines.append((name, *(f"{rate:,.0f}" for rate in rates), *by_group, in_all, peak))
    return lines


def ratio_rows(measured: Measured) -> list[tuple[str, ...]]:
    """Return a line for each ratio: median, minimum and maximum over the rounds."""
    return [
        (f"{PRODUCT} / {name}", *(_figure(value) for value in (found.median, found.minimum, found.maximum)))
        for name, found in ratio_spreads(measured.rounds).items()
    ]


def bound_rows(group: Sequence[Measured]) -> list[tuple[str, ...]]:
    """Return a line for each bound and whether it holds."""
    return [
        (
            judged.what,
            _figure(judged.found),
            f"{'at most' if judged.at_most else 'at least'} {judged.wanted:g}",
            "holds" if judged.holds else "MISSED",
        )
        for judged in judge(group)
    ]


def _round(one: Round) -> dict[str, Any]:
    return {
        **{name: sample.shown() for name, sample in one.items()},
        "ratios": {name: round(ratio, 3) for name, ratio in ratios(one).items()},
    }


def _bound(judged: Judged) -> dict[str, Any]:
    return {**asdict(judged), "found": round(judged.found, 3), "holds": judged.holds}


def _figure(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:,.1f}" if value < 100 else f"{value:,.0f}"
