"""One run of one contestant."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from worker.errors import DispatchError

PER = 100_000


class WrongRun(DispatchError):
    """Raised when what a run left behind is not what it should have done: its time means nothing then."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What was measured. `cpu` are seconds by group of processes, `peak_mib` the largest process that sends."""

    recipients: int
    seconds: float
    cpu: Mapping[str, float]
    peak_mib: float

    @property
    def per_second(self) -> float:
        """Recipients per second."""
        return self.recipients / self.seconds

    @property
    def cpu_per_100k(self) -> dict[str, float]:
        """CPU seconds for 100,000 recipients, by group."""
        return {name: seconds * PER / self.recipients for name, seconds in self.cpu.items()}

    @property
    def cpu_seconds_per_100k(self) -> float:
        """CPU seconds for 100,000 recipients, all groups together."""
        return sum(self.cpu_per_100k.values())

    def shown(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "recipients": self.recipients,
            "seconds": round(self.seconds, 4),
            "per_second": round(self.per_second, 1),
            "cpu_seconds_per_100k": round(self.cpu_seconds_per_100k, 4),
            "cpu_seconds_per_100k_by_process": {name: round(value, 4) for name, value in self.cpu_per_100k.items()},
            "peak_mib": round(self.peak_mib, 1),
        }


Round = Mapping[str, Sample]
"""One run of every contestant, by name."""


def check_counts(who: str, expected: Mapping[str, int], found: Mapping[str, int]) -> None:
    """Refuse a run whose figures are not what they must be. Raises: WrongRun."""
    wrong = [f"{name} {found.get(name, 0):,} instead of {count:,}" for name, count in expected.items()
             if found.get(name, 0) != count]  # fmt: skip
    if wrong:
        raise WrongRun(f"the run of {who} is void: {', '.join(wrong)}")
