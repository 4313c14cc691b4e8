"""What one POST means: an outcome per recipient, a verdict for the batch, perhaps a brake.

Pure: the reply or the error and the batch's history come in, a Decision goes out; `models.ledger` carries it out.
Source: design.md sections 2 and 5; protocol.md 5 to 8.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from models.states import ErrorClass, RecipientStatus
from worker.core.brake import find_brake, quote
from worker.core.match import REFUSALS, Answers, match
from worker.core.messages import (
    Accepted,
    Brake,
    Decision,
    History,
    LikeEntries,
    Line,
    Lines,
    Meaning,
    Pace,
    RecipientOutcome,
    Reply,
    Verdict,
)
from worker.core.rule import Ruling, Wait, rule_entry, rule_error, rule_refused
from worker.errors import GatewayError

_DOUBTS = frozenset({Wait.SILENCE, Wait.UNSEEN})  # neither excludes that the provider has taken it
_DOCUMENT_REFUSED = REFUSALS | {Meaning.LOST_BODY}


def decide_reply(
    lines: Sequence[Line], reply: Reply, history: History, *, retry_after_seconds: float | None = None
) -> Decision:
    """Decide by a readable answer: its entries first, then its error for whoever has none."""
    if (accepted := _all_accepted(lines, reply)) is not None:
        said = f"{len(accepted)} {RecipientStatus.ACCEPTED}"
        return Decision(accepted, Verdict.COMPLETE, attempt_outcome="answered", explanation=said)
    answers = match(lines, reply)
    rulings = _part_collisions(_rule_all(lines, reply, answers, history))
    waits = {ruling for ruling in rulings if isinstance(ruling, Wait)}
    outcomes = tuple(ruling for ruling in rulings if isinstance(ruling, RecipientOutcome))
    verdict = _verdict(waits)
    error_counts = reply.error_text is not None and len(answers.entries) < len(lines)
    refused = error_counts and _says_refused(reply)
    return Decision(
        outcomes=outcomes,
        verdict=verdict,
        attempt_outcome=_attempt_outcome(reply, answers),
        explanation=_explain(rulings, reply, answers),
        pace=Pace.BACKOFF if verdict is Verdict.RETRY else Pace.NOW,
        retry_after_seconds=retry_after_seconds if verdict is Verdict.RETRY else None,
        doubt=bool(waits & _DOUBTS),
        unseen=Wait.UNSEEN in waits,
        brake=find_brake(reply, answers, rulings),
        document_refused=refused,
        keep_request=refused or any(outcome.error_class is ErrorClass.REQUEST for outcome in outcomes),
    )


def _all_accepted(lines: Sequence[Line], reply: Reply) -> Accepted | None:
    """Return the outcomes of a document all of whose recipients were accepted, each under an id of its own."""
    entries = reply.entries
    if not isinstance(entries, LikeEntries) or entries.meaning is not Meaning.ACCEPTED or reply.error_text is not None:
        return None
    positions = lines.positions if isinstance(lines, Lines) else [line.position for line in lines]
    if entries.numbers != list(range(1, len(lines) + 1)) or len(set(entries.ids)) < len(lines):
        return None
    return Accepted(positions, entries.ids, entries.segments, entries.text)


def decide_error(lines: Sequence[Line], error: GatewayError, history: History) -> Decision:
    """Decide by the facts of an error, where no readable answer came."""
    decision = Decision(
        outcomes=(),
        verdict=Verdict.RETRY,
        attempt_outcome=error.attempt_outcome,
        explanation=error.explanation,
        pace=error.pace,
        retry_after_seconds=error.retry_after_seconds,
        doubt=error.in_doubt,
        transport_failed=error.transport_failed,
        timed_out=error.timed_out,
        keep_request=error.keep_request,
    )
    if error.splits:
        return _split(lines, decision, history)
    if error.pauses_account:
        reason = f"{error.explanation}: check the account's gateway_url, then resume the account"
        return replace(
            decision,
            verdict=Verdict.PUT_BACK,
            retry_after_seconds=None,
            brake=Brake("account", reason, ErrorClass.REQUEST, may_pass=True),
        )
    return decision


def _split(lines: Sequence[Line], decision: Decision, history: History) -> Decision:
    """Halve a document that is too large; a single line cannot be halved and ends here."""
    decision = replace(decision, retry_after_seconds=None)
    if len(lines) > 1:
        return replace(decision, verdict=Verdict.SPLIT, shrink=True)
    outcomes = tuple(rule_refused(line, None, ErrorClass.REQUEST, history) for line in lines)
    return replace(decision, verdict=Verdict.COMPLETE, outcomes=outcomes, keep_request=True)


def _rule_all(lines: Sequence[Line], reply: Reply, answers: Answers, history: History) -> list[Ruling]:
    entries, alone = answers.entries, len(lines) == 1
    if answers.remarks or len(entries) < len(lines):
        return [_rule(line, reply, answers, history, alone) for line in lines]
    return [rule_entry(line, entries[line.number], None, history) for line in lines]


def _rule(line: Line, reply: Reply, answers: Answers, history: History, alone: bool) -> Ruling:
    entry = answers.entries.get(line.number)
    if entry is not None:
        return rule_entry(line, entry, answers.remarks.get(line.number), history)
    if reply.error_text is not None and reply.error_meaning is not None:
        return rule_error(line, reply.error_text, reply.error_meaning, history, alone=alone)
    return Wait.SILENCE  # never success


def _part_collisions(rulings: list[Ruling]) -> list[Ruling]:
    """Turn acceptances that share one id into `unknown`: at most one of them was sent (P10)."""
    ids = [held for ruling in rulings if (held := _accepted_id(ruling))]
    if len(set(ids)) == len(ids):
        return rulings
    shared = {held for held, count in Counter(ids).items() if count > 1}
    return [_collided(ruling) if _accepted_id(ruling) in shared else ruling for ruling in rulings]


def _accepted_id(ruling: Ruling) -> str | None:
    if isinstance(ruling, RecipientOutcome) and ruling.status is RecipientStatus.ACCEPTED:
        return ruling.provider_message_id
    return None


def _collided(ruling: Ruling) -> Ruling:
    assert isinstance(ruling, RecipientOutcome)
    return ruling._replace(
        status=RecipientStatus.UNKNOWN,
        error_class=ErrorClass.COLLISION,
        reason="another recipient of the same document got the same id",
        after_doubt=True,
    )


def _verdict(waits: set[Wait]) -> Verdict:
    if not waits:
        return Verdict.COMPLETE
    if Wait.SPLIT in waits:
        return Verdict.SPLIT
    return Verdict.PUT_BACK if waits == {Wait.ACCOUNT} else Verdict.RETRY


def _says_refused(reply: Reply) -> bool:
    """Tell whether the error speaks against the document, and not of the account or the moment."""
    return reply.error_meaning not in (Meaning.ACCOUNT, Meaning.CREDENTIALS, Meaning.TRANSIENT)


def _attempt_outcome(reply: Reply, answers: Answers) -> str:
    if answers.entries:
        return "answered"
    if reply.error_meaning is Meaning.TRANSIENT:
        return "throttled"
    known = reply.error_meaning in _DOCUMENT_REFUSED or reply.error_meaning in (Meaning.ACCOUNT, Meaning.CREDENTIALS)
    return "refused" if known else "in_doubt"


def _explain(rulings: Sequence[Ruling], reply: Reply, answers: Answers) -> str:
    said = [ruling if isinstance(ruling, Wait) else ruling.status for ruling in rulings]
    each = {id(word): word for word in said}  # members of enumerations are slow to hash
    parts = [f"{said.count(word)} {word}" for word in each.values()]
    if answers.foreign_count:
        parts.append(f"{answers.foreign_count} entries of nobody ignored")
    counted = ", ".join(parts)
    return counted if reply.error_text is None else f"document error {quote(reply.error_text)}: {counted}"
