"""How long a batch waits before it is posted again. Durations in, a duration out; the clock is elsewhere."""

from worker.core.messages import Pace

CEILING_SECONDS = 3600.0
"""Beyond an hour a longer wait protects nobody any more."""

RETRY_AFTER_CEILING_SECONDS = 86_400.0
"""A provider that asks for more than a day means something else."""

PATIENCE = 4
"""Read timeouts that must have passed since the POST began before a document that may be at work goes out again."""


def delay_seconds(attempt: int, base_seconds: float, jitter: float) -> float:
    """Return min(base x 2^(attempt - 1), an hour) x jitter; `attempt` counts from 1, `jitter` is from 1 to 1.5."""
    doublings = min(attempt - 1, 64)  # past the ceiling for any base, and no float overflows
    return min(base_seconds * 2.0**doublings, CEILING_SECONDS) * jitter


def wait_seconds(
    pace: Pace,
    *,
    attempt: int,
    base_seconds: float,
    jitter: float,
    read_timeout_seconds: float,
    since_post_seconds: float,
    retry_after_seconds: float | None = None,
) -> float:
    """Return how long from now a batch waits: the longest of what back-off, provider and patience ask for.

    `attempt` is 1 after the first failure; `since_post_seconds` is the time since the POST began. Source: design.md
    section 5, "Retry".
    """
    if pace is Pace.NOW:
        return 0.0
    waits = [delay_seconds(attempt, base_seconds, jitter)]
    if retry_after_seconds is not None:
        waits.append(min(retry_after_seconds, RETRY_AFTER_CEILING_SECONDS) * jitter)
    if pace is Pace.PATIENT:
        waits.append(PATIENCE * read_timeout_seconds - since_post_seconds)
    return max(waits)
