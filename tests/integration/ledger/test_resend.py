"""Resend by hand: new keys for whoever certainly got nothing, and for nobody else (P1, P3)."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from models.campaign import Campaign
from models.content import Sms
from models.errors import EmptyList, LedgerError, UnknownCampaign
from models.event import Event
from models.ledger.enqueue import Recipient
from models.ledger.failed import Choice
from models.ledger.owed import read_owed
from models.ledger.resend import Resendable, find_resendable, resend
from models.ledger.retry import retry
from models.ledger.stops import add_stops
from models.recipient import Recipient as Row
from models.session import reading, transaction
from models.states import ErrorClass, RecipientStatus
from models.timing import Timing, from_json
from models.work import RecipientOutcome, Verdict
from tests.support.ledger import (
    DOUBT_LIMIT_SECONDS,
    NOON,
    QUIET_SECONDS,
    Ledger,
    accepted,
    in_doubt,
    rejected,
    together,
)

REJECTED = frozenset({RecipientStatus.REJECTED})
DEFAULT = REJECTED | {RecipientStatus.CANCELLED}
CLOSED = "This destination is closed"


def explain(text: str) -> str | None:
    return "closed" if text == CLOSED else None


DOING: dict[str, Any] = {"explain": explain, "actor": "anna", "reason": "the sender was approved"}


def do_resend(ledger: Ledger, campaign_id: int, statuses: frozenset[RecipientStatus] = DEFAULT, **named: Any) -> int:
    return ledger.do(resend, campaign_id, statuses, **{**DOING, **named})


def found(
    ledger: Ledger, campaign_id: int, statuses: frozenset[RecipientStatus] = DEFAULT, *, forced: bool = False
) -> Resendable:
    with reading(ledger.sessions) as session:
        return find_resendable(session, campaign_id, statuses, explain=explain, forced=forced)


def rows(ledger: Ledger, campaign_id: int) -> list[Row]:
    return ledger.all(select(Row).where(Row.campaign_id == campaign_id).order_by(Row.position))


def a_refused(ledger: Ledger, total: int, failing: list[int], **named: Any) -> int:
    """A finished campaign in which these positions were refused, and the others accepted."""
    campaign_id = ledger.a_campaign(total, **named)
    lease = ledger.a_lease()
    chosen = [position for position in range(1, total + 1) if position not in failing]
    outcomes = (*accepted(lease, chosen).outcomes, *rejected(lease, failing).outcomes)
    ledger.record(lease, accepted(lease, outcomes=outcomes))
    ledger.settle()
    return campaign_id


def test_a_resend_is_a_campaign_of_its_own_with_new_keys_for_the_chosen(ledger: Ledger) -> None:
    content = Sms(sender="Shop", text="Hello {name}")
    people = [Recipient(f"7903000000{number}", {"name": f"N{number}"}, ref=f"r{number}") for number in range(1, 6)]
    first = a_refused(ledger, 5, [2, 4], content=content, recipients=people, priority=7)
    second = do_resend(ledger, first)
    ledger.plan()
    lease = ledger.a_lease()
    with reading(ledger.sessions) as session:
        owed = read_owed(session, lease)
    assert [(one.position, one.msisdn, one.values) for one in owed] == [
        (1, "79030000002", {"name": "N2"}),
        (2, "79030000004", {"name": "N4"}),
    ]
    assert [one.ref for one in rows(ledger, second)] == ["r2", "r4"]
    campaign = ledger.campaign(second)
    assert (campaign.resend_of, campaign.priority, campaign.total_count) == (first, 7, 2)
    assert campaign.name == f"resend of {first}: {ledger.campaign(first).name}"
    assert campaign.key_prefix != ledger.campaign(first).key_prefix
    assert ledger.statuses(first) == {1: "accepted", 2: "rejected", 3: "accepted", 4: "rejected", 5: "accepted"}


def test_who_resent_what_and_why_is_remembered_on_both(ledger: Ledger) -> None:
    first = a_refused(ledger, 3, [2])
    second = do_resend(ledger, first)
    deeds = ledger.all(select(Event).where(Event.kind == "campaign_resent").order_by(Event.id))
    assert [(one.campaign_id, one.actor, one.reason) for one in deeds] == [
        (first, "anna", "the sender was approved"),
        (second, "anna", "the sender was approved"),
    ]
    assert deeds[0].facts == deeds[1].facts
    assert (deeds[0].facts["recipients"], deeds[0].facts["resent_as"]) == (1, second)


def test_a_second_resend_finds_nobody(ledger: Ledger) -> None:
    first = a_refused(ledger, 3, [2])
    do_resend(ledger, first)
    assert found(ledger, first).left_out == {"number_in_hand": 1}
    with pytest.raises(EmptyList, match=f"nobody of campaign {first} is left"):
        do_resend(ledger, first)
    assert len(ledger.all(select(Campaign.id))) == 2


def test_whoever_was_refused_again_can_be_resent_once_more(ledger: Ledger) -> None:
    first = a_refused(ledger, 3, [2])
    second = do_resend(ledger, first)
    ledger.plan()
    lease = ledger.a_lease()
    ledger.record(lease, rejected(lease))
    ledger.settle()
    third = do_resend(ledger, second)
    assert ledger.campaign(third).resend_of == second
    assert found(ledger, first).left_out == {"number_in_hand": 1}


@pytest.mark.parametrize("statuses", [DEFAULT, frozenset({*DEFAULT, RecipientStatus.ACCEPTED})])
def test_nobody_in_doubt_gets_a_new_key(ledger: Ledger, statuses: frozenset[RecipientStatus]) -> None:
    campaign_id = ledger.a_campaign(3)
    lease = ledger.a_lease()
    ledger.record(lease, in_doubt(lease, 0))
    lease = ledger.a_lease()
    refused = tuple(
        RecipientOutcome(position, RecipientStatus.REJECTED, error_class=ErrorClass.MESSAGE, after_doubt=True)
        for position in (1, 2)
    )
    ledger.record(lease, rejected(lease, outcomes=refused, verdict=Verdict.RETRY, doubt=True))
    counted = found(ledger, campaign_id, statuses)
    assert (counted.chosen_count, counted.left_out) == (0, {"in_doubt": 2})


def test_unknown_and_pending_cannot_even_be_asked_for(ledger: Ledger) -> None:
    campaign_id = a_refused(ledger, 2, [1])
    for status in (RecipientStatus.UNKNOWN, RecipientStatus.PENDING):
        with pytest.raises(LedgerError, match=f"{status} recipients may have been sent"):
            do_resend(ledger, campaign_id, frozenset({status}))


def test_cancelled_recipients_are_resent_and_pending_ones_stay(ledger: Ledger) -> None:
    ledger.an_account(batch_size=2)
    first = ledger.a_campaign(6)
    flying = ledger.a_lease()
    ledger.cancel(first)
    second = do_resend(ledger, first)
    assert [one.msisdn for one in rows(ledger, second)] == [f"7903000000{number}" for number in range(3, 7)]
    ledger.record(flying, accepted(flying))


def test_skipped_rows_without_a_number_and_twins_of_others_stay_out(ledger: Ledger) -> None:
    people = [Recipient("79030000001"), Recipient("nobody"), Recipient("79030000001"), Recipient("79030000003")]
    first = ledger.a_campaign(recipients=people)
    lease = ledger.a_lease()
    outcomes = (*accepted(lease, [1]).outcomes, *rejected(lease, [4]).outcomes)
    ledger.record(lease, accepted(lease, outcomes=outcomes))
    counted = found(ledger, first, frozenset({*REJECTED, RecipientStatus.SKIPPED}))
    assert counted.counts == {RecipientStatus.REJECTED: 1}
    assert counted.left_out == {"no_number": 1, "number_in_hand": 1}


def test_one_number_gets_one_message_however_many_rows_it_has(ledger: Ledger) -> None:
    first = ledger.a_campaign(recipients=[Recipient("79030000001"), Recipient("79030000001")])
    ledger.cancel(first)
    counted = found(ledger, first, frozenset({*DEFAULT, RecipientStatus.SKIPPED}))
    assert (counted.chosen_count, counted.left_out) == (1, {"twice": 1})


def test_what_the_provider_will_refuse_again_and_who_is_stopped_is_left_out(ledger: Ledger) -> None:
    first = ledger.a_campaign(3)
    lease = ledger.a_lease()
    closed = RecipientOutcome(1, RecipientStatus.REJECTED, provider_text=CLOSED, error_class=ErrorClass.RECIPIENT)
    ledger.record(lease, accepted(lease, outcomes=(closed, *rejected(lease, [2, 3]).outcomes)))
    ledger.do(add_stops, ["79030000002"], reason="asked", actor="anna")
    assert found(ledger, first).left_out == {"closed": 1, "stopped": 1}
    assert found(ledger, first, forced=True).left_out == {"stopped": 1}


def test_accepted_recipients_only_where_they_are_named_and_once(ledger: Ledger) -> None:
    first = a_refused(ledger, 3, [2])
    accepted_too = frozenset({*REJECTED, RecipientStatus.ACCEPTED})
    assert found(ledger, first).chosen_count == 1
    assert found(ledger, first, accepted_too).chosen_count == 3
    do_resend(ledger, first, accepted_too)
    assert found(ledger, first, accepted_too).left_out == {"number_in_hand": 3}


def test_whoever_is_resent_is_not_retried_as_well(ledger: Ledger) -> None:
    first = a_refused(ledger, 3, [2, 3])
    do_resend(ledger, first)
    choice: dict[str, Any] = {
        "explain": explain,
        "doubt_limit_seconds": DOUBT_LIMIT_SECONDS,
        "quiet_seconds": QUIET_SECONDS,
    }
    done = ledger.do(retry, first, Choice(forced=True), actor="boris", **choice)
    assert done.failed.left_out == {"resent": 2}


def test_a_retry_and_a_resend_at_once_choose_everybody_once(postgres_ledger: Ledger) -> None:
    ledger = postgres_ledger
    first = a_refused(ledger, 10, [2, 3, 4])
    choice: dict[str, Any] = {
        "explain": explain,
        "doubt_limit_seconds": DOUBT_LIMIT_SECONDS,
        "quiet_seconds": QUIET_SECONDS,
    }

    def again() -> None:
        with transaction(ledger.sessions) as session:
            retry(session, first, Choice(), actor="boris", clock=ledger.clock, **choice)

    def anew() -> None:
        with suppress(EmptyList), transaction(ledger.sessions) as session:
            resend(session, first, DEFAULT, clock=ledger.clock, **DOING)

    together([again, anew, anew, again])
    ledger.prove()
    resent = ledger.all(select(Campaign.total_count).where(Campaign.resend_of == first))
    assert sum(resent) + ledger.campaign(first).pending_count == 3


def test_moments_that_have_passed_are_not_copied(ledger: Ledger) -> None:
    ledger.an_account(time_offset_minutes=180)
    soon, later = NOON + timedelta(hours=1), NOON + timedelta(days=2)
    first = a_refused(ledger, 2, [1], timing=Timing(time_send=soon, validity_period=later))
    ledger.clock.jump(7200)
    second = do_resend(ledger, first)
    assert from_json(ledger.campaign(second).timing) == Timing(validity_period=later)


def test_a_campaign_that_is_not_there_is_refused(ledger: Ledger) -> None:
    with pytest.raises(UnknownCampaign, match="no campaign 7"):
        do_resend(ledger, 7)
