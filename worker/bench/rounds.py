"""Everybody in turn, several times: a machine that slows down slows all of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from worker.bench.finding import Tell
from worker.bench.floor_run import run_floor
from worker.bench.order import FLOOR, PRODUCT, Order
from worker.bench.peer_run import PEER_RUNS
from worker.bench.product import run_product
from worker.bench.sample import Round, Sample
from worker.bench.stage import Stage, open_stage

RUNS: dict[str, Callable[[Stage, Order], Sample]] = {FLOOR: run_floor, PRODUCT: run_product, **PEER_RUNS}


@dataclass(frozen=True, slots=True)
class Measured:
    """An order and what every round of it gave."""

    order: Order
    rounds: tuple[Round, ...]


def measure(orders: Sequence[Order], *, tell: Tell = lambda line: None, logs: Path | None = None) -> list[Measured]:
    """Run every contestant of every order in turn, as many rounds as the first order wants.

    All orders are of one kind, embedded or not, and share the servers. Leaves no process behind, and no file outside
    of `logs`.

    Raises:
        NoServer, NoProgram, Stuck: something did not start, or not end.
        WrongRun: somebody did not do what was asked; nothing counts then.
    """
    found: list[list[Round]] = [[] for _ in orders]
    with open_stage(embedded=orders[0].embedded, logs=logs) as stage:
        for number in range(1, orders[0].rounds + 1):
            for order, rounds in zip(orders, found, strict=True):
                tell(f"round {number} of {orders[0].rounds}: {order.describe()}")
                rounds.append({name: _run(name, stage, order, tell) for name in order.contestants})
    return [Measured(order, tuple(rounds)) for order, rounds in zip(orders, found, strict=True)]


def _run(name: str, stage: Stage, order: Order, tell: Tell) -> Sample:
    sample = RUNS[name](stage, order)
    tell(f"  {name}: {sample.per_second:,.0f} recipients/s, {sample.cpu_seconds_per_100k:.2f} CPU s per 100,000")
    return sample
