"""Prove: every kind of damage is found, and sound data is left in peace."""

from collections.abc import Callable
from re import search

import pytest
from sqlalchemy import delete, insert, text, update
from sqlalchemy.orm import Session

from models.attempt import Attempt
from models.batch import Batch
from models.campaign import Campaign
from models.ledger.prove import find_breaches
from models.outcome import Outcome
from models.recipient import Recipient
from models.session import reading, transaction
from models.states import RecipientStatus
from tests.support.ledger import NOON, Ledger, accepted, in_doubt, rejected


def breaches(ledger: Ledger, campaign_id: int | None = None) -> list[str]:
    with reading(ledger.sessions) as session:
        found = find_breaches(session, campaign_id, clock=ledger.clock)
        return [f"{one.promise} {one.finding}" for one in found]


def damage(ledger: Ledger, deed: Callable[[Session], object]) -> None:
    with transaction(ledger.sessions) as session:
        deed(session)


def half_sent(ledger: Ledger) -> int:
    ledger.an_account(batch_size=2)
    campaign_id = ledger.a_campaign(6)
    for closing in (accepted, rejected):
        lease = ledger.a_lease()
        ledger.record(lease, closing(lease))
    return campaign_id


DAMAGES: dict[str, tuple[Callable[[Session], object], str]] = {
    "a counter": (lambda s: s.execute(update(Campaign).values(accepted_count=1)), "P5 .* 1 stored as accepted, 2"),
    "an outcome gone": (
        lambda s: s.execute(delete(Outcome).where(Outcome.position == 4)),
        "P5 .* 2 stored as rejected, 1 counted",
    ),
    "an outcome turned": (
        lambda s: s.execute(update(Outcome).where(Outcome.position == 3).values(status=RecipientStatus.UNKNOWN)),
        "P5 .* 0 stored as unknown, 1 counted",
    ),
    "a recipient gone": (
        lambda s: s.execute(delete(Recipient).where(Recipient.position == 2)),
        "P5 .* 6 recipients stored, 5 counted",
    ),
    "a recipient too many": (
        lambda s: s.execute(insert(Recipient).values(campaign_id=1, position=7, msisdn="79031111111")),
        "P5 .* 6 recipients stored, 7 counted",
    ),
    "finished too early": (
        lambda s: s.execute(update(Campaign).values(status="finished", finished_at=NOON)),
        "P5 .* is finished with 2 pending",
    ),
    "an acceptance without an id": (
        lambda s: s.execute(update(Outcome).where(Outcome.position == 1).values(provider_message_id=None)),
        "P4 .* 1 accepted without an id",
    ),
    "one id twice": (
        # As it was before the database itself held every id to one recipient.
        lambda s: s.execute(
            update(Outcome).where(Outcome.position == 1).values(provider_message_id="id-1-2", id_space=None)
        ),
        "P1 .* its id belongs to campaign 1, position",
    ),
    "one key twice": (
        lambda s: share_a_key(s),
        "P1 .* its key is that of campaign 1, position",
    ),
    "two batches over one position": (
        lambda s: s.add(Batch(campaign_id=1, account_id=1, first_position=1, last_position=5, **MOMENTS)),
        "P1 .* open batch .* cover position 5",
    ),
    "an attempt left open": (
        lambda s: s.execute(update(Attempt).where(Attempt.id == 1).values(outcome=None, closed_at=None)),
        "P7 .* 1 attempts are neither closed nor leased",
    ),
}


def share_a_key(session: Session) -> None:
    """As after a restore that left the index out."""
    session.execute(text("DROP INDEX uq_bulkpost_recipients_send_key"))
    session.execute(update(Recipient).where(Recipient.position < 3).values(send_key="77", key_account_id=1))


MOMENTS = {"available_at": NOON, "created_at": NOON}


@pytest.mark.parametrize("kind", DAMAGES)
def test_damage_is_found(ledger: Ledger, kind: str) -> None:
    half_sent(ledger)
    deed, words = DAMAGES[kind]
    assert breaches(ledger) == []
    damage(ledger, deed)
    found = breaches(ledger)
    assert any(search(words, one) for one in found), found


def test_a_lease_that_ran_out_is_found_until_it_is_rescued(ledger: Ledger) -> None:
    ledger.a_campaign(1)
    ledger.a_lease()
    assert breaches(ledger) == []
    ledger.clock.jump(600)
    assert "running without a live lease" in breaches(ledger)[0]
    ledger.rescue()
    assert breaches(ledger) == []


def test_one_campaign_s_damage_is_not_another_s(ledger: Ledger) -> None:
    damaged, sound = half_sent(ledger), ledger.a_campaign(2)
    damage(
        ledger, lambda session: session.execute(update(Campaign).where(Campaign.id == damaged).values(unknown_count=1))
    )
    assert breaches(ledger, sound) == []
    assert len(breaches(ledger, damaged)) == 1


def test_a_collision_that_was_noticed_is_an_alarm_and_no_breach(ledger: Ledger) -> None:
    ledger.a_campaign(2)
    lease = ledger.a_lease()
    first, second = accepted(lease).outcomes
    twin = type(first)(2, second.status, provider_message_id=first.provider_message_id)
    ledger.record(lease, accepted(lease, outcomes=(first, twin)))
    assert breaches(ledger) == []


def test_an_acceptance_that_says_why_it_has_no_id_is_sound(ledger: Ledger) -> None:
    ledger.a_campaign(1)
    lease = ledger.a_lease()
    known = type(accepted(lease).outcomes[0])(
        1, RecipientStatus.ACCEPTED, reason="accepted earlier; the id is not told"
    )
    ledger.record(lease, accepted(lease, outcomes=(known,)))
    assert breaches(ledger) == []


def test_doubt_is_no_breach(ledger: Ledger) -> None:
    ledger.a_campaign(3)
    lease = ledger.a_lease()
    ledger.record(lease, in_doubt(lease))
    assert breaches(ledger) == []
