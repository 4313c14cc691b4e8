"""The stop list: nobody on it is posted, whenever he came there, and nobody in doubt is called unsent."""

from collections.abc import Iterator
from functools import partial

import pytest
from sqlalchemy import select

from models.content import Sms
from models.errors import EmptyList
from models.event import Event
from models.ledger.control import pause_campaign
from models.ledger.enqueue import Recipient
from models.ledger.owed import read_owed
from models.ledger.record import record
from models.ledger.stops import add_stops, find_stop, read_stops, remove_stops
from models.session import reading, transaction
from models.states import RecipientStatus
from models.work import Closing, Lease, Owing, RecipientOutcome, Verdict
from tests.support.ledger import RECORDING, Ledger, accepted, in_doubt, numbers, positions, together

FIRST, SECOND, THIRD = (str(79030000000 + number) for number in (1, 2, 3))


def stop(ledger: Ledger, *msisdns: str, reason: str = "asked by letter") -> int:
    return ledger.do(add_stops, msisdns, reason=reason, actor="anna")


def owed(ledger: Ledger, lease: Lease) -> Owing:
    with reading(ledger.sessions) as session:
        return read_owed(session, lease)


def stop_listed(lease: Lease, position: int) -> Closing:
    refusal = RecipientOutcome(position, RecipientStatus.REJECTED, provider_text="stop list", stop_listed=True)
    others = accepted(lease, [one for one in positions(lease) if one != position]).outcomes
    return Closing((*others, refusal), Verdict.COMPLETE, "answered", "1 rejected", tuple(positions(lease)))


def stops(ledger: Ledger) -> list[tuple[str, str, str]]:
    with reading(ledger.sessions) as session:
        return [(one.msisdn, one.reason, one.added_by) for one in read_stops(session)]


def test_a_number_is_added_once_and_keeps_its_first_reason(ledger: Ledger) -> None:
    assert stop(ledger, SECOND, FIRST, SECOND) == 2
    assert stop(ledger, FIRST, THIRD, reason="again") == 1
    assert stops(ledger) == [
        (FIRST, "asked by letter", "anna"),
        (SECOND, "asked by letter", "anna"),
        (THIRD, "again", "anna"),
    ]


def test_what_is_taken_off_is_sent_to_again(ledger: Ledger) -> None:
    stop(ledger, FIRST, SECOND)
    assert ledger.do(remove_stops, [FIRST, THIRD], actor="anna") == 1
    assert [one[0] for one in stops(ledger)] == [SECOND]
    campaign_id = ledger.a_campaign(2)
    assert ledger.statuses(campaign_id) == {2: "skipped"}


def test_events_tell_who_and_how_many_and_no_number(ledger: Ledger) -> None:
    stop(ledger, FIRST, SECOND)
    ledger.do(remove_stops, [FIRST], actor="olga")
    stop(ledger, SECOND)
    ledger.do(remove_stops, [FIRST], actor="olga")
    told = [(one.kind, one.actor, one.facts) for one in ledger.all(select(Event)) if one.kind.startswith("stops")]
    assert told == [("stops_added", "anna", {"numbers": 2}), ("stops_removed", "olga", {"numbers": 1})]


def test_who_is_on_the_list_is_skipped_at_import(ledger: Ledger) -> None:
    stop(ledger, SECOND)
    campaign_id = ledger.a_campaign(3)
    campaign = ledger.campaign(campaign_id)
    assert (campaign.skipped_count, campaign.pending_count) == (1, 2)
    assert ledger.outcomes(campaign_id)[2].reason == "on the stop list"
    assert [one.position for one in owed(ledger, ledger.a_lease())] == [1, 3]


def test_a_row_that_is_refused_anyway_keeps_its_own_reason(ledger: Ledger) -> None:
    stop(ledger, FIRST)
    people = [Recipient(FIRST), Recipient(SECOND, {"name": "Olga"})]
    campaign_id = ledger.a_campaign(content=Sms(sender="Shop", text="Hello {name}"), recipients=people)
    assert ledger.outcomes(campaign_id)[1].reason == "no value for {name}"


def test_every_row_of_a_stopped_number_is_on_the_list_and_no_duplicate(ledger: Ledger) -> None:
    stop(ledger, FIRST)
    campaign_id = ledger.a_campaign(recipients=[Recipient(FIRST), Recipient(SECOND), Recipient(FIRST)])
    reasons = {position: one.reason for position, one in ledger.outcomes(campaign_id).items()}
    assert reasons == {1: "on the stop list", 3: "on the stop list"}


def test_a_list_of_nobody_but_stopped_numbers_is_no_campaign(ledger: Ledger) -> None:
    stop(ledger, FIRST, SECOND)
    with pytest.raises(EmptyList):
        ledger.a_draft(2)


