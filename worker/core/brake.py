"""When one answer must stop more than its own document, and in which words."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from models.states import ErrorClass, RecipientStatus
from worker.core.match import Answers
from worker.core.messages import Brake, Meaning, RecipientOutcome, Reply
from worker.core.rule import Ruling, Wait

WHOLE_DOCUMENT = 20
"""Lines from which a document speaks for more than its own recipients."""

_LONGEST_QUOTE = 160
_LONG_NUMBER = re.compile(r"\d{7,}")  # a phone, perhaps
_ACCOUNT_MENDS = {
    Meaning.CREDENTIALS: (ErrorClass.REQUEST, "set the account's login and password, or its token, then resume it"),
    Meaning.ACCOUNT: (ErrorClass.ACCOUNT, "top up or ask the provider, then resume the account"),
    Meaning.HELD: (ErrorClass.ACCOUNT, "top up, then resume the account; held messages go out by themselves"),
}


def find_brake(reply: Reply, answers: Answers, rulings: Sequence[Ruling]) -> Brake | None:
    """Return the brake that the answer calls for, the gravest where it calls for several."""
    if reply.error_text is None and all(map(_is_harmless, rulings)):
        return None
    outcomes = [ruling for ruling in rulings if isinstance(ruling, RecipientOutcome)]
    return (
        _collision_brake(outcomes)
        or _account_brake(reply, answers)
        or _unseen_brake(reply, answers, rulings, outcomes)
        or _campaign_brake(len(rulings), outcomes)
    )


def _is_harmless(ruling: Ruling) -> bool:
    """Tell of most rulings that they call for nothing: accepted, and nothing odd about it."""
    return isinstance(ruling, RecipientOutcome) and ruling.status is RecipientStatus.ACCEPTED and ruling.reason is None


def quote(text: str) -> str:
    """Put a text of the provider into one line that may be shown: blanks folded, long numbers hidden, cut short."""
    folded = _LONG_NUMBER.sub("***", " ".join(text.split()))
    return f'"{folded[:_LONGEST_QUOTE]}{"..." if len(folded) > _LONGEST_QUOTE else ""}"'


def _collision_brake(outcomes: Sequence[RecipientOutcome]) -> Brake | None:
    count = sum(outcome.error_class is ErrorClass.COLLISION for outcome in outcomes)
    if not count:
        return None
    return Brake(
        "account",
        f"{count} recipients of one document were answered with the same id: another program uses the same "
        "client_id_sms on this login, and messages are silently not sent; give Bulkpost a login of its own",
        ErrorClass.COLLISION,
    )


def _account_brake(reply: Reply, answers: Answers) -> Brake | None:
    said = {meaning: text for text, meaning in _each_text(reply, answers)}
    for meaning, (error_class, mend) in _ACCOUNT_MENDS.items():
        if meaning in said:
            return Brake("account", f"the provider says {quote(said[meaning])}: {mend}", error_class, may_pass=True)
    return None


def _each_text(reply: Reply, answers: Answers) -> Iterator[tuple[str, Meaning]]:
    for entry in answers.entries.values():
        yield entry.text, entry.meaning
    # Held is a promise to a recipient; over a document it is undocumented.
    if reply.error_text is not None and reply.error_meaning in (Meaning.ACCOUNT, Meaning.CREDENTIALS):
        yield reply.error_text, reply.error_meaning


def _unseen_brake(
    reply: Reply, answers: Answers, rulings: Sequence[Ruling], outcomes: Sequence[RecipientOutcome]
) -> Brake | None:
    count = rulings.count(Wait.UNSEEN) + sum(outcome.error_class is ErrorClass.UNSEEN for outcome in outcomes)
    if len(rulings) < WHOLE_DOCUMENT or count * 2 <= len(rulings):
        return None
    texts = Counter(
        entry.text
        for entry in answers.entries.values()
        if entry.meaning is Meaning.UNSEEN and entry.provider_message_id is None
    )
    text = texts.most_common(1)[0][0] if texts else reply.error_text or ""
    return Brake(
        "account",
        f"{count} of {len(rulings)} recipients of a document got a text that nobody has documented, {quote(text)}: "
        "ask the provider what it means, then resume the account",
        ErrorClass.UNSEEN,
    )


def _campaign_brake(line_count: int, outcomes: Sequence[RecipientOutcome]) -> Brake | None:
    refused = [
        outcome
        for outcome in outcomes
        if outcome.status is RecipientStatus.REJECTED
        and outcome.error_class in (ErrorClass.MESSAGE, ErrorClass.REQUEST)
    ]
    if len(refused) < max(line_count, WHOLE_DOCUMENT):
        return None
    text, _ = Counter(outcome.provider_text or "" for outcome in refused).most_common(1)[0]
    return Brake(
        "campaign",
        f"all {line_count} recipients of a document were refused for its content: {quote(text)}: mend text or sender, "
        "then resume the campaign",
        ErrorClass.MESSAGE,
    )
