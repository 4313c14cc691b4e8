"""Control by people: what has committed holds, and says what was in flight."""

from collections.abc import Callable
from datetime import timedelta
from threading import Event as Signal

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.attempt import Attempt
from models.errors import IllegalMove, UnknownAccount, UnknownCampaign
from models.ledger.claim import claim
from models.ledger.control import (
    cancel_campaign,
    pause_account_by_hand,
    pause_campaign,
    resume_account,
    resume_campaign,
    start_campaign,
    start_everything,
    stop_everything,
)
from models.ledger.importing import begin_import
from models.session import transaction
from models.states import BatchStatus, CampaignStatus
from models.timing import Timing
from models.work import Lease
from tests.support.ledger import CLAIMING, NOON, PLAIN, Ledger, accepted, in_doubt, not_sent, throttled, together

ANNA = {"actor": "anna", "reason": "wait"}


def test_a_pause_says_how_many_documents_are_in_flight(ledger: Ledger) -> None:
    ledger.an_account(batch_size=1)
    campaign_id = ledger.a_campaign(3)
    ledger.a_campaign(3)
    ledger.a_lease()
    ledger.a_lease()
    assert ledger.do(pause_campaign, campaign_id, **ANNA).in_flight_count == 1
    assert ledger.do(pause_account_by_hand, "default", **ANNA).in_flight_count == 2
    assert ledger.do(stop_everything, **ANNA).in_flight_count == 2


def test_a_resume_neither_skips_nor_repeats(ledger: Ledger) -> None:
    ledger.an_account(batch_size=2)
    campaign_id = ledger.a_campaign(6)
    lease = ledger.a_lease()
    ledger.record(lease, accepted(lease))
    ledger.do(pause_campaign, campaign_id, **ANNA)
    ledger.do(resume_campaign, campaign_id, actor="anna")
    ledger.plan()
    leases = [ledger.a_lease(), ledger.a_lease()]
    assert [one.first_position for one in leases] == [3, 5]


def test_a_campaign_paused_before_its_time_is_scheduled_again(ledger: Ledger) -> None:
    campaign_id = ledger.a_draft(1)
    ledger.do(pause_campaign, campaign_id, **ANNA)
    ledger.plan()
    assert ledger.batches(campaign_id) == []
    assert ledger.do(resume_campaign, campaign_id, actor="anna").status is CampaignStatus.SCHEDULED


def test_a_cancel_ends_everybody_who_is_not_in_flight_at_once(ledger: Ledger) -> None:
    ledger.an_account(batch_size=2, max_parallel=8)
    campaign_id = ledger.a_campaign(9)
    sent, doubted, flying, refused = (ledger.a_lease() for _ in range(4))
    ledger.record(sent, accepted(sent))
    ledger.record(doubted, in_doubt(doubted))
    ledger.record(refused, throttled(refused))
    assert ledger.cancel(campaign_id) == 1
    assert ledger.statuses(campaign_id) == {
        1: "accepted",
        2: "accepted",
        3: "unknown",
        4: "unknown",
        7: "cancelled",
        8: "cancelled",
        9: "cancelled",
    }
    ledger.record(flying, accepted(flying, [5]))
    assert ledger.statuses(campaign_id)[6] == "unknown"
    assert {one.status for one in ledger.batches(campaign_id)} == {BatchStatus.CANCELLED, BatchStatus.COMPLETED}