def test_a_number_stopped_after_the_import_is_known_when_it_is_claimed(ledger: Ledger) -> None:
    ledger.a_campaign(3)
    stop(ledger, SECOND)
    assert [one.stopped for one in owed(ledger, ledger.a_lease())] == [False, True, False]


def test_a_number_stopped_after_the_claim_is_known_before_the_post(ledger: Ledger) -> None:
    ledger.a_campaign(3)
    lease = ledger.a_lease()
    stop(ledger, THIRD)
    assert [one.stopped for one in owed(ledger, lease)] == [False, False, True]


def test_the_providers_stop_list_adds_to_ours(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(3)
    lease = ledger.a_lease()
    ledger.record(lease, stop_listed(lease, 2))
    assert stops(ledger) == [(SECOND, "on the provider's stop list, by its answer in campaign 1", "provider")]
    assert ledger.statuses(campaign_id) == {1: "accepted", 2: "rejected", 3: "accepted"}
    assert ledger.statuses(ledger.a_campaign(3)) == {2: "skipped"}


def test_a_late_answer_of_the_providers_stop_list_counts_too(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(3)
    late = ledger.a_lease()
    ledger.clock.jump(600)
    ledger.rescue()
    ledger.record(late, stop_listed(late, 2))
    assert ledger.statuses(campaign_id) == {1: "accepted", 3: "accepted"}
    assert [one[0] for one in stops(ledger)] == [SECOND]


def test_an_entry_by_hand_is_not_overwritten_by_the_provider(ledger: Ledger) -> None:
    ledger.a_campaign(3)
    stop(ledger, SECOND)
    lease = ledger.a_lease()
    ledger.record(lease, stop_listed(lease, 2))
    assert stops(ledger) == [(SECOND, "asked by letter", "anna")]


def test_whoever_was_accepted_before_the_stop_stays_accepted(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(3)
    lease = ledger.a_lease()
    stop(ledger, SECOND)
    ledger.record(lease, accepted(lease))
    assert ledger.statuses(campaign_id) == {1: "accepted", 2: "accepted", 3: "accepted"}


def test_a_number_stopped_in_doubt_is_seen_as_stopped_when_it_would_be_asked_again(ledger: Ledger) -> None:
    ledger.a_campaign(3)
    lease = ledger.a_lease()
    ledger.record(lease, in_doubt(lease))
    stop(ledger, SECOND)
    ledger.clock.jump(600)
    again = ledger.a_lease()
    assert again.history.doubtful
    assert [one.stopped for one in owed(ledger, again)] == [False, True, False]


def test_two_who_add_the_same_numbers_in_opposite_orders_do_not_lock_each_other_out(ledger: Ledger) -> None:
    everybody = [one.phone for one in numbers(500)]
    added = together([lambda: stop(ledger, *everybody), lambda: stop(ledger, *reversed(everybody))] * 3)
    assert sum(added) == 500


def test_answers_that_stop_the_same_numbers_at_once_do_not_lock_each_other_out(postgres_ledger: Ledger) -> None:
    ledger = postgres_ledger
    ledger.an_account(batch_size=20, max_parallel=4)
    for shift in range(4):
        people = [one.phone for one in numbers(20)]
        ledger.a_campaign(recipients=[Recipient(phone) for phone in people[shift * 5 :] + people[: shift * 5]])
    leases = [ledger.a_lease() for _ in range(4)]

    def refuse(lease: Lease) -> None:
        refusals = tuple(
            RecipientOutcome(one, RecipientStatus.REJECTED, provider_text="stop list", stop_listed=True)
            for one in positions(lease)
        )
        closing = Closing(refusals, Verdict.COMPLETE, "answered", "20 rejected", tuple(positions(lease)))
        with transaction(ledger.sessions) as session:
            record(session, lease, closing, clock=ledger.clock, **RECORDING)

    together([partial(refuse, lease) for lease in leases])
    ledger.prove()
    assert len(stops(ledger)) == 20


def test_one_entry_is_found_by_its_number(ledger: Ledger) -> None:
    stop(ledger, FIRST)
    with reading(ledger.sessions) as session:
        found = find_stop(session, FIRST)
        assert found is not None and found.reason == "asked by letter"
        assert find_stop(session, SECOND) is None


def test_a_list_of_thousands_is_added_and_read_in_pieces(ledger: Ledger) -> None:
    def everybody() -> Iterator[str]:
        yield from (one.phone for one in numbers(6_000))

    ledger.do(add_stops, everybody(), reason="law", actor="anna")
    assert len(stops(ledger)) == 6_000
    campaign_id = ledger.a_draft(recipients=[*numbers(6_000), Recipient("79040000000")])
    assert ledger.campaign(campaign_id).skipped_count == 6_000


def test_a_stop_changes_nothing_while_nobody_claims(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(3)
    ledger.do(pause_campaign, campaign_id, actor="anna", reason="wait")
    stop(ledger, FIRST)
    assert ledger.campaign(campaign_id).pending_count == 3
