"""The process's own clocks. The database's time is `models.session.database_clock`; these only measure spans."""

import random
import time
from datetime import UTC, datetime


def monotonic() -> float:
    """Return seconds that never go back; only differences mean anything."""
    return time.monotonic()


def pause(seconds: float) -> None:
    """Wait, whatever happens meanwhile."""
    time.sleep(seconds)


def utc_now() -> datetime:
    """Return this host's wall clock, for showing things to people; never compared with a lease."""
    return datetime.now(UTC)


def jitter() -> float:
    """Return a factor between 1 and 1.5 that spreads retries."""
    return random.uniform(1.0, 1.5)