def test_a_cancelled_recipient_remembers_how_often_it_was_tried(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(1)
    for _ in range(2):
        lease = ledger.a_lease()
        ledger.record(lease, not_sent(lease, 0))
    ledger.cancel(campaign_id)
    outcome = ledger.outcomes(campaign_id)[1]
    assert (outcome.status, outcome.attempt_number) == ("cancelled", 2)


@pytest.mark.parametrize("state", ["draft", "scheduled", "running", "paused"])
def test_whatever_has_not_ended_can_be_cancelled(ledger: Ledger, state: str) -> None:
    from models.ledger.importing import NewRow, add_rows, finish_import

    if state == "draft":
        campaign_id = ledger.do(begin_import, content=PLAIN, account="default", column_names=())
        ledger.do(add_rows, campaign_id, 1, [NewRow("79030000001")])
        ledger.do(finish_import, campaign_id, start=False)
    elif state == "scheduled":
        campaign_id = ledger.a_draft(1)
    else:
        campaign_id = ledger.a_campaign(1)
    if state == "paused":
        ledger.do(pause_campaign, campaign_id, **ANNA)
    assert ledger.campaign(campaign_id).status == state
    ledger.cancel(campaign_id)
    assert ledger.statuses(campaign_id) == {1: "cancelled"}


def test_what_has_ended_cannot_be_moved(ledger: Ledger) -> None:
    cancelled = ledger.a_campaign(1)
    ledger.cancel(cancelled)
    finished = ledger.a_campaign(1)
    lease = ledger.a_lease()
    ledger.record(lease, accepted(lease))
    ledger.settle()
    for campaign_id in (cancelled, finished):
        for verb in (pause_campaign, cancel_campaign):
            with pytest.raises(IllegalMove, match=f"campaign {campaign_id} is"):
                ledger.do(verb, campaign_id, **ANNA)
        for verb in (resume_campaign, start_campaign):
            with pytest.raises(IllegalMove, match=f"campaign {campaign_id} is"):
                ledger.do(verb, campaign_id, actor="anna")


def test_an_import_under_way_cannot_be_controlled(ledger: Ledger) -> None:
    campaign_id = ledger.do(begin_import, content=PLAIN, account="default", column_names=())
    for verb in (pause_campaign, cancel_campaign):
        with pytest.raises(UnknownCampaign, match=f"no campaign {campaign_id}"):
            ledger.do(verb, campaign_id, **ANNA)


def test_stopping_twice_and_starting_twice_say_so(ledger: Ledger) -> None:
    ledger.do(stop_everything, **ANNA)
    with pytest.raises(IllegalMove, match="stopped already, by anna: wait"):
        ledger.do(stop_everything, **ANNA)
    ledger.do(start_everything, actor="anna")
    with pytest.raises(IllegalMove, match="nothing is stopped"):
        ledger.do(start_everything, actor="anna")
    ledger.a_campaign(1)
    ledger.a_lease()


def test_pausing_twice_and_resuming_twice_say_so(ledger: Ledger) -> None:
    ledger.do(pause_account_by_hand, "default", **ANNA)
    with pytest.raises(IllegalMove, match="paused already: wait"):
        ledger.do(pause_account_by_hand, "default", **ANNA)
    ledger.do(resume_account, "default", actor="anna")
    with pytest.raises(IllegalMove, match="is not paused"):
        ledger.do(resume_account, "default", actor="anna")
    with pytest.raises(UnknownAccount, match="there is default"):
        ledger.do(resume_account, "shop", actor="anna")


def test_every_deed_leaves_who_and_why(ledger: Ledger) -> None:
    from models.event import Event

    campaign_id = ledger.a_campaign(1)
    ledger.do(pause_campaign, campaign_id, **ANNA)
    ledger.do(resume_campaign, campaign_id, actor="boris")
    ledger.cancel(campaign_id)
    deeds = [(one.kind, one.actor, one.reason) for one in ledger.all(select(Event).order_by(Event.id))][-3:]
    assert deeds == [
        ("campaign_paused", "anna", "wait"),
        ("campaign_resumed", "boris", None),
        ("campaign_cancelled", "anna", "wrong text"),
    ]


def test_a_cancel_of_a_long_campaign_touches_its_waiting_batches_in_few_statements(ledger: Ledger) -> None:
    from sqlalchemy import event

    ledger.an_account(batch_size=1)
    campaign_id = ledger.a_campaign(300)
    statements: list[str] = []
    with transaction(ledger.sessions) as session:
        event.listen(session.connection(), "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
        cancel_campaign(session, campaign_id, clock=ledger.clock, **ANNA)
    assert len(statements) < 30
    ledger.prove()


def _pause(session: Session, ledger: Ledger) -> None:
    pause_account_by_hand(session, "default", clock=ledger.clock, **ANNA)


def _pause_campaign(session: Session, ledger: Ledger) -> None:
    pause_campaign(session, 1, clock=ledger.clock, **ANNA)


def _cancel(session: Session, ledger: Ledger) -> None:
    cancel_campaign(session, 1, clock=ledger.clock, **ANNA)


def _stop(session: Session, ledger: Ledger) -> None:
    stop_everything(session, clock=ledger.clock, **ANNA)


@pytest.mark.parametrize("stop", [_pause, _pause_campaign, _cancel, _stop])
def test_once_a_stop_has_committed_no_claim_succeeds(
    postgres_ledger: Ledger, stop: Callable[[Session, Ledger], None]
) -> None:
    """Eight workers claim and give back as fast as they can; the moment of the stop is read on the shared clock."""
    postgres_ledger.an_account(batch_size=1, max_parallel=64)
    postgres_ledger.a_campaign(400)
    stopped, begun = Signal(), Signal()

    def worker() -> int:
        late_count = 0
        for _ in range(60):
            over = stopped.is_set()
            with transaction(postgres_ledger.sessions) as session:
                lease = claim(session, 1, clock=postgres_ledger.clock, **CLAIMING)
            begun.set()
            late_count += over and isinstance(lease, Lease)
            if over or not isinstance(lease, Lease):
                break
        return late_count

    def person() -> int:
        assert begun.wait(10)
        with transaction(postgres_ledger.sessions) as session:
            stop(session, postgres_ledger)
            in_flight = len(session.execute(select(Attempt.id).where(Attempt.closed_at.is_(None))).all())
        stopped.set()
        return in_flight

    *late, in_flight = together([*[worker] * 6, person])
    assert late == [0] * 6
    assert len(postgres_ledger.all(select(Attempt.id))) == in_flight
    postgres_ledger.prove()


def test_a_claim_under_way_is_waited_for_and_counted_as_in_flight(postgres_ledger: Ledger) -> None:
    postgres_ledger.a_campaign(1)
    claimed, waiting = Signal(), Signal()

    def worker() -> None:
        with transaction(postgres_ledger.sessions) as session:
            assert isinstance(claim(session, 1, clock=postgres_ledger.clock, **CLAIMING), Lease)
            claimed.set()
            waiting.wait(0.2)

    def person() -> int:
        assert claimed.wait(10)
        with transaction(postgres_ledger.sessions) as session:
            return stop_everything(session, clock=postgres_ledger.clock, **ANNA).in_flight_count

    assert together([worker, person])[1] == 1


@pytest.mark.parametrize(("hours", "scheduled"), [(1, 2), (-1, 0)])
def test_cancel_says_what_lies_at_the_provider_for_later(ledger: Ledger, hours: int, scheduled: int) -> None:
    ledger.an_account(batch_size=2, time_offset_minutes=180)
    campaign_id = ledger.a_campaign(4, timing=Timing(time_send=NOON + timedelta(hours=2)))
    lease = ledger.a_lease()
    ledger.record(lease, accepted(lease))
    ledger.clock.jump(3600 * (2 - hours))
    stopped = ledger.do(cancel_campaign, campaign_id, actor="anna", reason="enough")
    assert (stopped.in_flight_count, stopped.scheduled_count) == (0, scheduled)
