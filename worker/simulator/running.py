"""A simulator in a thread of this process, for tests and the demo."""

from asyncio import AbstractEventLoop, Event, Runner, get_running_loop, run_coroutine_threadsafe, wait_for
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from time import time
from typing import Any, TypeVar

from worker.simulator import control
from worker.simulator.access import Access
from worker.simulator.plan import parse_plan
from worker.simulator.server import Options, listening
from worker.simulator.service import Service

T = TypeVar("T")


def _keep_quiet(line: str) -> None:
    pass


class RunningSimulator:
    """A simulator that listens. Its methods may be called from any thread; they run in the simulator's own."""

    def __init__(self, options: Options) -> None:
        started: Future[tuple[AbstractEventLoop, Event, Service, str]] = Future()
        self._thread = Thread(target=_run, args=(options, started), name="simulator", daemon=True)
        self._thread.start()
        self._loop, self._stopped, self._service, self.url = started.result()

    @property
    def control_url(self) -> str:
        """Where it is recognised, and below which ledger, requests and faults are."""
        return self.url.removesuffix("/xml") + control.ROOT

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.url.rsplit(":", 1)[1].split("/")[0])

    def ledger(self, after: int = 0, limit: int | None = None) -> dict[str, Any]:
        """Return what GET /bulkpost-simulator/ledger shows."""
        return self._call(lambda service: service.ledger.page(after, limit))

    def counters(self) -> dict[str, int]:
        """Return the counters of GET /bulkpost-simulator."""
        return self._call(lambda service: control.counters(service))

    def requests(self, limit: int = 1000) -> list[dict[str, Any]]:
        """Return the last requests, the newest last."""
        return self._call(lambda service: service.visits.last(limit))

    def faults(self) -> dict[str, Any]:
        """Return the plan and how often each rule fired."""
        return self._call(control.faults)

    def set_faults(self, plan: list[dict[str, Any]]) -> None:
        """Start a plan anew; requests that the old one holds go on.

        Raises: PlanError, and the old plan stays.
        """
        rules = parse_plan(plan)
        self._call(lambda service: service.set_plan(rules))

    def wait_for_documents(self, count: int, timeout_seconds: float = 30.0) -> None:
        """Wait until so many send requests have arrived since the start.

        Raises: TimeoutError.
        """

        async def wait(service: Service) -> None:
            await wait_for(service.visits.wait_for_documents(count), timeout_seconds)

        self._await(wait)

    def stop(self) -> None:
        """Stop listening, end every connection and wait for the thread. Harmless the second time."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopped.set)
            self._thread.join()

    def _call(self, ask: Callable[[Service], T]) -> T:
        async def asked(service: Service) -> T:
            return ask(service)

        return self._await(asked)

    def _await(self, ask: Callable[[Service], Coroutine[Any, Any, T]]) -> T:
        return run_coroutine_threadsafe(ask(self._service), self._loop).result()


@contextmanager
def running_simulator(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    faults: list[dict[str, Any]] | None = None,
    login: str | None = None,
    password: str | None = None,
    token: str | None = None,
    ledger: Path | None = None,
    strict: bool = False,
    language: str = "en",
    clock: Callable[[], float] = time,
    tell: Callable[[str], None] = _keep_quiet,
) -> Iterator[RunningSimulator]:
    """Run a simulator in a thread of this process for the length of a `with` block.

    Raises: PlanError, ListenError, JournalError.
    """
    access = Access(login, password, token)
    options = Options(host, port, parse_plan(faults or []), access, ledger, strict, language, clock, tell)
    running = RunningSimulator(options)
    try:
        yield running
    finally:
        running.stop()


def _run(options: Options, started: Future[tuple[AbstractEventLoop, Event, Service, str]]) -> None:
    async def run() -> None:
        stopped = Event()
        async with listening(options) as (service, url):
            started.set_result((get_running_loop(), stopped, service, url))
            await stopped.wait()

    try:
        with Runner() as runner:
            runner.run(run())
    except Exception as error:
        if started.done():
            raise
        started.set_exception(error)
