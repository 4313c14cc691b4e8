"""One document on its way, and what befalls the database at each step of it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import make_url, select
from sqlalchemy.orm import Session

from models.attempt import Attempt
from models.ledger.record import Recorded
from models.ledger.report import show
from models.session import Clock, database_clock, reading
from tests.support.driving import a_runtime, create
from worker.dispatcher import Dispatcher
from worker.proof import prove
from worker.runtime import Runtime
from worker.scheduler import Scheduler
from worker.simulator.running import RunningSimulator, running_simulator

COUNT = 30
Act = Callable[[], None]


@contextmanager
def one_batch(database_url: str) -> Iterator[tuple[Runtime, RunningSimulator]]:
    """Plan a campaign of one document."""
    with running_simulator() as simulator, a_runtime(database_url, simulator.url) as runtime:
        create(runtime, COUNT)
        Scheduler(runtime.settings, runtime.sessions).tick()
        yield runtime, simulator


def plain(database_url: str) -> str:
    """Return the URL as the driver itself reads it."""
    return make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)


def never(_seconds: float) -> None:
    raise AssertionError("nothing was to be tried again")


def nothing() -> None:
    pass


def once(act: Act) -> Callable[[float], None]:
    """Return a pause in which something happens instead of time going by."""
    return lambda _seconds: act()


def dispatch(
    runtime: Runtime,
    *,
    at: Mapping[str, Act] | None = None,
    pause: Callable[[float], None] = never,
    clock: Clock = database_clock,
) -> Recorded:
    """Take the batch through its life; `at` says what befalls it after which step."""
    steps = dict(at or {})
    dispatcher = Dispatcher(
        runtime.settings,
        runtime.sessions,
        runtime.gateway,
        clock=clock,
        pause=pause,
        at=lambda step: steps.pop(step, nothing)(),
    )
    done = dispatcher.dispatch(1)
    assert isinstance(done, Recorded), done
    return done


def everybody_has_one_answer(runtime: Runtime, simulator: RunningSimulator) -> None:
    """There was one POST; its answer is recorded as such, and counted once."""
    assert simulator.counters()["documents"] == 1
    with reading(runtime.sessions) as session:
        (attempt,) = session.execute(select(Attempt)).scalars()
        assert (str(attempt.outcome), "lost" in str(attempt.explanation)) == ("answered", False)
        assert show(session, 1)["counts"]["accepted"] == COUNT
    assert simulator.ledger()["charged"] == COUNT
    assert prove(runtime.sessions).breaches == ()


class Trouble:
    """A clock in whose reading, once, under record's locks, something happens in record's own transaction."""

    def __init__(self, happens: Callable[[Session], object]) -> None:
        self._happens = happens
        self.is_due = False

    def __call__(self, session: Session) -> datetime:
        if self.is_due:
            self.is_due = False
            self._happens(session)
        return database_clock(session)

    def fall_due(self) -> None:
        self.is_due = True
