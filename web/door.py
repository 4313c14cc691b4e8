"""What the HTTP door holds while it is open: the installation, its limits, and how it wakes whoever sends."""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from models.ledger.http_requests import forget_answers
from models.session import transaction
from worker.clock import monotonic
from worker.runtime import Runtime

FORGET_EVERY_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request, one key and one process may ask for."""

    inline_recipients: int = 10_000
    body_bytes: int = 8 * 1024 * 1024
    body_seconds: float = 30.0
    upload_bytes: int = 512 * 1024 * 1024
    upload_seconds: float = 1_800.0
    uploads_at_once: int = 2
    threads: int = 8
    per_second: float = 50.0
    """Requests of one key in this process; twice as many may come at once."""
    requests_at_once: int = 200
    head_seconds: float = 10.0
    """The longest that a request's head may take from the connection, or from its first byte where one was answered."""
    waiting_connections: int = 500
    """Connections that ask nothing; the oldest makes room for a newer one, before the process has no files left."""


class Buckets:
    """A token bucket for each key, in this process alone."""

    def __init__(self, per_second: float, clock: Callable[[], float] = monotonic) -> None:
        self._rate = per_second
        self._most = 2 * per_second
        self._clock = clock
        self._left: dict[int, tuple[float, float]] = {}
        self._lock = Lock()

    def wait_for(self, key_id: int) -> float:
        """Take one token; return 0, or in how many seconds there is one again."""
        with self._lock:
            now = self._clock()
            left, since = self._left.get(key_id, (self._most, now))
            left = min(self._most, left + (now - since) * self._rate)
            if left < 1:
                self._left[key_id] = (left, now)
                return (1 - left) / self._rate
            self._left[key_id] = (left - 1, now)
            return 0.0


@dataclass
class Door:
    """One process's HTTP door."""

    runtime: Runtime
    wake: Callable[[], object] = lambda: None
    limits: Limits = field(default_factory=Limits)
    buckets: Buckets = field(init=False)
    _forgot_at: float = field(default=float("-inf"), init=False)

    def __post_init__(self) -> None:
        """Give every key its bucket."""
        self.buckets = Buckets(self.limits.per_second)

    def tidy(self) -> None:
        """Forget old answers to repeated requests, now and then."""
        now = monotonic()
        if now - self._forgot_at >= FORGET_EVERY_SECONDS:
            self._forgot_at = now
            with transaction(self.runtime.sessions) as session:
                forget_answers(session)
