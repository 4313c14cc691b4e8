"""Doing a transaction again while the database's fault may pass, for a bounded time.

For what must not be lost: an answer that the provider has given, the rows of a list that is being imported. Claims and
ticks do not insist; they are asked again anyway.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from models.direct import Direct, direct
from models.session import Sessions, transaction
from worker.clock import jitter, monotonic, pause
from worker.database_faults import find_fault
from worker.logs import log

FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 5.0

T = TypeVar("T")


@dataclass(frozen=True)
class Patience:
    """Until when to try again, on the monotonic clock; the last try is at that moment."""

    ends: float
    monotonic: Callable[[], float] = monotonic
    pause: Callable[[float], None] = pause
    jitter: Callable[[], float] = field(default=jitter)

    @classmethod
    def of(cls, seconds: float) -> "Patience":
        """Return the patience to try for so long from now."""
        return cls(monotonic() + seconds)


def insist(act: Callable[[], T], patience: Patience) -> T:
    """Return what `act` returns; do it again while the database fails with what may pass.

    Raises:
        SQLAlchemyError: what does not pass, at once; what may pass, when the patience has ended.
    """
    wait = FIRST_WAIT_SECONDS
    while True:
        try:
            return act()
        except SQLAlchemyError as error:
            fault = find_fault(error)
            left = patience.ends - patience.monotonic()
            if not fault.passes or left <= 0:
                raise
            log.warning("database_failed", error=fault.words, tries_for_seconds=round(left, 1))
        patience.pause(min(wait * patience.jitter(), left))
        wait = min(2 * wait, LONGEST_WAIT_SECONDS)


def insist_on_writing(
    sessions: Sessions,
    write: Callable[[Session], T],
    is_written: Callable[[Session], bool],
    patience: Patience,
) -> T:
    """Commit `write` once and return what it returned.

    A connection that is lost during the commit leaves open whether it happened: `is_written` is asked, in a transaction
    of its own, before the write is repeated.

    Raises:
        SQLAlchemyError: as `insist`.
    """
    reached: list[T] = []

    def act() -> T:
        if reached:
            with transaction(sessions) as session:
                if is_written(session):
                    return reached[-1]
        with transaction(sessions) as session:
            written = write(session)
            reached.append(written)
        return written

    return insist(act, patience)


def insist_on_stating(
    sessions: Sessions,
    state: Callable[[Direct], T],
    written: Callable[[], T],
    is_written: Callable[[Session], bool],
    patience: Patience,
) -> T:
    """Execute `state`, at most one statement, which commits itself; return what it returned.

    A connection that is lost meanwhile leaves open whether it happened: `is_written` is asked before it is repeated,
    and `written` says what is returned then.

    Raises:
        SQLAlchemyError: as `insist`.
    """
    stated = False

    def act() -> T:
        nonlocal stated
        repeated, stated = stated, True
        if repeated and was_written():
            return written()
        with direct(sessions) as connection:
            done = state(connection)
        # The first one may have gone on without us until now.
        return written() if done is None and repeated and was_written() else done

    def was_written() -> bool:
        with transaction(sessions) as session:
            return is_written(session)

    return insist(act, patience)
