"""Two at once on PostgreSQL, in transactions that really overlap: whoever comes first, every promise holds."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import Event as Signal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from models.ledger.control import cancel_campaign
from models.ledger.record import record
from models.ledger.rescue import rescue
from models.session import transaction
from models.states import OPEN_BATCH
from models.work import Closing, Lease, Refused
from tests.support.driving import quick_settings
from tests.support.ledger import (
    QUIET_SECONDS,
    RECORDING,
    Ledger,
    accepted,
    an_acceptance,
    in_doubt,
    no_credit,
    not_sent,
    refused,
    rejected,
    together,
)
from tests.support.moody_provider import MoodyProvider
from tests.support.stepping import Stepped
from worker.dispatcher import Dispatcher

ROUNDS = range(3)


def answer(ledger: Ledger, lease: Lease, closing: Closing) -> None:
    with transaction(ledger.sessions) as session:
        record(session, lease, closing, clock=ledger.clock, **RECORDING)


def cancel(ledger: Ledger, campaign_id: int) -> None:
    with transaction(ledger.sessions) as session:
        cancel_campaign(session, campaign_id, actor="anna", reason="wrong text", clock=ledger.clock)


def rescued(ledger: Ledger, lease: Lease) -> None:
    with transaction(ledger.sessions) as session:
        rescue(session, lease.batch_id, quiet_seconds=QUIET_SECONDS, clock=ledger.clock, **RECORDING)


@pytest.mark.parametrize("round_", ROUNDS)
@pytest.mark.parametrize(
    ("reply", "ends"),
    [
        (accepted, "accepted"),
        (rejected, "rejected"),
        (in_doubt, "unknown"),
        (not_sent, "cancelled"),
        (no_credit, "cancelled"),
        (refused, "cancelled"),
    ],
)
def test_a_cancel_and_an_answer_at_once_end_everybody_as_the_answer_says(
    postgres_ledger: Ledger, reply: Callable[[Lease], Closing], ends: str, round_: int
) -> None:
    ledger = postgres_ledger
    ledger.an_account(batch_size=4)
    campaign_id = ledger.a_campaign(10)
    lease = ledger.a_lease()
    together([partial(cancel, ledger, campaign_id), partial(answer, ledger, lease, reply(lease))])
    ledger.prove()
    expected = dict.fromkeys(range(1, 5), ends) | dict.fromkeys(range(5, 11), "cancelled")
    assert ledger.statuses(campaign_id) == expected
    assert [one.status for one in ledger.batches(campaign_id) if one.status in OPEN_BATCH] == []


@pytest.mark.parametrize("round_", ROUNDS)
def test_a_cancel_and_a_rescue_at_once_leave_what_was_lost_unknown(postgres_ledger: Ledger, round_: int) -> None:
    ledger = postgres_ledger
    ledger.an_account(batch_size=4)
    campaign_id = ledger.a_campaign(6)
    lease = ledger.a_lease()
    ledger.clock.jump(181)
    together([partial(cancel, ledger, campaign_id), partial(rescued, ledger, lease)])
    ledger.prove()
    assert ledger.statuses(campaign_id) == {1: "unknown", 2: "unknown", 3: "unknown", 4: "unknown"} | {
        5: "cancelled",
        6: "cancelled",
    }


@pytest.mark.parametrize("mood", ["answers", "cuts", "is away"])
@pytest.mark.parametrize("stands_at", ["claimed", "rendered", "posting", "posted"])
def test_a_cancel_while_a_post_is_in_flight_lets_it_be_answered(
    postgres_ledger: Ledger, stands_at: str, mood: str
) -> None:
    ledger = postgres_ledger
    ledger.an_account(batch_size=4)
    campaign_id = ledger.a_campaign(6)
    provider = MoodyProvider(mood=mood)
    settings = quick_settings("sqlite://")
    worker = Stepped(
        lambda at: Dispatcher(settings, ledger.sessions, provider, clock=ledger.clock, at=at).dispatch(1), {stands_at}
    )
    assert worker.step == stands_at
    assert ledger.cancel(campaign_id) == 1
    worker.go_on()
    ledger.prove()
    ends = {"answers": "accepted", "cuts": "unknown", "is away": "cancelled"}[mood]
    assert ledger.statuses(campaign_id) == dict.fromkeys(range(1, 5), ends) | {5: "cancelled", 6: "cancelled"}
    assert len(provider.charged) == (0 if mood == "is away" else 4)


@pytest.mark.parametrize("round_", ROUNDS)
@pytest.mark.parametrize(("late", "newer"), [(accepted, rejected), (rejected, accepted), (accepted, accepted)])
def test_a_late_reply_and_a_newer_one_at_once_leave_the_acceptance(
    postgres_ledger: Ledger, late: Callable[[Lease], Closing], newer: Callable[[Lease], Closing], round_: int
) -> None:
    ledger = postgres_ledger
    campaign_id = ledger.a_campaign(30)
    lost = ledger.a_lease()
    ledger.clock.jump(600)
    ledger.rescue()
    lease = ledger.a_lease()
    together([partial(answer, ledger, lost, late(lost)), partial(answer, ledger, lease, newer(lease))])
    ledger.prove()
    assert set(ledger.statuses(campaign_id).values()) == {"accepted"}
    assert ledger.campaign(campaign_id).segment_count == 60


@pytest.mark.parametrize("order", ["refusal first", "acceptance first"])
def test_two_late_replies_in_either_order_leave_the_acceptance(ledger: Ledger, order: str) -> None:
    campaign_id = ledger.a_campaign(3)
    first = ledger.a_lease()
    ledger.clock.jump(600)
    ledger.rescue()
    second = ledger.a_lease()
    ledger.clock.jump(600)
    ledger.rescue()
    replies = [(first, rejected(first)), (second, accepted(second))]
    for lease, closing in replies if order == "refusal first" else replies[::-1]:
        ledger.record(lease, closing)
    assert ledger.statuses(campaign_id) == {1: "accepted", 2: "accepted", 3: "accepted"}
    assert isinstance(ledger.claim(), (Lease, Refused))
    assert ledger.campaign(campaign_id).accepted_count == 3


@pytest.mark.parametrize("round_", ROUNDS)
def test_a_rescue_and_a_late_answer_at_once_close_the_attempt_once(postgres_ledger: Ledger, round_: int) -> None:
    ledger = postgres_ledger
    campaign_id = ledger.a_campaign(5)
    lease = ledger.a_lease()
    ledger.clock.jump(181)
    together([partial(rescued, ledger, lease), partial(answer, ledger, lease, accepted(lease))])
    ledger.prove()
    assert set(ledger.statuses(campaign_id).values()) == {"accepted"}
    (attempt,) = ledger.attempts(campaign_id)
    assert attempt.closed_at is not None


def test_two_campaigns_that_are_told_one_id_at_once_are_not_both_accepted(postgres_ledger: Ledger) -> None:
    ledger = postgres_ledger
    leases = []
    for _ in range(2):
        ledger.a_campaign(1)
        leases.append(ledger.a_lease())
    looked, recorded = Signal(), Signal()

    def first() -> None:
        with transaction(ledger.sessions) as session:
            record(session, leases[0], told(leases[0]), clock=ledger.clock, **RECORDING)
            looked.set()
            # Not for ever: a record that waits for this one is right too.
            recorded.wait(1)

    def second() -> None:
        assert looked.wait(10)
        with suppress(IntegrityError):
            answer(ledger, leases[1], told(leases[1]))
        recorded.set()
        answer(ledger, leases[1], told(leases[1]))

    together([first, second])
    statuses = [ledger.statuses(lease.campaign_id)[1] for lease in leases]
    assert statuses.count("accepted") < 2, "the id of one message is held by two recipients, and nobody was told"
    assert ledger.account().status_reason is not None


def told(lease: Lease) -> Closing:
    """An acceptance with the id that everybody is told."""
    one = an_acceptance(lease, 1)
    return accepted(lease, outcomes=(type(one)(1, one.status, "id-of-somebody-else", 1, "send"),))


def test_an_enqueue_that_is_left_open_holds_up_neither_claims_nor_ticks_nor_people(postgres_ledger: Ledger) -> None:
    ledger = postgres_ledger
    ledger.an_account(batch_size=1)
    campaign_id = ledger.a_campaign(4)
    with ledger.sessions() as other:
        other.execute(text("SELECT id FROM bulkpost_accounts FOR KEY SHARE"))  # what a foreign key takes
        other.execute(text("SELECT id FROM bulkpost_campaigns FOR KEY SHARE"))
        for _ in range(2):
            with ledger.sessions() as impatient:
                impatient.execute(text("SET lock_timeout = '2s'"))
                impatient.commit()
            lease = ledger.a_lease()
            ledger.record(lease, no_credit(lease) if _ else accepted(lease))
        ledger.plan()
        ledger.settle()
        ledger.cancel(campaign_id)
