"""What a drill found, and which promises that breaks. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from models.ledger.prove import Breach

CLAIM = (
    "kill any process at any moment, lose every broker message, cut every tenth answer: each recipient is charged once"
)


@dataclass(frozen=True, slots=True)
class Done:
    """One deed as it was done: seconds since the first document, what, and to whom."""

    at_seconds: float
    deed: str
    what: str


@dataclass(frozen=True, slots=True)
class Found:
    """The facts after the drill: of the campaign, of the simulator, of the attempts on record, of the proof."""

    status: str
    counts: Mapping[str, int]
    waiting_for: str | None
    parallel_limit: int
    attempt_count: int
    counters: Mapping[str, int]
    charged_phones: Counter[str] = field(repr=False)
    breaches: tuple[Breach, ...] = ()


def find_broken(found: Found) -> tuple[Breach, ...]:
    """Return every promise that is broken, with what shows it."""
    return (*found.breaches, *_unfinished(found), *_unsent(found), *_twice(found), *_gateway(found))


def _unfinished(found: Found) -> Iterable[Breach]:
    if found.status == "finished":
        return
    pending = found.counts.get("pending", 0)
    waits = f", waiting for {found.waiting_for}" if found.waiting_for else ""
    finding = f"the campaign is {found.status} long after the last deed, {pending:,} pending{waits}"
    yield Breach("P7", finding)
    if pending:
        yield Breach("P2", f"{pending:,} recipients were never sent to")


def _unsent(found: Found) -> Iterable[Breach]:
    # The gateway refuses nobody in a drill, and is asked until it answers.
    if count := found.counts.get("rejected", 0):
        yield Breach("P3", f"{count:,} are recorded as rejected, and the gateway refused nobody")
    lost = sum(found.counts.get(status, 0) for status in ("unknown", "cancelled", "skipped"))
    if lost:
        yield Breach("P2", f"{lost:,} ended without an answer, and the gateway would have given one")


def _twice(found: Found) -> Iterable[Breach]:
    several = {phone: times for phone, times in found.charged_phones.items() if times > 1}
    if several:
        most = max(several.values())
        yield Breach("P1", f"{len(several):,} people were charged more than once, up to {most} times")
    if conflicts := found.counters.get("conflicts", 0):
        yield Breach("P1", f"{conflicts:,} keys were used again for another number or text")


def _gateway(found: Found) -> Iterable[Breach]:
    most = found.counters.get("parallel_high_water", 0)
    if most > found.parallel_limit:
        yield Breach("P9", f"the gateway saw {most} POSTs at once, the limit is {found.parallel_limit}")
    documents = found.counters.get("documents", 0)
    if documents > found.attempt_count:
        yield Breach(
            "P2",
            f"the gateway saw {documents:,} documents, {found.attempt_count:,} were claimed: hints alone cause POSTs",
        )
