"""The last requests and what was wrong with them, and how many were there at a time."""

from asyncio import Future, get_running_loop
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

from worker.simulator.faults import Arrival

_KEPT = 1000
_MOST_FINDINGS_KEPT = 100
_MOST_FINDINGS_TOLD = 3


@dataclass(slots=True)
class Visit:
    """One request of the provider's interface, from its head to its answer. Holds no credential, phone or text."""

    number: int
    path: str
    at: float
    arrival: Arrival
    account: str = ""
    size: int = 0
    line_count: int = 0
    status: int | None = None
    ended: str = "open"
    parallel: int = 0
    rules: list[int] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)

    def summary(self) -> dict[str, object]:
        """Describe the request for the control interface."""
        return {
            "number": self.number,
            "path": self.path,
            "at": self.at,
            "account": self.account,
            "bytes": self.size,
            "lines": self.line_count,
            "status": self.status,
            "ended": self.ended,
            "parallel": self.parallel,
            "rules": self.rules,
            "findings": self.findings[:_MOST_FINDINGS_KEPT],
        }


class Visits:
    """Counts requests and keeps the last thousand."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.total = 0
        self.documents = 0
        self.lines = 0
        self.findings = 0
        self.parallel = 0
        self.parallel_high_water = 0
        self._kept: deque[Visit] = deque(maxlen=_KEPT)
        self._tell = tell
        self._waiting: list[tuple[int, Future[None]]] = []

    def begin(self, path: str, at: float, arrival: Arrival) -> Visit:
        """Note a request whose head is there."""
        self.total += 1
        self.parallel += 1
        self.parallel_high_water = max(self.parallel_high_water, self.parallel)
        visit = Visit(self.total, path, at, arrival, parallel=self.parallel)
        self._kept.append(visit)
        return visit

    def note_document(self, visit: Visit) -> None:
        """Note that a send request is there with its body, and wake who waits for it."""
        self.documents += 1
        self.lines += visit.line_count
        for wanted, future in self._waiting:
            if self.documents >= wanted and not future.done():
                future.set_result(None)

    def end(self, visit: Visit, ended: str) -> None:
        """Note how a request ended, and tell what was wrong with it in one line."""
        self.parallel -= 1
        visit.ended = ended
        self.findings += len(visit.findings)
        if visit.findings:
            told = "; ".join(visit.findings[:_MOST_FINDINGS_TOLD])
            more = len(visit.findings) - _MOST_FINDINGS_TOLD
            self._tell(f"request {visit.number} {visit.path}: {told}" + (f"; and {more} more" if more > 0 else ""))

    async def wait_for_documents(self, count: int) -> None:
        """Return once so many send requests have arrived since the start."""
        if self.documents >= count:
            return
        future: Future[None] = get_running_loop().create_future()
        self._waiting.append((count, future))
        try:
            await future
        finally:
            self._waiting.remove((count, future))

    def last(self, limit: int) -> list[dict[str, object]]:
        """Describe the last requests, the newest last."""
        return [visit.summary() for visit in islice(self._kept, max(0, len(self._kept) - limit), None)]
