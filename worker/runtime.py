"""What one process holds: settings, database, gateway, and whether it is stopping. Built once, after the fork."""

import os
import threading
from dataclasses import dataclass
from functools import cached_property
from multiprocessing.sharedctypes import RawValue
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from models.session import Sessions, open_engine, open_sessions
from worker.scheduler import Scheduler
from worker.settings import Settings, load_settings
from worker.stop_file import StopFile
from worker.stopping import end_is_asked_for
from worker.witness import Watch, open_witness

if TYPE_CHECKING:
    from worker.dispatcher import Dispatcher
    from worker.gateway.client import Gateway
    from worker.lane import Lane
    from worker.schedules import Maker
    from worker.webhooks.sender import Sender

MOST_CONNECTIONS = 256
"""Connections of one process, kept once a thread has needed them: as many as `bulkpost up` may have threads.

Beyond what a pool keeps, every transaction would connect anew: five are kept by default, and a prefork child uses one.
"""

_PAUSE_STEP_SECONDS = 0.1
_stopping = RawValue("b", 0)
"""Shared with forked children without a lock: a child killed while it looks must not hold the others up."""


def stop_claiming() -> None:
    """Let this process and its children finish what is in flight and claim nothing more."""
    _stopping.value = 1


def is_stopping() -> bool:
    """Say whether claims are over: for all, or for this process, whose end is deferred until it has recorded."""
    return bool(_stopping.value) or end_is_asked_for()


def claim_again() -> None:
    """Undo `stop_claiming`: a new worker starts in this process."""
    _stopping.value = 0


@dataclass(frozen=True)
class Runtime:
    """The connections of one process."""

    settings: Settings
    engine: Engine
    sessions: Sessions
    watch: Watch
    stop_file: StopFile

    @cached_property
    def gateway(self) -> "Gateway":
        """What posts documents, made when it is first asked for."""
        # Here, as whatever else only some processes need: the main process of a pool posts nothing.
        from worker.gateway.client import Gateway

        return Gateway()

    def dispatcher(self) -> "Dispatcher":
        """Return the worker of single batches."""
        from worker.dispatcher import Dispatcher

        stopped = self.stop_file.is_there
        return Dispatcher(self.settings, self.sessions, self.gateway, saw=self.watch.saw, stopped=stopped)

    def lane(self) -> "Lane":
        """Return the worker of one account."""
        from worker.lane import Lane

        return Lane(self.dispatcher(), is_stopping, rest, self.watch.confirm)

    def scheduler(self) -> Scheduler:
        """Return the maker of ticks."""
        return Scheduler(self.settings, self.sessions, self.watch.confirm)

    def maker(self) -> "Maker":
        """Return the maker of schedules' campaigns."""
        from worker.schedules import Maker

        return Maker(self.settings, self.sessions, is_stopping, self.watch.confirm)

    def sender(self) -> "Sender":
        """Return the teller of webhooks."""
        from worker.webhooks.sender import Sender

        return Sender(self.settings, self.sessions, is_stopping, self.watch.confirm)

    def close(self) -> None:
        """Give all connections back."""
        if "gateway" in vars(self):
            self.gateway.close()
        self.engine.dispose()


def open_runtime(settings: Settings) -> Runtime:
    """Build a runtime; opens no connection yet."""
    engine = open_engine(settings.database_url, pool_size=MOST_CONNECTIONS)
    sessions = open_sessions(engine)
    watch = Watch(sessions, open_witness(settings))
    return Runtime(settings, engine, sessions, watch, StopFile(settings.stop_file))


_made: dict[int, Runtime] = {}
_making = threading.Lock()


def runtime() -> Runtime:
    """Return this process's runtime; a forked child makes its own, and leaves its parent's connections alone."""
    pid = os.getpid()
    with _making:
        if pid not in _made:
            _made.clear()
            _made[pid] = open_runtime(load_settings())
        return _made[pid]


def use_runtime(given: Runtime) -> None:
    """Make `given` this process's runtime: embedded, demo, tests."""
    _made.clear()
    _made[os.getpid()] = given


def rest(seconds: float) -> None:
    """Wait, but not past the order to stop."""
    waiting = threading.Event()
    while seconds > 0 and not is_stopping():
        waiting.wait(min(seconds, _PAUSE_STEP_SECONDS))
        seconds -= _PAUSE_STEP_SECONDS
