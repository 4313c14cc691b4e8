"""What is to be measured."""

from dataclasses import dataclass

TEXT = 'Магазин "Север" & Ко: скидка 20% до пятницы <только для вас>'
PERSONAL_TEXT = '{name}, в магазине "Север" & Ко вас ждёт скидка 20%'
"""Both fit into one segment, and hold what XML must escape."""
SENDER = "Shop"

PRODUCT = "product"
FLOOR = "floor"
NAIVE_ONE = "naive_one"
NAIVE_TWO = "naive_two"
COMPETENT = "naive_two_competent"
PEERS = (NAIVE_ONE, NAIVE_TWO, COMPETENT)
PEER_RECIPIENTS = {NAIVE_ONE: 3_000, NAIVE_TWO: 5_000, COMPETENT: 20_000}
"""Peers are slow: the first so many of the list are enough for their rate."""
HURRY = 5
PEER_BATCH = 100


@dataclass(frozen=True, slots=True)
class Order:
    """One table of the benchmark. `threads` are per process; a gateway answers after `latency_ms`."""

    recipients: int = 100_000
    batch_size: int = 1_000
    rounds: int = 3
    personalised: bool = False
    embedded: bool = False
    latency_ms: int = 0
    processes: int = 2
    threads: int = 1
    peers: bool = True
    hurried: bool = False
    """Fewer recipients for the peers: their rate is less certain then."""

    @property
    def in_flight(self) -> int:
        """Documents that may be in flight at once."""
        return self.processes * self.threads

    @property
    def max_parallel(self) -> int:
        """The account's limit: the default, or one for every lane."""
        return max(2, self.in_flight)

    @property
    def up_threads(self) -> int:
        """Threads of `bulkpost up`: the default, or one for every lane and one more."""
        return max(8, self.in_flight + 1)

    @property
    def contestants(self) -> tuple[str, ...]:
        """Who runs, in the order of a round."""
        return (FLOOR, PRODUCT, *(PEERS if self.peers and not self.embedded else ()))

    def count(self, contestant: str) -> int:
        """Return to how many recipients of the list a contestant sends."""
        enough = PEER_RECIPIENTS.get(contestant, self.recipients)
        return min(self.recipients, enough // HURRY if self.hurried else enough)

    def brief(self) -> str:
        """Say in a few words which order it is, beside others."""
        own = {
            "SQLite": self.embedded,
            "personalised": self.personalised,
            f"by {self.batch_size:,}": self.batch_size != 1_000,
            f"{self.latency_ms} ms": self.latency_ms > 0,
        }
        return ", ".join([f"{self.recipients:,}", *(words for words, there in own.items() if there)])

    def describe(self) -> str:
        """Say in a line what is measured."""
        return f"{self.recipients:,} recipients, documents of {self.batch_size:,}, {self.conditions()}"

    def conditions(self) -> str:
        """Say what is measured but for the sizes."""
        text = "personalised text" if self.personalised else "one text"
        where = "SQLite, one process" if self.embedded else f"PostgreSQL and Redis, {self._lanes()}"
        late = f", a gateway that takes {self.latency_ms} ms" if self.latency_ms else ""
        return f"{text}; {where}{late}"

    def _lanes(self) -> str:
        processes = f"{self.processes} processes"
        return processes if self.threads == 1 else f"{processes} of {self.threads} threads"
