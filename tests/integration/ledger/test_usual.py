"""The usual answer, recorded the short way: it leaves what the careful way leaves, or nothing at all."""

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from models.attempt import Attempt
from models.batch import Batch
from models.campaign import Campaign
from models.ledger.usual import TrustMisplaced
from models.ledger.webhooks import add_webhook
from models.outcome import Outcome
from models.states import RecipientStatus
from models.webhook import WebhookMessage
from models.work import Accepted, Closing, Lease, RecipientOutcome
from tests.support.ledger import Ledger, accepted, an_acceptance, positions

OWN = {"id", "campaign_id", "batch_id", "attempt_id", "key_prefix", "provider_message_id", "name"}


def rows(ledger: Ledger, table: Any, campaign_id: int) -> list[dict[str, Any]]:
    """Return a campaign's rows without what differs between any two campaigns; of moments, whether there is one."""
    columns = [column for column in table.__table__.columns if column.name not in OWN]
    key = table.id if table is Campaign else table.campaign_id
    found = ledger.all(select(table).where(key == campaign_id))
    return [{column.name: _still(getattr(row, column.name)) for column in columns} for row in found]


def _still(value: object) -> object:
    return "a moment" if isinstance(value, datetime) else value


def by_column(lease: Lease, *, segments: int = 2) -> Closing:
    """An answer that accepts everybody of the lease, as the gateway's short way gives it."""
    ids = [f"{lease.campaign_id}{position:06d}" for position in positions(lease)]
    return accepted(lease, outcomes=Accepted(list(positions(lease)), ids, [segments] * len(ids), "send"))


def mixed(lease: Lease) -> Closing:
    """An answer for everybody, of several kinds."""
    first, second, *others = positions(lease)
    outcomes = (
        RecipientOutcome(first, RecipientStatus.REJECTED, provider_text='"No" {sender}\\', reason="1,2"),
        RecipientOutcome(second, RecipientStatus.ACCEPTED, provider_text="send", reason="accepted without an id"),
        *(an_acceptance(lease, position, prefix='{"NULL"\\}') for position in others),
    )
    return accepted(lease, outcomes=outcomes[::-1])


@pytest.mark.parametrize("answer", [accepted, by_column, mixed])
def test_short_way_leaves_what_the_careful_way_leaves(ledger: Ledger, answer: Any) -> None:
    left = []
    for trusting in (True, False):
        campaign_id = ledger.a_campaign(5)
        lease = ledger.a_lease()
        recorded = ledger.record(lease, answer(lease), trusting=trusting)
        left.append(
            (
                recorded.counts,
                recorded.batch_status,
                [rows(ledger, table, campaign_id) for table in (Outcome, Attempt, Batch, Campaign)],
                [outcome.provider_message_id is None for outcome in ledger.outcomes(campaign_id).values()],
            )
        )
    assert left[0] == left[1]
    ledger.prove()


@pytest.mark.parametrize("answer", [accepted, by_column])
def test_an_id_that_is_held_undoes_the_short_way_and_alarms_the_careful_one(ledger: Ledger, answer: Any) -> None:
    ledger.a_campaign(3)
    first = ledger.a_lease()
    ledger.record(first, answer(first), trusting=True)
    campaign_id = ledger.a_campaign(3)
    lease = ledger.a_lease()
    held = answer(first).outcomes
    with pytest.raises(IntegrityError):
        ledger.record(lease, accepted(lease, outcomes=held), trusting=True)
    assert ledger.statuses(campaign_id) == {}
    ledger.record(lease, accepted(lease, outcomes=held))
    assert set(ledger.statuses(campaign_id).values()) == {"unknown"}
    assert "id of another recipient's message" in (ledger.pause_reason() or "")
    ledger.prove()


def test_somebody_who_was_answered_before_undoes_the_short_way(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(3)
    lease = ledger.a_lease()
    ledger.record(lease, accepted(lease, [1]))
    ledger.clock.jump(120)
    lease = ledger.a_lease()
    with pytest.raises(IntegrityError):
        ledger.record(lease, accepted(lease), trusting=True)
    ledger.record(lease, accepted(lease))
    assert ledger.campaign(campaign_id).accepted_count == 3
    ledger.prove()


def test_a_lost_lease_is_not_recorded_the_short_way(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(3)
    lease = ledger.a_lease()
    ledger.clock.jump(600)
    ledger.rescue()
    with pytest.raises(TrustMisplaced):
        ledger.record(lease, accepted(lease), trusting=True)
    assert ledger.statuses(campaign_id) == {}
    assert ledger.record(lease, accepted(lease)).late


def test_short_way_stops_at_what_a_campaign_may_cost(ledger: Ledger) -> None:
    ledger.an_account(batch_size=3)
    campaign_id = ledger.a_campaign(6, max_segments=6)
    lease = ledger.a_lease()
    recorded = ledger.record(lease, by_column(lease), trusting=True)
    assert recorded.alarm is not None
    assert ledger.campaign(campaign_id).status.value == "paused"


def test_short_way_tells_webhooks(ledger: Ledger) -> None:
    ledger.do(add_webhook, "shop", "https://shop.example/hook", actor="anna")
    ledger.a_campaign(3)
    lease = ledger.a_lease()
    ledger.record(lease, by_column(lease), trusting=True)
    told = select(func.count()).select_from(WebhookMessage).where(WebhookMessage.kind == "recipients.results")
    assert ledger.all(told) == [1]


def test_an_account_that_is_kept_an_eye_on_is_looked_at(ledger: Ledger) -> None:
    ledger.an_account(per_day=100)
    ledger.a_campaign(3)
    lease = ledger.a_lease()
    ledger.record(lease, by_column(lease, segments=3), trusting=True)
    account = ledger.account()
    assert (account.day_message_count, account.day_segment_count) == (3, 9)
    ledger.prove()


@pytest.mark.parametrize("trusting", [True, False])
def test_an_id_is_kept_word_for_word(ledger: Ledger, trusting: bool) -> None:
    ids = ["NULL", "null", "{1,2}", 'a "quoted" one', "back\\slash", "two\nlines\tand a tab", "Ünï", "007", "7 "]
    campaign_id = ledger.a_campaign(len(ids))
    lease = ledger.a_lease()
    outcomes = [
        RecipientOutcome(position, RecipientStatus.ACCEPTED, held, 1, "send")
        for position, held in zip(positions(lease), ids, strict=True)
    ]
    ledger.record(lease, accepted(lease, outcomes=tuple(outcomes)), trusting=trusting)
    kept = ledger.outcomes(campaign_id)
    assert [kept[position].provider_message_id for position in sorted(kept)] == ids
