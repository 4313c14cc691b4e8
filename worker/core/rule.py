"""What becomes of one line: an outcome, or the reason why it stays pending."""

from enum import StrEnum

from models.states import ErrorClass, RecipientStatus
from worker.core.match import REFUSALS
from worker.core.messages import History, Line, Meaning, RecipientOutcome, ReplyEntry

ASKED_AGAIN = 2
"""Times that an undocumented text is asked again under the same key before we give up. Source: protocol.md 7.4."""


class Wait(StrEnum):
    """Why a line gets no outcome; the values complete "3 ..." in an explanation."""

    ACCOUNT = "put back: the account cannot send"
    TRANSIENT = "refused for now"
    SPLIT = "to be tried in halves"
    UNSEEN = "with an undocumented text"
    SILENCE = "without an answer"


Ruling = RecipientOutcome | Wait

_CLASSES = {
    Meaning.RECIPIENT: ErrorClass.RECIPIENT,
    Meaning.STOP_LISTED: ErrorClass.RECIPIENT,
    Meaning.MESSAGE: ErrorClass.MESSAGE,
    Meaning.DOCUMENT: ErrorClass.REQUEST,
}
_WAITS = {
    Meaning.ACCOUNT: Wait.ACCOUNT,
    Meaning.CREDENTIALS: Wait.ACCOUNT,
    Meaning.TRANSIENT: Wait.TRANSIENT,
    Meaning.LOST_BODY: Wait.TRANSIENT,
}


def rule_entry(line: Line, entry: ReplyEntry, remark: str | None, history: History) -> Ruling:
    """Rule on a line by its entry. The text decides, not the presence of an id. Source: protocol.md 5 to 7."""
    if entry.meaning is Meaning.ACCEPTED:
        if entry.provider_message_id and remark is None:  # nearly always
            return RecipientOutcome(
                line.position, RecipientStatus.ACCEPTED, entry.provider_message_id, entry.segments, entry.text
            )
        reason = None if entry.provider_message_id else "accepted without an id"
        return _outcome(line, entry, RecipientStatus.ACCEPTED, reason, remark)
    if entry.meaning in _WAITS:
        return _WAITS[entry.meaning]
    if entry.meaning in _CLASSES:
        stop_listed = entry.meaning is Meaning.STOP_LISTED
        reason = "on the provider's stop list" if stop_listed else None
        outcome = _outcome(
            line, entry, RecipientStatus.REJECTED, reason, remark, _CLASSES[entry.meaning], history.doubtful
        )
        return outcome._replace(stop_listed=stop_listed)
    if entry.meaning is Meaning.UNSEEN and entry.provider_message_id is None:
        return rule_unseen(line, entry.text, history)
    return _outcome(line, entry, RecipientStatus.ACCEPTED, _why_accepted(entry), remark)


def rule_error(line: Line, text: str, meaning: Meaning, history: History, *, alone: bool) -> Ruling:
    """Rule on a line without an entry by the error that covers the document; `alone`: it was the only line.

    A refused document says nothing of an earlier attempt: where that is in doubt, nobody becomes `rejected`.
    """
    if meaning in REFUSALS:
        if not alone:
            return Wait.SPLIT
        refused = rule_refused(line, text, _CLASSES[meaning], history)
        return refused._replace(stop_listed=meaning is Meaning.STOP_LISTED)
    # A word of acceptance cannot stand for a document; it is as undocumented there as any other.
    return _WAITS.get(meaning) or rule_unseen(line, text, history)


def rule_refused(line: Line, text: str | None, error_class: ErrorClass, history: History) -> RecipientOutcome:
    """Close the only line of a refused document: `unknown` where an earlier attempt may have carried it."""
    return RecipientOutcome(
        position=line.position,
        status=RecipientStatus.UNKNOWN if history.doubtful else RecipientStatus.REJECTED,
        provider_text=text,
        error_class=error_class,
        reason="its document was refused",
        after_doubt=history.doubtful,
    )


def rule_unseen(line: Line, text: str, history: History) -> Ruling:
    """Ask again under the same key while it has not been done often enough, then give up and keep the text."""
    if history.unseen_count < ASKED_AGAIN:
        return Wait.UNSEEN
    return RecipientOutcome(
        position=line.position,
        status=RecipientStatus.UNKNOWN,
        provider_text=text,
        error_class=ErrorClass.UNSEEN,
        reason=f"an undocumented text, also when asked again {history.unseen_count} times",
        after_doubt=history.doubtful,
    )


def _why_accepted(entry: ReplyEntry) -> str | None:
    if entry.meaning is Meaning.HELD:
        return "held until top-up"
    if entry.meaning is Meaning.UNSEEN:
        return "an undocumented text with an id: counted as accepted"
    return "already sent earlier, id not told" if entry.provider_message_id is None else "already sent earlier"


def _outcome(
    line: Line,
    entry: ReplyEntry,
    status: RecipientStatus,
    reason: str | None,
    remark: str | None,
    error_class: ErrorClass | None = None,
    after_doubt: bool = False,
) -> RecipientOutcome:
    if remark is not None:
        reason = remark if reason is None else f"{reason}; {remark}"
    return RecipientOutcome(
        line.position, status, entry.provider_message_id, entry.segments, entry.text, error_class, reason, after_doubt
    )
