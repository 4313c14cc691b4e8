"""What an installation of many hosts needs, as arithmetic.

`python -m worker.bench.scaling` prints the table of docs/scaling.md, which says how the constants were measured: on one
machine of two cores. A plan that is out by a third is as good as they are.
"""

import sys
from dataclasses import dataclass

DAY_SECONDS = 86_400
WORKER_MS_PER_DOCUMENT, WORKER_US_PER_RECIPIENT = 2.0, 3.0
"""CPU of a worker."""
DATABASE_MS_PER_DOCUMENT, DATABASE_US_PER_RECIPIENT = 1.4, 4.1
"""CPU of PostgreSQL."""
HELD_MS, ROUND_TRIPS_HELD = 1.2, 3
"""How long one claim holds the account's row where the database is on the same host, and what the network adds to."""
COMMITS_PER_DOCUMENT = 2
RECIPIENT_BYTES, OUTCOME_BYTES, ATTEMPT_BYTES_PER_RECIPIENT, BATCH_BYTES = 84, 181, 11, 1_060
"""On disk, with indexes; the stored reply is compressed."""
WAL_BYTES = 108 + 306
"""Per recipient: the import's and the sending's."""
RECIPIENT_INDEX_BYTES, OUTCOME_INDEX_BYTES = 32, 63


@dataclass(frozen=True, slots=True)
class Load:
    """What is to be sent in a day, in how many hours of it, in documents of which size, to which provider."""

    recipients: int = 100_000_000
    hours: float = 8
    batch_size: int = 100
    latency_seconds: float = 0.1
    max_parallel: int = 2
    round_trip_ms: float = 0.5

    @property
    def per_second(self) -> float:
        """Recipients a second while it is sent."""
        return self.recipients / self.hours / 3600

    @property
    def documents_per_second(self) -> float:
        """Documents a second while it is sent."""
        return self.per_second / self.batch_size

    @property
    def worker_cores(self) -> float:
        """Cores that the workers keep busy."""
        return self._cores(WORKER_MS_PER_DOCUMENT, WORKER_US_PER_RECIPIENT)

    @property
    def database_cores(self) -> float:
        """Cores that PostgreSQL keeps busy."""
        return self._cores(DATABASE_MS_PER_DOCUMENT, DATABASE_US_PER_RECIPIENT)

    def _cores(self, document_ms: float, recipient_us: float) -> float:
        return self.documents_per_second * document_ms / 1e3 + self.per_second * recipient_us / 1e6

    @property
    def claims_per_second(self) -> float:
        """Claims that the row of one account allows."""
        return 1000 / (HELD_MS + ROUND_TRIPS_HELD * self.round_trip_ms)

    @property
    def row_per_second(self) -> float:
        """Recipients a second that the row of one account allows."""
        return self.claims_per_second * self.batch_size

    @property
    def gateway_per_second(self) -> float:
        """Recipients a second that the provider allows one account."""
        return self.max_parallel * self.batch_size / self.latency_seconds

    @property
    def lanes(self) -> float:
        """Lanes, and so connections, that must be at work at once."""
        own_seconds = (WORKER_MS_PER_DOCUMENT + DATABASE_MS_PER_DOCUMENT) / 1e3
        own_seconds += self.batch_size * (WORKER_US_PER_RECIPIENT + DATABASE_US_PER_RECIPIENT) / 1e6
        return self.documents_per_second * (self.latency_seconds + own_seconds)

    @property
    def accounts(self) -> float:
        """Accounts that the provider's limit, or the row, makes necessary."""
        return self.per_second / min(self.gateway_per_second, self.row_per_second)

    @property
    def commits_per_day(self) -> float:
        """Transactions that write, a day."""
        return self.recipients / self.batch_size * COMMITS_PER_DOCUMENT

    @property
    def disk_gb_per_day(self) -> float:
        """Growth of the tables in a day."""
        each = RECIPIENT_BYTES + OUTCOME_BYTES + ATTEMPT_BYTES_PER_RECIPIENT + BATCH_BYTES / self.batch_size
        return self.recipients * each / 1e9

    @property
    def index_gb_per_month(self) -> float:
        """Of it, indexes of recipients and outcomes, in thirty days."""
        return 30 * self.recipients * (RECIPIENT_INDEX_BYTES + OUTCOME_INDEX_BYTES) / 1e9

    @property
    def wal_gb_per_day(self) -> float:
        """What a replica and an archive take in a day, without full pages."""
        return self.recipients * WAL_BYTES / 1e9


ROWS = {
    "recipients a second": "{0.per_second:,.0f}",
    "documents a second": "{0.documents_per_second:,.1f}",
    "cores of workers": "{0.worker_cores:.2f}",
    "cores of the database": "{0.database_cores:.2f}",
    "lanes, each with a connection": "{0.lanes:,.1f}",
    "one account: the provider's limit, recipients a second": "{0.gateway_per_second:,.0f}",
    "one account: its row, claims a second": "{0.claims_per_second:,.0f}",
    "one account: its row, recipients a second": "{0.row_per_second:,.0f}",
    "accounts that are needed": "{0.accounts:,.1f}",
    "commits a day": "{0.commits_per_day:,.0f}",
    "growth of the tables, GB a day": "{0.disk_gb_per_day:,.1f}",
    "indexes, GB in thirty days": "{0.index_gb_per_month:,.0f}",
    "WAL, GB a day": "{0.wal_gb_per_day:,.1f}",
}
LOADS = {
    "100 million in 8 hours, documents of 100": Load(),
    "the same, documents of 1,000": Load(batch_size=1_000),
    "100 million in one hour, documents of 1,000, 16 at once": Load(hours=1, batch_size=1_000, max_parallel=16),
    "a billion in one hour, documents of 100, 16 at once": Load(1_000_000_000, hours=1, max_parallel=16),
}


def table() -> str:
    """Return the loads as a table of Markdown."""
    lines = ["| | " + " | ".join(LOADS) + " |", "|---|" + "---:|" * len(LOADS)]
    lines += [
        f"| {name} | " + " | ".join(shown.format(load) for load in LOADS.values()) + " |"
        for name, shown in ROWS.items()
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(table())
