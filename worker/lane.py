"""A lane: claim after claim for one account, until nothing is ready or the slice of time is over.

So one message costs little however small the batches are, and every pause and limit is seen before each claim. A
surplus lane ends in a millisecond.
"""

from collections.abc import Callable
from dataclasses import dataclass

from models.work import ClaimRefusal, Refused
from worker.clock import monotonic
from worker.dispatcher import Dispatcher
from worker.logs import bound, log
from worker.settings import LANE_SECONDS

LONGEST_WAIT_SECONDS = 2.0
"""A wait for the rate that is worth staying for; it holds no slot and no lease."""


@dataclass(frozen=True)
class Lane:
    """Works one account for a while. `pause(seconds)` waits and returns early when the process is stopping.

    `confirm` returns why nothing may be sent from this database, or None.
    """

    dispatcher: Dispatcher
    stopping: Callable[[], bool]
    pause: Callable[[float], None]
    confirm: Callable[[], str | None] = lambda: None
    monotonic: Callable[[], float] = monotonic
    slice_seconds: float = LANE_SECONDS

    def run(self, account_id: int) -> bool:
        """Dispatch batches of the account one after another; return whether a successor should go on."""
        ends = self.monotonic() + self.slice_seconds
        first = True
        if self.confirm() is not None:
            return False
        with bound(account_id=account_id):
            while not self.stopping():
                done = self.dispatcher.dispatch(account_id, first_of_lane=first)
                first = False
                if isinstance(done, Refused) and not self._worth_waiting(done):
                    log.debug("lane_ended", why=done.why.value)
                    return False
                if self.monotonic() >= ends:
                    return True
        return True

    def _worth_waiting(self, refused: Refused) -> bool:
        if refused.why is not ClaimRefusal.RATE or refused.wait_seconds is None:
            return False
        if refused.wait_seconds > LONGEST_WAIT_SECONDS:
            return False
        self.pause(refused.wait_seconds)
        return True
