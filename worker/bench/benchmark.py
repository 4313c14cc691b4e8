"""A whole benchmark: what was asked for, measured, and the picture where one is wanted."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from worker.bench.drawing import picture
from worker.bench.machine import describe_machine
from worker.bench.order import Order
from worker.bench.plans import Group, by_batch_size, by_campaign_size
from worker.bench.rounds import Measured, Tell, measure


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Groups of orders, each measured in turn; a picture of two more groups like `base`, if a file is given."""

    groups: Sequence[Group]
    base: Order
    picture: Path | None = None
    logs: Path | None = None

    def run(self, tell: Tell) -> list[list[Measured]]:
        """Measure everything, and write the picture.

        Raises:
            NoServer, NoProgram, Stuck, WrongRun: nothing counts; no process is left behind.
        """
        found = [measure(group, tell=tell, logs=self.logs) for group in self.groups]
        if self.picture is not None:
            base = replace(self.base, peers=False)
            by_batch, by_size = by_batch_size(base), by_campaign_size(base)
            drawn = [measure(group, tell=tell, logs=self.logs) for group in (by_batch, by_size)]
            self.picture.write_text(picture(drawn[0], drawn[1], describe_machine()), encoding="utf-8")
            tell(f"{self.picture} written")
        return found
