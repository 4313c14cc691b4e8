"""Purge: what ended long ago holds no number and no text any more, and still cannot be sent twice."""

from sqlalchemy import func, select, update

from models.attempt import Attempt
from models.campaign import Campaign
from models.content import Sms
from models.event import Event
from models.ledger.charges import Comparison
from models.ledger.enqueue import Recipient
from models.ledger.purge import POSITIONS_AT_ONCE, Purgeable, find_purgeable, purge_piece
from models.ledger.report import results, show
from models.ledger.stops import add_stops, read_stops
from models.recipient import Recipient as Row
from models.session import reading
from models.states import RecipientStatus
from models.work import Closing, Lease, RecipientOutcome, Verdict
from tests.support.ledger import Ledger, accepted, in_doubt, numbers, positions, together

DAYS = 90
LONG = (DAYS + 1) * 86_400.0
GREETING = Sms(sender="Shop", text="Hello {name}")


def find(ledger: Ledger) -> list[Purgeable]:
    with reading(ledger.sessions) as session:
        return list(find_purgeable(session, older_than_days=DAYS, clock=ledger.clock))


def purge(ledger: Ledger, campaign_id: int) -> int:
    pieces = 1
    while ledger.do(purge_piece, campaign_id, older_than_days=DAYS, actor="anna"):
        pieces += 1
    return pieces


def answer(ledger: Ledger, lease: Lease) -> None:
    """Two are accepted, the third is rejected with a text that quotes its number."""
    refusal = RecipientOutcome(3, RecipientStatus.REJECTED, provider_text="79030000003 is closed", reason="closed")
    closing = Closing(
        (*accepted(lease, [1, 2]).outcomes, refusal),
        Verdict.COMPLETE,
        "answered",
        "1 rejected",
        tuple(positions(lease)),
        request_bytes=b"79030000003",
        reply_bytes=b"79030000003 is closed",
    )
    ledger.record(lease, closing)


def an_old_campaign(ledger: Ledger) -> int:
    people = [Recipient(one.phone, {"name": "Anna"}, ref="order 7") for one in numbers(3)]
    people.append(Recipient("79030000004", {}))
    campaign_id = ledger.a_campaign(content=GREETING, recipients=people, key="spring")
    answer(ledger, ledger.a_lease())
    ledger.settle()
    ledger.clock.jump(LONG)
    return campaign_id


def everything(ledger: Ledger, campaign_id: int) -> str:
    """Everything that the database holds of a campaign, as one text."""
    held: list[object] = [ledger.campaign(campaign_id)]
    held += ledger.all(select(Row).where(Row.campaign_id == campaign_id))
    held += [*ledger.outcomes(campaign_id).values(), *ledger.attempts(campaign_id)]
    held += ledger.all(select(Event).where(Event.campaign_id == campaign_id))
    return repr([{name: value for name, value in vars(one).items() if name[0] != "_"} for one in held])


def test_no_number_no_text_and_no_reply_is_left(ledger: Ledger) -> None:
    campaign_id = an_old_campaign(ledger)
    before = everything(ledger, campaign_id)
    assert purge(ledger, campaign_id) == 1
    after = everything(ledger, campaign_id)
    for secret in ("7903000000", "Hello", "Anna", "order 7", "is closed"):
        assert secret in before, secret
        assert secret not in after, secret


def test_keys_counts_ids_and_attempts_stay(ledger: Ledger) -> None:
    campaign_id = an_old_campaign(ledger)
    campaign, attempts = ledger.campaign(campaign_id), len(ledger.attempts(campaign_id))
    with reading(ledger.sessions) as session:
        before = [(one.client_id_sms, one.status, one.id_sms, one.reason) for one in results(session, campaign_id)]
    purge(ledger, campaign_id)
    with reading(ledger.sessions) as session:
        rows = list(results(session, campaign_id))
        shown = show(session, campaign_id, clock=ledger.clock)
    assert [(one.client_id_sms, one.status, one.id_sms, one.reason) for one in rows] == before
    assert [one.phone for one in rows] == ["", "", "", ""]
    purged = ledger.campaign(campaign_id)
    kept = ("key_prefix", "external_key", "content_hash", "total_count", "accepted_count", "rejected_count")
    assert [getattr(purged, name) for name in kept] == [getattr(campaign, name) for name in kept]
    assert len(ledger.attempts(campaign_id)) == attempts
    assert (shown["status"], shown["purged_at"]) == ("finished", purged.purged_at)


def test_an_application_that_repeats_its_key_still_gets_the_first_campaign(ledger: Ledger) -> None:
    campaign_id = an_old_campaign(ledger)
    purge(ledger, campaign_id)
    people = [Recipient(one.phone, {"name": "Anna"}) for one in numbers(4)]
    assert ledger.a_draft(content=GREETING, recipients=people, key="spring") == campaign_id


