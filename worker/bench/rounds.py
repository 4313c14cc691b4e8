"""Everybody in turn, several times: a machine that slows down slows all of them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from worker.bench.floor_run import prepare_floor, run_floor
from worker.bench.order import FLOOR, PRODUCT, Order
from worker.bench.product import prepare_product, run_product
from worker.bench.sample import Sample
from worker.bench.stage import Stage, open_stage
from worker.bench.statistics import Round

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Measured:
    """An order and what every round of it gave."""

    order: Order
    rounds: tuple[Round, ...]


def measure(order: Order, *, tell: Tell = lambda line: None, logs: Path | None = None) -> Measured:
    """Run every contestant of the order in turn, as many rounds as it wants. Leaves no process and no file behind.

    Raises:
        NoServer, NoProgram, Stuck: something did not start, or not end.
        WrongRun: somebody did not do what was asked; nothing of the order counts then.
    """
    tell(order.describe())
    with open_stage(order, logs) as stage:
        for name in CONTESTANTS:
            CONTESTANTS[name][0](stage)
        rounds = tuple(_round(stage, number, tell) for number in range(1, order.rounds + 1))
    return Measured(order, rounds)


def _round(stage: Stage, number: int, tell: Tell) -> Round:
    samples: dict[str, Sample] = {}
    for name in CONTESTANTS:
        sample = samples[name] = CONTESTANTS[name][1](stage)
        tell(
            f"round {number} of {stage.order.rounds}: {name}: {sample.per_second:,.0f} recipients/s, "
            f"{sample.cpu_seconds_per_100k:.2f} CPU s per 100,000"
        )
    return samples


CONTESTANTS: dict[str, tuple[Callable[[Stage], None], Callable[[Stage], Sample]]] = {
    FLOOR: (prepare_floor, run_floor),
    PRODUCT: (prepare_product, run_product),
}
