"""Waking: publishes ticks, lanes and occurrences. A message is a hint; losing it changes nothing, so failing is silent.

Whoever publishes has committed before. Messages expire in the queue, so that a pool that is busy for an hour does not
find an hour's worth of them.
"""

from typing import Any

from celery import Celery
from kombu.exceptions import OperationalError

from worker.logs import log

TICK = "bulkpost.tick"
LANE = "bulkpost.lane"
OCCURRENCE = "bulkpost.occurrence"
ENQUEUE = "bulkpost.enqueue_campaign"
"""Not a hint: what other applications send by name."""
WEBHOOKS = "bulkpost.webhooks"
EXPIRES_SECONDS = 60.0


class Wake:
    """Publishes hints on one Celery application."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def tick(self) -> bool:
        """Ask for a tick now, because work was just committed; return whether the broker took it."""
        return self._publish(TICK)

    def lane(self, account_id: int) -> bool:
        """Ask for one lane of an account; return whether the broker took it."""
        return self._publish(LANE, account_id)

    def lanes(self, wanted: dict[int, int]) -> None:
        """Ask for several lanes of several accounts."""
        for account_id, count in wanted.items():
            for _ in range(count):
                if not self.lane(account_id):
                    return

    def occurrences(self, schedule_ids: list[int]) -> None:
        """Ask for the campaigns of schedules' occurrences."""
        for schedule_id in schedule_ids:
            if not self._publish(OCCURRENCE, schedule_id):
                return

    def webhooks(self) -> None:
        """Ask for somebody to tell webhooks what waits for them."""
        self._publish(WEBHOOKS)

    def _publish(self, task: str, *arguments: Any) -> bool:
        try:
            self._app.send_task(task, args=arguments, expires=EXPIRES_SECONDS, retry=False, ignore_result=True)
        except (OperationalError, OSError) as error:
            log.warning("hint_not_published", task=task, error=type(error).__name__)
            return False
        return True
