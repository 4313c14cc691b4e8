"""Which parts make up a benchmark: a short one for curiosity, all that there are figures of for the records."""

from collections.abc import Sequence
from dataclasses import replace

from worker.bench.finding import Part
from worker.bench.importing import Importing
from worker.bench.order import Order
from worker.bench.sending import Sending
from worker.bench.urgent import Urgent

Group = Sequence[Order]
"""Orders that are measured in turn: their figures may be compared."""

BATCH_SIZES = (100, 250, 500, 1_000, 2_500, 5_000, 10_000)
CAMPAIGN_SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000)
FLAT_SIZES = (10_000, 100_000, 1_000_000, 3_000_000)


def full(rounds: int, *, peers: bool = True) -> list[Part]:
    """Return every figure that is kept in docs/performance.md, the longest part last."""
    main = Order(recipients=300_000, rounds=rounds, peers=peers)
    alone = replace(main, peers=False)
    return [
        Sending([main]),
        Sending([replace(alone, personalised=True)]),
        Sending([replace(alone, batch_size=100)]),
        Sending([replace(alone, recipients=100_000, processes=1, embedded=True)]),
        Sending([replace(alone, latency_ms=100, threads=8)]),
        Urgent(),
        Importing(rounds=rounds),
        Importing(rounds=rounds, sqlite=True),
        Sending([replace(alone, recipients=size) for size in FLAT_SIZES]),
    ]


def by_batch_size(base: Order) -> Group:
    """Return the orders of the picture's left half."""
    return [replace(base, batch_size=size) for size in BATCH_SIZES]


def by_campaign_size(base: Order) -> Group:
    """Return the orders of its right half."""
    return [replace(base, recipients=size) for size in CAMPAIGN_SIZES]
