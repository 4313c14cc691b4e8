"""Deeds that stop at their steps, so that a test can put those of several processes into any order."""

from collections.abc import Callable, Container
from threading import Semaphore, Thread

from tests.support.driving import Step

PATIENCE_SECONDS = 60.0


class _Killed(BaseException):
    """Raised inside a deed that never goes on: as if its process had died there."""


class Stepped:
    """One deed in a thread of its own that stands still at each of `steps` until it is told to go on.

    Only one thread runs at any time: the caller waits for the next stop. So the same calls give the same result.
    """

    def __init__(self, deed: Callable[[Step], object], steps: Container[str]) -> None:
        self.step: str | None = None
        self.result: object = None
        self._deed, self._steps = deed, steps
        self._failure: BaseException | None = None
        self._dead = False
        self._turn, self._stopped = Semaphore(0), Semaphore(0)
        self.thread = Thread(target=self._run, daemon=True)
        self.thread.start()
        self.go_on()

    def go_on(self) -> None:
        """Run to the next stop, which is then in `step`, or to the end, and `step` is None.

        Raises: whatever the deed raises.
        """
        self.step = None
        self._turn.release()
        assert self._stopped.acquire(timeout=PATIENCE_SECONDS), "the deed waits for somebody who stands still"
        if self._failure is not None:
            raise self._failure

    def die(self) -> None:
        """Never go on."""
        self._dead = True
        self.go_on()
        self.thread.join()

    def _run(self) -> None:
        self._turn.acquire()
        try:
            self.result = self._deed(self._at)
        except _Killed:
            pass
        except BaseException as failure:  # noqa: BLE001 - whoever waits raises it
            self._failure = failure
        self._stopped.release()

    def _at(self, step: str) -> None:
        if step not in self._steps:
            return
        self.step = step
        self._stopped.release()
        self._turn.acquire()
        if self._dead:
            raise _Killed