def test_what_was_charged_still_agrees_with_what_is_recorded(ledger: Ledger) -> None:
    campaign_id = an_old_campaign(ledger)
    with reading(ledger.sessions) as session:
        charges = [(one.client_id_sms, one.id_sms or "", one.phone) for one in results(session, campaign_id)][:2]
    purge(ledger, campaign_id)
    with reading(ledger.sessions) as session:
        comparison = Comparison(session, ledger.account().gateway_url)
        assert [*comparison.take(charges), *comparison.end()] == []


def test_only_what_ended_long_ago_is_found_and_only_once(ledger: Ledger) -> None:
    old = an_old_campaign(ledger)
    ledger.a_campaign(2)
    recent = ledger.a_lease()
    ledger.record(recent, accepted(recent))
    ledger.settle()
    running = ledger.a_campaign(2)
    assert [(one.campaign_id, one.total_count, one.begun) for one in find(ledger)] == [(old, 4, False)]
    purge(ledger, old)
    assert find(ledger) == []
    assert not ledger.do(purge_piece, running, older_than_days=DAYS, actor="anna")
    assert ledger.campaign(running).purged_at is None


def test_a_cancelled_campaign_with_a_document_in_flight_is_left_alone(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(3)
    lease = ledger.a_lease()
    ledger.cancel(campaign_id)
    ledger.clock.jump(LONG)
    assert find(ledger) == []
    ledger.record(lease, in_doubt(lease))
    assert [one.campaign_id for one in find(ledger)] == [campaign_id]


def test_a_campaign_stays_while_one_that_resends_it_may_ask_who_has_got_the_message(ledger: Ledger) -> None:
    old = an_old_campaign(ledger)
    again = ledger.a_campaign(2)
    with ledger.transaction() as session:
        session.execute(update(Campaign).where(Campaign.id == again).values(resend_of=old))
    lease = ledger.a_lease()
    ledger.record(lease, accepted(lease))
    ledger.settle()
    assert find(ledger) == []
    purge(ledger, old)
    assert ledger.campaign(old).purged_at is None
    ledger.clock.jump(LONG)
    assert [one.campaign_id for one in find(ledger)] == [old, again]
    for campaign_id in (old, again):
        purge(ledger, campaign_id)
    assert find(ledger) == []


def test_a_purge_that_was_broken_off_goes_on_where_it_was(ledger: Ledger) -> None:
    total = 2 * POSITIONS_AT_ONCE + 10
    ledger.an_account(batch_size=10_000)
    campaign_id = ledger.a_campaign(total)
    for _ in range(2):
        lease = ledger.a_lease()
        ledger.record(lease, accepted(lease))
    ledger.settle()
    ledger.clock.jump(LONG)

    def left() -> int:
        return int(ledger.all(select(func.count(Row.msisdn)).where(Row.campaign_id == campaign_id))[0])

    assert ledger.do(purge_piece, campaign_id, older_than_days=DAYS, actor="anna")
    assert left() == total - POSITIONS_AT_ONCE
    assert [(one.campaign_id, one.begun) for one in find(ledger)] == [(campaign_id, True)]
    assert purge(ledger, campaign_id) == 2
    assert left() == 0
    assert ledger.events().count("campaign_purged") == 1


def test_two_purges_at_once_do_the_work_of_one(ledger: Ledger) -> None:
    campaign_id = an_old_campaign(ledger)
    together([lambda: purge(ledger, campaign_id)] * 3)
    assert ledger.events().count("campaign_purged") == 1
    assert ledger.campaign(campaign_id).purged_through == 4


def test_a_value_in_a_reason_goes_and_another_reason_stays(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(2)
    lease = ledger.a_lease()
    reasons = {1: "no moment in {when}: write it like 2026-12-01 10:00 (her birthday)", 2: "no value for {name}"}
    skipped = tuple(RecipientOutcome(one, RecipientStatus.SKIPPED, reason=reason) for one, reason in reasons.items())
    ledger.record(lease, Closing(skipped, Verdict.COMPLETE, "not_posted", "nobody"))
    ledger.settle()
    ledger.clock.jump(LONG)
    purge(ledger, campaign_id)
    left = {position: one.reason for position, one in ledger.outcomes(campaign_id).items()}
    assert left == {1: "the reason held a value of the list; it was purged", 2: "no value for {name}"}


def test_the_stop_list_outlives_the_campaigns(ledger: Ledger) -> None:
    ledger.do(add_stops, ["79030000001"], reason="law", actor="anna")
    campaign_id = an_old_campaign(ledger)
    purge(ledger, campaign_id)
    with reading(ledger.sessions) as session:
        assert [one.msisdn for one in read_stops(session)] == ["79030000001"]


def test_the_newest_attempt_of_the_database_stays(ledger: Ledger) -> None:
    campaign_id = an_old_campaign(ledger)
    newest = ledger.all(select(func.max(Attempt.opened_at)))
    purge(ledger, campaign_id)
    assert ledger.all(select(func.max(Attempt.opened_at))) == newest
