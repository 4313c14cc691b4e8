"""What was measured, as JSON and as a table for people."""

from collections.abc import Sequence
from statistics import median
from typing import Any

from worker.bench.order import PRODUCT
from worker.bench.rounds import Measured
from worker.bench.sample import Round, Sample
from worker.bench.statistics import ratio_spreads, ratios


def as_json(measured: Measured) -> dict[str, Any]:
    """Return medians over the rounds, and every round as it was."""
    names = list(measured.rounds[0])
    return {
        **{name: medians([one[name] for one in measured.rounds]) for name in names},
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


def _round(one: Round) -> dict[str, Any]:
    return {
        **{name: sample.shown() for name, sample in one.items()},
        "ratios": {name: round(ratio, 3) for name, ratio in ratios(one).items()},
    }


def rows(measured: Measured) -> list[tuple[str, ...]]:
    """Return a line for each contestant: its rate, its CPU time by process, its memory."""
    found = as_json(measured)
    lines = []
    for name in measured.rounds[0]:
        one = found[name]
        cpu = one["cpu_seconds_per_100k_by_process"]
        by_group = [f"{cpu[group]:.2f}" if group in cpu else "" for group in GROUPS]
        rate = f"{one['per_second']:,.0f}"
        lines.append((name, rate, *by_group, f"{one['cpu_seconds_per_100k']:.2f}", f"{one['peak_mib']:.0f}"))
    return lines


def ratio_rows(measured: Measured) -> list[tuple[str, ...]]:
    """Return a line for each ratio: median, minimum and maximum over the rounds."""
    return [
        (f"{PRODUCT} / {name}", *(f"{value:,.3g}" for value in (found.median, found.minimum, found.maximum)))
        for name, found in ratio_spreads(measured.rounds).items()
    ]


GROUPS = ("workers", "database", "Redis", "gateway")
COLUMNS = ("", "recipients/s", *GROUPS, "all", "peak MiB")
RATIO_COLUMNS = ("", "median", "min", "max")
