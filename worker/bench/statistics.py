"""Medians, and how far the rounds lie apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from worker.bench.order import PRODUCT
from worker.bench.sample import Round


@dataclass(frozen=True, slots=True)
class Spread:
    """One figure over all rounds."""

    minimum: float
    median: float
    maximum: float


def spread(values: Sequence[float]) -> Spread:
    """Return the spread of at least one value."""
    return Spread(min(values), median(values), max(values))


def ratios(one: Round) -> dict[str, float]:
    """Return how many times faster than each rival the product was in the same round."""
    ours = one[PRODUCT].per_second
    return {name: ours / sample.per_second for name, sample in one.items() if name != PRODUCT}


def ratio_spreads(rounds: Sequence[Round]) -> dict[str, Spread]:
    """Return the ratios over all rounds, by rival."""
    each = [ratios(one) for one in rounds]
    return {name: spread([ratio[name] for ratio in each]) for name in each[0]}
