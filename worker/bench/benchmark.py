"""A whole benchmark: its parts one after another, and the picture where one is wanted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from worker.bench.drawing import picture
from worker.bench.finding import Finding, Part, Tell
from worker.bench.machine import describe_machine
from worker.bench.order import Order
from worker.bench.plans import by_batch_size, by_campaign_size
from worker.bench.rounds import measure
from worker.clock import monotonic


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Parts, and a picture of two groups of orders like `base` if a file is given."""

    parts: Sequence[Part]
    base: Order
    picture: Path | None = None
    logs: Path | None = None

    def run(self, tell: Tell, show: Callable[[Finding], None]) -> list[Finding]:
        """Measure everything, show each finding as soon as there is one, and write the picture.

        Raises:
            NoServer, NoProgram, Stuck, WrongRun: what was not shown does not count; no process is left behind.
        """
        began = monotonic()
        steps = len(self.parts) + (self.picture is not None)
        found = []
        for number, part in enumerate(self.parts, 1):
            found.append(part.run(_timed(tell, began, number, steps), self.logs))
            show(found[-1])
        if self.picture is not None:
            self._draw(self.picture, _timed(tell, began, steps, steps))
        return found

    def _draw(self, file: Path, tell: Tell) -> None:
        base = replace(self.base, peers=False)
        drawn = [measure(group(base), tell=tell, logs=self.logs) for group in (by_batch_size, by_campaign_size)]
        file.write_text(picture(drawn[0], drawn[1], describe_machine()), encoding="utf-8")
        tell(f"{file} written")


def _timed(tell: Tell, began: float, number: int, steps: int) -> Tell:
    """Put before every line how long it has taken so far, and which part of how many it is of."""

    def timed(line: str) -> None:
        minutes, seconds = divmod(int(monotonic() - began), 60)
        tell(f"{minutes:3}:{seconds:02}  {f'{number}/{steps}  ' if steps > 1 else ''}{line}")

    return timed
