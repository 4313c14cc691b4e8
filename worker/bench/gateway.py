"""The sink as the benchmark sees it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from worker.bench.sink import COUNTERS_PATH, LAST_PATH, POST_PATH, REACHED_PATH, SAYS
from worker.drill.program import Program
from worker.errors import DispatchError


class Stuck(DispatchError):
    """Raised when a contestant does not come to its end."""


@dataclass(frozen=True)
class Gateway:
    """A sink that listens, new for every run: its counters begin at zero and its CPU time is the run's."""

    port: int
    pid: int

    @property
    def url(self) -> str:
        """Where documents are posted to."""
        return f"http://127.0.0.1:{self.port}{POST_PATH}"

    def counters(self) -> dict[str, int]:
        """Return how many documents and recipients have arrived."""
        counted: dict[str, int] = self._ask(COUNTERS_PATH)
        return counted

    def last_at(self) -> datetime:
        """Return when the last document arrived."""
        return datetime.fromisoformat(self._ask(LAST_PATH))

    def await_recipients(self, count: int, timeout_seconds: float) -> None:
        """Return when so many recipients have arrived. Raises: Stuck."""
        try:
            self._ask(f"{REACHED_PATH}{count}", timeout_seconds)
        except TimeoutError:
            arrived = self.counters()["recipients"]
            raise Stuck(f"{arrived:,} of {count:,} recipients had arrived after {timeout_seconds:.0f} s") from None

    def _ask(self, path: str, timeout_seconds: float = 30.0) -> Any:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=timeout_seconds)
        try:
            connection.request("GET", path)
            return json.loads(connection.getresponse().read())
        except (ConnectionError, HTTPException) as error:
            raise Stuck(f"the sink is gone: {type(error).__name__}") from None
        finally:
            connection.close()


@contextmanager
def running_sink(latency_ms: int, folder: Path) -> Iterator[Gateway]:
    """Run a sink for the length of the block. Raises: NoProgram."""
    sink = Program("sink", ("-m", "worker.bench.sink", str(latency_ms)), {}, folder)
    try:
        yield Gateway(int(sink.start(says=SAYS)), sink.pid)
    finally:
        sink.end()
