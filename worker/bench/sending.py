"""Sending, as a part of a benchmark: orders that are measured in turn, their rates, CPU seconds and memory."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from worker.bench.bounds import judge
from worker.bench.finding import Finding, Table, Tell, figure
from worker.bench.order import PRODUCT, Order
from worker.bench.rounds import Measured, measure
from worker.bench.sample import Round, Sample
from worker.bench.statistics import ratio_spreads, ratios, spread

ORDERS = "orders"
GROUPS = ("workers", "database", "Redis", "gateway")
COLUMNS = ("", "recipients/s", "min", "max", *(f"CPU {group}" for group in GROUPS), "CPU in all", "peak MiB")
RATIO_COLUMNS = ("", "median", "min", "max")


@dataclass(frozen=True, slots=True)
class Sending:
    """Orders whose figures may be compared."""

    orders: Sequence[Order]

    def run(self, tell: Tell, logs: Path | None) -> Finding:
        """Measure them in turn. Raises: as `measure`."""
        return shown(measure(self.orders, tell=tell, logs=logs))


def shown(group: Sequence[Measured]) -> Finding:
    """Return what was measured in turn as tables and figures, medians outside of `rounds`."""
    tables = [table for measured in group for table in _tables(measured)]
    return Finding(ORDERS, tables, [_order(measured) for measured in group], judge(group))


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
        rate = spread([one.per_second for one in samples])
        by_group = [f"{cpu[group]:.2f}" if group in cpu else "" for group in GROUPS]
        in_all, peak = f"{found['cpu_seconds_per_100k']:.2f}", f"{found['peak_mib']:.0f}"
        lines.append(
            (name, *(f"{one:,.0f}" for one in (rate.median, rate.minimum, rate.maximum)), *by_group, in_all, peak)
        )
    return lines


def ratio_rows(measured: Measured) -> list[tuple[str, ...]]:
    """Return a line for each ratio: median, minimum and maximum over the rounds."""
    return [
        (f"{PRODUCT} / {name}", *(figure(value) for value in (found.median, found.minimum, found.maximum)))
        for name, found in ratio_spreads(measured.rounds).items()
    ]


def _tables(measured: Measured) -> Iterator[Table]:
    rounds = len(measured.rounds)
    over = f"median of {rounds} rounds" if rounds > 1 else "one round"
    yield Table(f"{measured.order.describe()}; {over}, CPU seconds per 100,000", COLUMNS, rows(measured))
    yield Table("", RATIO_COLUMNS, ratio_rows(measured))


def _order(measured: Measured) -> dict[str, Any]:
    return {
        "order": asdict(measured.order),
        **{name: medians([one[name] for one in measured.rounds]) for name in measured.rounds[0]},
        "ratios": {name: round(found.median, 3) for name, found in ratio_spreads(measured.rounds).items()},
        "rounds": [_round(one) for one in measured.rounds],
    }


def _round(one: Round) -> dict[str, Any]:
    return {
        **{name: sample.shown() for name, sample in one.items()},
        "ratios": {name: round(ratio, 3) for name, ratio in ratios(one).items()},
    }
