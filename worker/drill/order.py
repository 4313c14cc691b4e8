"""What a drill is asked to do: how large, for how long, with which faults of the gateway."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from worker.drill.plan import EMBEDDED_DEEDS, Deed

CONNECT_SECONDS, READ_SECONDS, LEASE_SECONDS = 0.5, 1.5, 7.0

FAULTS: tuple[Mapping[str, Any], ...] = (
    {"name": "cut after the charge", "every": 10, "cut": "after"},
    {"name": "502 after the charge", "every": 23, "status": 502, "processed": True},
    {"name": "503 before the charge", "every": 29, "status": 503},
    {"name": "half of the entries missing", "every": 31, "entries": "missing", "from_line": 11},
    {"name": "HTML", "every": 37, "body": "html"},
    {"name": "half of the answer", "every": 41, "cut": "half"},
    {"name": "garbage", "every": 43, "body": "noise", "megabytes": 0.1},
    # Slow in a way that the simulator does not count as open: whoever gave up may post the next document meanwhile.
    {"name": "silent beyond the timeout", "every": 47, "drip_bytes": 40, "drip_seconds": READ_SECONDS + 1},
    {"name": "dripping beyond the deadline", "every": 53, "drip_bytes": 1, "drip_seconds": 0.2},
)
"""What the gateway does wrong all the time: a tenth of the answers are cut, and a fifth fail in every other way."""

STALL_SECONDS = LEASE_SECONDS + 2.0


@dataclass(frozen=True)
class Order:
    """One drill. Times are seconds.

    `deadline_seconds`: how long after the last deed the campaign may take. `application`: what Celery is told to load.
    `embedded`: several `bulkpost up` on SQLite instead of workers, beats, Redis and PostgreSQL.
    """

    seed: int
    recipient_count: int = 2000
    batch_size: int = 20
    max_parallel: int = 4
    worker_count: int = 2
    child_count: int = 2
    beat_count: int = 2
    span_seconds: float = 20.0
    deadline_seconds: float = 150.0
    faults: tuple[Mapping[str, Any], ...] = FAULTS
    delay_seconds: float | None = None
    deeds: tuple[Deed, ...] = tuple(Deed)
    application: str = "worker.drill.thrice"
    embedded: bool = False
    sqlite: bool = False
    is_long: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def on_sqlite(self) -> bool:
        """Whether the database is a SQLite file."""
        return self.sqlite or self.embedded

    @property
    def command(self) -> str:
        """What repeats this drill."""
        options = " --long" if self.is_long else ""
        return f"bulkpost drill --seed {self.seed} --recipients {self.recipient_count}{options}" + (
            " --embedded" if self.embedded else ""
        )

    def variables(self, database_url: str, broker_url: str | None) -> dict[str, str]:
        """Return the whole installation as BULKPOST_ variables; no other ones reach the programs."""
        named = {
            "DATABASE_URL": database_url,
            "CONNECT_TIMEOUT_SECONDS": f"{CONNECT_SECONDS}",
            "READ_TIMEOUT_SECONDS": f"{READ_SECONDS}",
            "LEASE_SECONDS": f"{LEASE_SECONDS}",
            "RETRY_BASE_SECONDS": "0.5",
            "MAX_ATTEMPTS": "50",
            "TICK_SECONDS": "0.5",
            "LOG_FORMAT": "json",
            **({} if broker_url is None else {"BROKER_URL": broker_url}),
            **self.settings,
        }
        return {f"BULKPOST_{name}": value for name, value in named.items()}

    def gateway_plan(self) -> list[Mapping[str, Any]]:
        """Return the simulator's faults, and a delay by which the sending takes about as long as the mischief does.

        What breaks keeps half of the processes from their work, and the faults ask for half of the documents again.
        """
        documents = max(1, self.recipient_count // self.batch_size)
        delay = self.delay_seconds
        if delay is None:
            delay = min(READ_SECONDS / 2, self.span_seconds * self.max_parallel / documents / 2)
        if self.faults is not FAULTS:
            return [*self.faults, {"delay": delay}]
        # The first goes on to the end; the others leave the last stragglers alone, whose waits double every time.
        times = max(3, documents // 40)
        return [FAULTS[0], *({**fault, "times": times} for fault in FAULTS[1:]), {"delay": round(delay, 3)}]


def an_order(seed: int, *, long: bool = False, embedded: bool = False, count: int | None = None) -> Order:
    """Return the order of the command: a minute, or with `long` several."""
    order = Order(seed, embedded=embedded, deeds=EMBEDDED_DEEDS if embedded else tuple(Deed))
    if long:
        order = replace(order, is_long=True, recipient_count=20_000, batch_size=50, span_seconds=180.0)
    return order if count is None else replace(order, recipient_count=count)
