"""Which entry of a reply belongs to which line of the document: by number alone, whatever the order."""

from collections.abc import Sequence
from dataclasses import dataclass

from worker.core.messages import Line, Meaning, Reply, ReplyEntry

ACCEPTANCES = frozenset({Meaning.ACCEPTED, Meaning.HELD, Meaning.ALREADY_SENT})
REFUSALS = frozenset({Meaning.RECIPIENT, Meaning.STOP_LISTED, Meaning.MESSAGE, Meaning.DOCUMENT})


@dataclass(frozen=True, slots=True)
class Answers:
    """The entry of each line that has one, by number; `remarks` says what was odd about it.

    `foreign_count`: entries that belong to nobody of this document.
    """

    entries: dict[int, ReplyEntry]
    remarks: dict[int, str]
    foreign_count: int


def match(lines: Sequence[Line], reply: Reply) -> Answers:
    """Give every line its entry. Source: protocol.md 5 and 6."""
    numbers = [line.number for line in lines]
    if [entry.number for entry in reply.entries] == numbers:  # nearly always
        return Answers(dict(zip(numbers, reply.entries, strict=True)), {}, 0)
    known = set(numbers)
    found: dict[int, list[ReplyEntry]] = {}
    foreign: list[ReplyEntry] = []
    for entry in reply.entries:
        if entry.number is not None and entry.number in known:
            found.setdefault(entry.number, []).append(entry)
        else:
            foreign.append(entry)
    if len(lines) == len(reply.entries) == len(foreign) == 1:
        found[lines[0].number] = [foreign.pop()]  # one was asked, one was answered: whatever its number, it is ours
    entries: dict[int, ReplyEntry] = {}
    remarks: dict[int, str] = {}
    for number, candidates in found.items():
        entries[number] = candidates[0] if len(candidates) == 1 else min(candidates, key=_rank)
        if len(candidates) > 1 and (remark := _conflict(candidates)):
            remarks[number] = remark
    return Answers(entries, remarks, len(foreign))


def _rank(entry: ReplyEntry) -> int:
    """Order the answers to one line by what they let us do: an acceptance is a fact, a refusal must be sure."""
    if entry.meaning in ACCEPTANCES:
        return 0 if entry.provider_message_id else 1
    if entry.meaning is Meaning.UNSEEN and entry.provider_message_id:
        return 2
    return 4 if entry.meaning in REFUSALS else 3


def _conflict(candidates: list[ReplyEntry]) -> str | None:
    """Say how several answers to one line differ, None if they do not."""
    ids = {entry.provider_message_id for entry in candidates if entry.provider_message_id}
    if len(ids) > 1:
        return f"the reply has {len(candidates)} entries for it, with different ids: {', '.join(sorted(ids))}"
    if len({entry.meaning for entry in candidates}) > 1:
        return f"the reply has {len(candidates)} entries for it that contradict each other"
    return None
