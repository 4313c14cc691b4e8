"""One number's story told in time order: what the ledger knows, and what the provider said word for word."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from models.attempt import Attempt, unfold_positions
from models.event import Event
from models.ledger.why import Appearance, Story, Tried, what_next
from worker.core.match import match
from worker.core.messages import Line
from worker.errors import Unreadable
from worker.gateway.reply import parse


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened. `provider_text` is what the gateway said about this very number, word for word."""

    at: datetime
    campaign_id: int | None
    what: str
    said: str
    attempt_id: int | None = None
    http_status: int | None = None
    provider_text: str | None = None


def tell(story: Story) -> list[Step]:
    """Return everything that happened to the number, oldest first."""
    steps = [step for one in story.appearances for step in _of_one(one)]
    if story.stop is not None:
        said = f"on the stop list by {story.stop.added_by}: {story.stop.reason}"
        steps.append(Step(story.stop.added_at, None, "stopped", said))
    shared: dict[tuple[object, ...], Step] = {}
    for step in steps:  # an event of an account may belong to several campaigns
        shared.setdefault((step.at, step.campaign_id, step.what, step.said), step)
    return sorted(shared.values(), key=lambda step: step.at)


def _of_one(one: Appearance) -> Iterator[Step]:
    campaign, recipient = one.campaign, one.recipient
    ref = f", reference {recipient.ref}" if recipient.ref else ""
    imported = f"position {recipient.position:,} of {campaign.total_count:,}{ref}, key {one.send_key}"
    yield Step(campaign.imported_at or campaign.created_at, campaign.id, "imported", imported)
    for batch in one.batches:
        planned = f"into batch {batch.id}, positions {batch.first_position}-{batch.last_position}"
        yield Step(batch.created_at, campaign.id, "planned", planned)
    for tried in one.tries:
        yield from _of_attempt(campaign.id, tried)
    for event in one.events:
        yield _of_event(event)
    if one.outcome is not None:
        outcome = one.outcome
        facts = (
            f"id {outcome.provider_message_id}" if outcome.provider_message_id else None,
            f"{outcome.segments} segments" if outcome.segments is not None else None,
            f"class {outcome.error_class.value}" if outcome.error_class else None,
            outcome.reason,
        )
        said = ", ".join(fact for fact in facts if fact) or "without a further word"
        yield Step(
            outcome.updated_at,
            campaign.id,
            outcome.status.value,
            said,
            attempt_id=outcome.attempt_id,
            provider_text=outcome.provider_text,
        )


def _of_attempt(campaign_id: int, tried: Tried) -> Iterator[Step]:
    attempt = tried.attempt
    line = f", line {tried.line} of its document" if tried.line else ""
    yield Step(
        attempt.opened_at,
        campaign_id,
        "claimed",
        f"attempt {attempt.number} of batch {attempt.batch_id}{line}",
        attempt_id=attempt.id,
    )
    if attempt.closed_at is None or attempt.outcome is None:
        return
    yield Step(
        attempt.closed_at,
        campaign_id,
        attempt.outcome.value,
        attempt.explanation or "",
        attempt_id=attempt.id,
        http_status=attempt.http_status,
        provider_text=_word_for_word(attempt, tried.line),
    )


def _of_event(event: Event) -> Step:
    said = f"by {event.actor}" + (f": {event.reason}" if event.reason else "")
    return Step(event.happened_at, event.campaign_id, event.kind, said)


def _word_for_word(attempt: Attempt, line: int | None) -> str | None:
    """Return what the stored reply says of one line, or of its document where it says nothing of the line."""
    if attempt.reply_bytes is None or line is None:
        return None
    try:
        reply = parse(attempt.reply_bytes)
    except Unreadable as error:
        return f"unreadable: {error.explanation}"
    lines = [Line(number, place, "", "") for number, place in enumerate(unfold_positions(attempt.positions or ""), 1)]
    entry = match(lines, reply).entries.get(line)
    return reply.error_text if entry is None else entry.text


def plain(story: Story, steps: Sequence[Step], now: datetime) -> dict[str, Any]:
    """Return a story as JSON shows it, with what comes next in every campaign."""
    stop = story.stop
    return {
        "phone": story.msisdn,
        "stop_list": None
        if stop is None
        else {"reason": stop.reason, "added_at": stop.added_at, "added_by": stop.added_by},
        "campaigns": [_plain_appearance(one, *what_next(story, one, now)) for one in story.appearances],
        "timeline": [asdict(step) for step in steps],
        "purged_campaigns": story.purged_count,
    }


def _plain_appearance(one: Appearance, following: str, following_at: datetime | None) -> dict[str, Any]:
    campaign, recipient, outcome = one.campaign, one.recipient, one.outcome
    return {
        "campaign": campaign.id,
        "name": campaign.name,
        "account": one.account,
        "campaign_status": campaign.status.value,
        "position": recipient.position,
        "ref": recipient.ref,
        "client_id_sms": one.send_key,
        "status": one.status.value,
        "id_sms": outcome.provider_message_id if outcome else None,
        "provider_text": outcome.provider_text if outcome else None,
        "reason": outcome.reason if outcome else None,
        "next": following,
        "next_at": following_at,
    }
