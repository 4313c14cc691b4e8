"""What of a benchmark goes into its picture."""

from collections.abc import Callable, Sequence
from typing import Any

from worker.bench.order import FLOOR, PRODUCT, Order
from worker.bench.picture import Chart, draw
from worker.bench.rounds import Measured
from worker.bench.statistics import spread

NAMES = {PRODUCT: "Bulkpost", FLOOR: "floor"}


def picture(by_batch: Sequence[Measured], by_size: Sequence[Measured], machine: dict[str, Any]) -> str:
    """Return throughput against batch size and against campaign size, as SVG."""
    batch_order, size_order = by_batch[0].order, by_size[0].order
    charts = [
        _chart(
            "Recipients per second, by the size of a document",
            f"recipients in a document, {batch_order.recipients:,} in all",
            by_batch,
            lambda order: order.batch_size,
        ),
        _chart(
            "Recipients per second, by the size of a campaign",
            f"recipients of the campaign, documents of {size_order.batch_size:,}",
            by_size,
            lambda order: order.recipients,
        ),
    ]
    rounds = batch_order.rounds
    spread = f"median (line), lowest and highest (band) of {rounds} rounds" if rounds > 1 else "one round"
    where = f"{machine['processor']}, {machine['cores']} cores for everything, {machine['date']}"
    return draw(charts, [f"{batch_order.conditions()}; {spread}", where])


def _chart(title: str, axis: str, measured: Sequence[Measured], x: Callable[[Order], int]) -> Chart:
    lines: dict[str, list[tuple[float, float, float, float]]] = {name: [] for name in NAMES.values()}
    for one in measured:
        for contestant, name in NAMES.items():
            rates = spread([samples[contestant].per_second for samples in one.rounds])
            lines[name].append((x(one.order), rates.minimum, rates.median, rates.maximum))
    return Chart(title, axis, lines)
