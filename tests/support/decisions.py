"""Lines, entries and decisions in few words, for the tests of `worker.core`."""

from models.work import RecipientOutcome
from worker.core.decide import decide_reply
from worker.core.messages import Decision, History, Line, Meaning, Reply, ReplyEntry

NEW = History()
DOUBTFUL = History(doubtful=True)
ASKED_TWICE = History(unseen_count=2)


def lines(count: int) -> list[Line]:
    """Lines 1..count of positions 101 and on."""
    return [Line(n, 100 + n, str(79000000000 + n), str(5000000 + n)) for n in range(1, count + 1)]


def entry(
    number: int | None, meaning: Meaning = Meaning.ACCEPTED, id_: str | None = None, text: str | None = None
) -> ReplyEntry:
    if id_ is None and meaning is Meaning.ACCEPTED and number is not None:
        id_ = f"id{number}"
    return ReplyEntry(number, id_ or None, 1, meaning.value if text is None else text, meaning)


def decide(count: int, *entries: ReplyEntry, history: History = NEW, error: Meaning | None = None) -> Decision:
    reply = Reply(entries, f"error: {error}" if error else None, error)
    return decide_reply(lines(count), reply, history)


def by_position(decision: Decision) -> dict[int, RecipientOutcome]:
    return {outcome.position: outcome for outcome in decision.outcomes}
