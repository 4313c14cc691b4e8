"""How signals stop a worker: claims end at once, whatever Celery does then, and an impatient signal hangs nothing.

Celery's handlers take locks that are not made for a second signal in the middle of the first, tell of a cold shutdown
only when it is over, and leave SIGTERM deadly in the children of its pool. A stop of the whole service (systemd, `kill
-- -group`) sends it to them too, a cold shutdown to each: dying in a POST would leave a doubt that costs minutes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from signal import (
    SIG_BLOCK,
    SIG_SETMASK,
    SIGINT,
    SIGQUIT,
    SIGTERM,
    getsignal,
    pthread_sigmask,
    signal,
    sigpending,
)
from threading import current_thread, main_thread
from types import FrameType
from typing import Any


class Stop:
    """Stops claiming and hands a signal on to Celery, one at a time."""

    def __init__(self, stop_claiming: Callable[[], None], warm: Any, cold: Any) -> None:
        self._stop_claiming = stop_claiming
        self._warm = warm
        self._cold = cold
        self._is_busy = False

    def gently(self, number: int, frame: FrameType | None) -> None:
        """Let Celery finish its tasks; a further Ctrl-C is less patient."""
        self._hand_on(self._warm, number, frame)
        if number == SIGINT:
            signal(SIGINT, self.at_once)

    def at_once(self, number: int, frame: FrameType | None) -> None:
        """Let Celery end its tasks; what is in a POST is recorded nevertheless."""
        self._hand_on(self._cold, number, frame)

    def _hand_on(self, celery: Any, number: int, frame: FrameType | None) -> None:
        self._stop_claiming()
        if self._is_busy or not callable(celery):
            return
        self._is_busy = True
        try:
            celery(number, frame)
        finally:
            self._is_busy = False


def take_signals(stop_claiming: Callable[[], None]) -> None:
    """Put ourselves before Celery's handlers, once it has set them. Does nothing outside of the main thread."""
    if current_thread() is not main_thread():
        return
    stop = Stop(stop_claiming, warm=getsignal(SIGTERM), cold=getsignal(SIGQUIT))
    signal(SIGTERM, stop.gently)
    signal(SIGINT, stop.gently)
    signal(SIGQUIT, stop.at_once)


@contextmanager
def end_deferred() -> Iterator[None]:
    """Let a SIGTERM that would end this process wait for the end of the block."""
    before = pthread_sigmask(SIG_BLOCK, {SIGTERM})
    try:
        yield
    finally:
        pthread_sigmask(SIG_SETMASK, before)


def end_is_asked_for() -> bool:
    """Say whether a deferred SIGTERM is waiting."""
    return SIGTERM in sigpending()
