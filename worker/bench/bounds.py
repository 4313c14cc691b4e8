"""What must be reached, and whether it was. The bounds are ratios wherever the machine would decide a figure."""

from collections.abc import Iterator, Sequence
from statistics import median

from worker.bench.finding import Judged
from worker.bench.order import COMPETENT, FLOOR, NAIVE_ONE, NAIVE_TWO, PRODUCT, Order
from worker.bench.rounds import Measured
from worker.bench.statistics import ratio_spreads

MOST_CPU_SECONDS = 1.2
MOST_MIB = 96.0
MOST_MORE_MIB = 4.0
LEAST_OF_LATENCY = 0.5
LEAST_FLATNESS = 0.9
PEER_BOUNDS = {NAIVE_ONE: 300.0, NAIVE_TWO: 80.0, COMPETENT: 8.0}
SMALL, MEDIUM, LARGE, LARGEST = 10_000, 100_000, 1_000_000, 3_000_000
LONG_ENOUGH = 300_000
"""A shorter campaign is mostly its start; one process on SQLite takes as long for a third of them."""


def judge(measured: Sequence[Measured]) -> list[Judged]:
    """Judge orders that were measured in turn, each alone and against each other."""
    by_size = {one.order.recipients: one for one in measured if _is_plain(one.order)}
    alone = [judged for one in measured for judged in _judge_alone(one)]
    return [*alone, *_judge_memory(list(by_size.values())), *_judge_sizes(by_size)]


def floor_bound(order: Order) -> float:
    """Return the least part of the floor's rate that an order must reach."""
    if order.embedded:
        return 0.6
    if order.batch_size < 1_000:
        return 0.6
    return 0.75 if order.personalised else 0.8


def _judge_alone(one: Measured) -> Iterator[Judged]:
    order, of = one.order, one.order.brief()
    rates = [samples[PRODUCT].per_second for samples in one.rounds]
    if order.latency_ms:
        most = order.in_flight * order.batch_size / (order.latency_ms / 1000)
        yield Judged(f"part of {order.in_flight} documents at once", LEAST_OF_LATENCY, median(rates) / most, of)
        return
    long_enough = order.recipients >= (MEDIUM if order.embedded else LONG_ENOUGH)
    for name, found in ratio_spreads(one.rounds).items():
        if name == FLOOR and not long_enough:
            continue
        wanted = floor_bound(order) if name == FLOOR else PEER_BOUNDS[name]
        yield Judged(f"{PRODUCT} / {name}", wanted, found.median, of)
    if _is_plain(order) and long_enough:
        cpu = median(samples[PRODUCT].cpu_seconds_per_100k for samples in one.rounds)
        yield Judged("CPU seconds per 100,000", MOST_CPU_SECONDS, cpu, of, at_most=True)


def _judge_memory(plain: Sequence[Measured]) -> Iterator[Judged]:
    if plain:
        worst = max(plain, key=_peak)
        yield Judged("MiB of a worker process", MOST_MIB, _peak(worst), worst.order.brief(), at_most=True)


def _judge_sizes(by_size: dict[int, Measured]) -> Iterator[Judged]:
    for size in (LARGE, LARGEST):
        if size in by_size and MEDIUM in by_size:
            pairs = zip(by_size[size].rounds, by_size[MEDIUM].rounds, strict=True)
            flat = median(large[PRODUCT].per_second / small[PRODUCT].per_second for large, small in pairs)
            yield Judged(f"rate at {size:,} / rate at {MEDIUM:,}", LEAST_FLATNESS, flat)
    if SMALL in by_size and LARGE in by_size:
        more = _peak(by_size[LARGE]) - _peak(by_size[SMALL])
        yield Judged(f"MiB more at {LARGE:,} than at {SMALL:,}", MOST_MORE_MIB, more, at_most=True)


def _is_plain(order: Order) -> bool:
    """Whether it is what most bounds speak of: workers, long documents, one text, a quick gateway."""
    return not (order.embedded or order.personalised or order.latency_ms) and order.batch_size == 1_000


def _peak(one: Measured) -> float:
    return max(samples[PRODUCT].peak_mib for samples in one.rounds)
