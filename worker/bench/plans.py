"""Which orders make up a benchmark: a short one for curiosity, all that there are figures of for the records."""

from collections.abc import Sequence
from dataclasses import replace

from worker.bench.order import Order

Group = Sequence[Order]
"""Orders that are measured in turn: their figures may be compared."""

BATCH_SIZES = (100, 250, 500, 1_000, 2_500, 5_000, 10_000)
CAMPAIGN_SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000)


def quick() -> Group:
    """Return what takes under a minute on an idle machine."""
    return [Order(rounds=1, hurried=True)]


def full(rounds: int) -> list[Group]:
    """Return every figure that is kept in docs/performance.md."""
    main = Order(recipients=300_000, rounds=rounds)
    alone = replace(main, peers=False)
    sizes = (10_000, 100_000, 1_000_000, 3_000_000)
    return [
        [main],
        [replace(alone, recipients=1_000_000)],
        [replace(alone, personalised=True)],
        [replace(alone, batch_size=100)],
        [replace(alone, recipients=size) for size in sizes],
        [replace(alone, recipients=100_000, processes=1, embedded=True)],
        [replace(alone, latency_ms=100, threads=8)],
    ]


def by_batch_size(base: Order) -> Group:
    """Return the orders of the picture's left half."""
    return [replace(base, batch_size=size, peers=False) for size in BATCH_SIZES]


def by_campaign_size(base: Order) -> Group:
    """Return the orders of its right half."""
    return [replace(base, recipients=size, peers=False) for size in CAMPAIGN_SIZES]
