"""Which rules of the plan fire for a request, and for which of its lines."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from random import Random
from typing import NamedTuple

from worker.simulator.ledger import Ledger
from worker.simulator.plan import Plan
from worker.simulator.rule import Rule


@dataclass(slots=True)
class Arrival:
    """One request as far as the plan is concerned. `candidates` passed what can be decided before the body is there."""

    faults: "Faults"
    candidates: list["_Armed"]


class Subject(NamedTuple):
    """What the request turned out to be. Columns: its lines, or the messages that state.php is asked for."""

    body: bytes
    account: str = ""
    phones: Sequence[str] = ()
    keys: Sequence[str] = ()
    texts: Sequence[str] = ()
    has_unknown_ids: bool = False


class Fired(NamedTuple):
    """A rule that fired, and the indexes of the lines it is about.

    `shared_rows`: account to the ledger row that a rule with `same_id` answers with; lives as long as the plan.
    """

    ordinal: int
    rule: Rule
    lines: Collection[int]
    shared_rows: dict[str, int]


class Faults:
    """A plan at work: counts requests and firings from the moment it was set."""

    def __init__(self, plan: Plan, ledger: Ledger) -> None:
        self.plan = plan
        self.charged_before = len(ledger)
        self._armed = [_Armed(rule, ordinal) for ordinal, rule in enumerate(plan, 1)]
        self._ledger = ledger
        self._requests: Counter[str] = Counter()
        self._seen_at: dict[bytes, float] = {}
        self._remembers_bodies = any(rule.identical_within is not None for rule in plan)

    @property
    def fired(self) -> list[int]:
        """How often each rule of the plan fired."""
        return [armed.fired for armed in self._armed]

    def arrive(self, path: str) -> Arrival:
        """Count a request whose head is there, and keep the rules that may fire for it."""
        self._requests[path] += 1
        number = self._requests[path]
        return Arrival(self, [a for a in self._armed if a.rule.path == path and a.may_fire(number)])

    def cut_upload(self, arrival: Arrival) -> Fired | None:
        """Return the rule, if any, that cuts this request off before its body is read."""
        for armed in arrival.candidates:
            if armed.rule.cut == "upload" and armed.fire():
                return Fired(armed.ordinal, armed.rule, (), armed.shared_rows)
        return None

    def choose(self, arrival: Arrival, subject: Subject, now: float) -> list[Fired]:
        """Return the rules that fire for this request, in the order of the plan."""
        seconds_since = self._seconds_since_identical(subject.body, now)
        chosen = []
        for armed in arrival.candidates:
            rule = armed.rule
            if rule.more_lines_than is not None and len(subject.phones) <= rule.more_lines_than:
                continue
            if rule.unknown_ids is not None and rule.unknown_ids != subject.has_unknown_ids:
                continue
            if rule.identical_within is not None and (seconds_since is None or seconds_since > rule.identical_within):
                continue
            lines = self._choose_lines(rule, subject)
            if (lines or not rule.chooses_lines) and armed.fire():
                chosen.append(Fired(armed.ordinal, rule, lines, armed.shared_rows))
        return chosen

    def _seconds_since_identical(self, body: bytes, now: float) -> float | None:
        if not self._remembers_bodies:
            return None
        digest = blake2b(body, digest_size=16).digest()
        before = self._seen_at.get(digest)
        self._seen_at[digest] = now
        return None if before is None else now - before

    def _choose_lines(self, rule: Rule, subject: Subject) -> Collection[int]:
        lines: Collection[int] = range(len(subject.phones))
        if not rule.chooses_lines:
            return lines
        if rule.from_line is not None:
            lines = range(rule.from_line - 1, len(subject.phones))
        if rule.lines is not None:
            lines = [i for i in lines if i + 1 in rule.lines]
        if rule.phones is not None:
            lines = [i for i in lines if subject.phones[i] in rule.phones]
        if rule.text_contains is not None:
            lines = [i for i in lines if rule.text_contains in subject.texts[i]]
        if rule.keys_ending is not None:
            lines = [i for i in lines if subject.keys[i].endswith(rule.keys_ending)]
        if rule.keys is not None:
            wanted = rule.keys == "repeated"
            account, row_of = subject.account, self._ledger.row_of
            lines = [i for i in lines if (row_of(account, subject.keys[i]) is not None) == wanted]
        return frozenset(lines)


class _Armed:
    """A rule with its count of firings and its own dice."""

    def __init__(self, rule: Rule, ordinal: int) -> None:
        self.ordinal = ordinal
        self.rule = rule
        self.fired = 0
        self.shared_rows: dict[str, int] = {}
        self._dice = Random(ordinal if rule.seed is None else rule.seed)

    def may_fire(self, number: int) -> bool:
        rule = self.rule
        if rule.requests is not None and number not in rule.requests:
            return False
        if rule.every is not None and number % rule.every:
            return False
        if rule.first is not None and number > rule.first:
            return False
        if rule.after is not None and number <= rule.after:
            return False
        return rule.probability is None or self._dice.random() < rule.probability

    def fire(self) -> bool:
        """Count a firing; False if the rule has spent its times."""
        if self.rule.times is not None and self.fired >= self.rule.times:
            return False
        self.fired += 1
        return True
