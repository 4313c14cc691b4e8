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
    batch = _chart("Recipients per second by batch size", "recipients in a document", by_batch, lambda o: o.batch_size)
    size = _chart("… and by campaign size", "recipients of the campaign", by_size, lambda o: o.recipients)
    caption = f"Median, lowest and highest of {len(by_batch[0].rounds)} rounds. {machine['processor']}, "
    return draw([batch, size], f"{caption}{machine['cores']} cores for everything, {machine['date']}.")


def _chart(title: str, axis: str, measured: Sequence[Measured], x: Callable[[Order], int]) -> Chart:
    lines: dict[str, list[tuple[float, float, float, float]]] = {name: [] for name in NAMES.values()}
    for one in measured:
        for contestant, name in NAMES.items():
            rates = spread([samples[contestant].per_second for samples in one.rounds])
            lines[name].append((x(one.order), rates.minimum, rates.median, rates.maximum))
    return Chart(title, axis, lines)
