"""Everything in one process: Celery with a pool of threads in the main thread, the scheduler in a thread of its own.

The same tasks as in production. On `memory://` no server is needed; with a broker URL that broker is used.
"""

import warnings
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from celery import signals
from celery.platforms import SecurityWarning
from celery.worker import state
from sqlalchemy.exc import SQLAlchemyError

from models.ledger.inbox import is_anything_waiting
from models.ledger.occurrences import is_any_due
from models.ledger.telling import is_telling
from models.ledger.unfinished import unfinished
from models.session import reading
from worker import celery as composition
from worker.database_faults import find_fault
from worker.errors import ConfigurationError
from worker.logs import log
from worker.runtime import Runtime, is_stopping, rest, stop_claiming, use_runtime
from worker.wake import Wake

THREADS = 8
"""Tasks at once; each lane takes one while it runs, and an account has two lanes by default."""

MOST_FAILURES = 30
"""Ticks in a row that may fail before `until_idle` gives up: idleness can never be seen then."""


@dataclass(frozen=True)
class Embedded:
    """One process that schedules and sends until it is told to stop."""

    runtime: Runtime
    threads: int = THREADS
    until_idle: bool = False

    def run(self) -> None:
        """Work until SIGTERM, Ctrl-C or (`until_idle`) until nothing is left to do; then drain and return.

        Raises:
            ConfigurationError: the broker does not answer.
        """
        use_runtime(self.runtime)
        # Celery warns of root because its pickles could run code; ours are JSON, and a container's user is often root.
        warnings.filterwarnings("ignore", category=SecurityWarning)
        app = composition.configure(self.runtime.settings)
        problem = composition.broker_problem(app)
        if problem is not None:
            raise ConfigurationError(f"{problem}: start it, or unset BULKPOST_BROKER_URL to run without one")
        scheduler = ThreadPoolExecutor(1, thread_name_prefix="scheduler")
        ticking: list[Future[None]] = []
        state.should_stop = None

        def begin(**_facts: Any) -> None:
            ticking.append(scheduler.submit(self._tick, Wake(app)))

        signals.worker_ready.connect(begin, weak=False)
        worker = app.Worker(
            pool="threads",
            concurrency=self.threads,
            quiet=True,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
            loglevel=self.runtime.settings.log_level,
        )
        try:
            worker.start()
        finally:
            signals.worker_ready.disconnect(begin)
            stop_claiming()
            scheduler.shutdown()
        for done in ticking:
            done.result()

    def _tick(self, wake: Wake) -> None:
        scheduler = self.runtime.scheduler()
        failures = 0
        try:
            while not is_stopping():
                try:
                    scheduler.tick(wake.lanes)
                    wake.occurrences(scheduler.occurrences())
                    if scheduler.has_something_to_tell():
                        wake.webhooks()
                    if self.until_idle and self._is_idle():
                        return
                    failures = 0
                except SQLAlchemyError as error:
                    log.error("tick_failed", error=find_fault(error).words)
                    failures += 1
                    if self.until_idle and failures >= MOST_FAILURES:
                        raise
                rest(self.runtime.settings.tick_seconds)
        finally:
            # Also after an error of ours: a process that schedules nothing must not look as if it were well.
            state.should_stop = 0
            # Celery looks at that between two waits for messages of two seconds each: give it messages.
            wake.tick()
            wake.tick()

    def _is_idle(self) -> bool:
        with reading(self.runtime.sessions) as session:
            left = unfinished(session) or is_any_due(session) or is_anything_waiting(session) or is_telling(session)
            return self.runtime.stop_file.is_there() or not left
