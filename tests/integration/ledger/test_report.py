"""Report: what a person sees, and why nothing is happening."""

from datetime import timedelta

import pytest

from models.content import Sms
from models.errors import UnknownCampaign
from models.ledger import report
from models.ledger.control import pause_account_by_hand, pause_campaign, stop_everything
from models.ledger.enqueue import Recipient
from models.ledger.importing import add_rows, begin_import, finish_import
from models.ledger.keys import send_key
from models.ledger.report import ResultRow, list_campaigns, results, show
from models.ledger.rows import NewRow
from models.ledger.unfinished import unfinished
from models.session import reading
from models.states import RecipientStatus
from tests.support.ledger import NOON, PLAIN, Ledger, accepted, in_doubt, not_sent, rejected

ANNA = {"actor": "anna", "reason": "wait"}


def waiting_for(ledger: Ledger, campaign_id: int) -> str | None:
    found: str | None = ledger.read(show, campaign_id)["waiting_for"]
    return found


def rows(ledger: Ledger, campaign_id: int, *statuses: RecipientStatus) -> list[ResultRow]:
    with reading(ledger.sessions) as session:
        return list(results(session, campaign_id, statuses=frozenset(statuses) or None))


def test_the_counts_add_up_and_the_doubt_is_named(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(5)
    lease = ledger.a_lease()
    assert ledger.read(show, campaign_id)["in_doubt"] == 0
    ledger.record(lease, accepted(lease, [1, 2]))
    shown = ledger.read(show, campaign_id)
    assert shown["counts"] == {
        "total": 5,
        "pending": 3,
        "accepted": 2,
        "rejected": 0,
        "unknown": 0,
        "cancelled": 0,
        "skipped": 0,
    }
    assert (shown["in_doubt"], shown["in_doubt_since"]) == (3, lease.opened_at)
    assert shown["segments"] == {"billed": 4, "expected": 0, "forecast": 5}


def test_a_personal_text_has_no_expected_segments(ledger: Ledger) -> None:
    people = [Recipient("79030000001", {"name": "Anna"})]
    campaign_id = ledger.a_draft(content=Sms(sender="Shop", text="Hello {name}"), recipients=people)
    assert ledger.read(show, campaign_id)["segments"] == {"billed": 0, "expected": 0, "forecast": None}


def test_a_draft_waits_for_its_author(ledger: Ledger) -> None:
    campaign_id = ledger.do(begin_import, content=PLAIN, account="default", column_names=())
    with pytest.raises(UnknownCampaign):
        ledger.read(show, campaign_id)
    ledger.do(add_rows, campaign_id, 1, [NewRow("79030000001")])
    ledger.do(finish_import, campaign_id, start=False)
    assert waiting_for(ledger, campaign_id) == f"a draft: bulkpost campaign start {campaign_id}"


def test_what_a_campaign_waits_for(ledger: Ledger) -> None:
    later = ledger.a_draft(1, at=NOON + timedelta(hours=1))
    assert waiting_for(ledger, later) == "its time, 2026-03-01 13:00:00 UTC"
    campaign_id = ledger.a_draft(1)
    assert waiting_for(ledger, campaign_id) == "a worker"
    ledger.plan()
    assert waiting_for(ledger, campaign_id) == "a worker"
    lease = ledger.a_lease()
    assert waiting_for(ledger, campaign_id) is None
    ledger.record(lease, not_sent(lease, 60))
    assert waiting_for(ledger, campaign_id) == "1 batches to be asked again from 12:01:00 UTC"
    for _ in range(4):
        ledger.clock.jump(60)
        lease = ledger.a_lease()
        ledger.record(lease, not_sent(lease, 60))
    assert "5 attempts in a row brought no answer" in (waiting_for(ledger, campaign_id) or "")
    ledger.do(pause_account_by_hand, "default", **ANNA)
    assert waiting_for(ledger, campaign_id) == "account default is paused by anna: wait"
    ledger.do(stop_everything, **ANNA)
    assert waiting_for(ledger, campaign_id) == "everything is stopped by anna: wait; bulkpost start ends it"
    ledger.do(pause_campaign, campaign_id, actor="boris", reason="typo")
    assert waiting_for(ledger, campaign_id) == "paused by boris: typo"
    ledger.cancel(campaign_id)
    assert waiting_for(ledger, campaign_id) is None


def test_results_name_everybody_in_order_with_their_key(ledger: Ledger) -> None:
    people = [Recipient("79030000001", ref="a"), Recipient("12"), Recipient("79030000002"), Recipient("79030000003")]
    campaign_id = ledger.a_campaign(recipients=people)
    lease = ledger.a_lease()
    ledger.record(
        lease, accepted(lease, [1], outcomes=(*accepted(lease, [1]).outcomes, *rejected(lease, [3]).outcomes))
    )
    one, two, three, four = rows(ledger, campaign_id)
    prefix = ledger.campaign(campaign_id).key_prefix or ""
    assert [row.client_id_sms for row in (one, two, three, four)] == [send_key(prefix, n) for n in (1, 2, 3, 4)]
    assert (one.phone, one.ref, one.status, one.id_sms, one.parts, one.attempts) == (
        "79030000001",
        "a",
        "accepted",
        "id-1-1",
        2,
        1,
    )
    assert (two.phone, two.status, two.attempts) == ("", "skipped", 0)
    assert (three.status, three.error_class, three.provider_text) == (
        "rejected",
        "recipient",
        "Number phone is incorrect",
    )
    assert (four.status, four.attempts, four.updated_at) == ("pending", 1, None)


def test_results_are_read_in_pieces_without_a_seam(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "ROWS_READ", 3)
    ledger.an_account(batch_size=4)
    campaign_id = ledger.a_campaign(10)
    for closing in (accepted, in_doubt):
        lease = ledger.a_lease()
        ledger.record(lease, closing(lease))
    found = rows(ledger, campaign_id)
    assert [row.position for row in found] == list(range(1, 11))
    assert [row.attempts for row in found] == [1] * 8 + [0, 0]


def test_results_can_be_chosen_by_status(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(3)
    lease = ledger.a_lease()
    ledger.record(lease, accepted(lease, [2]))
    assert [row.position for row in rows(ledger, campaign_id, RecipientStatus.ACCEPTED)] == [2]
    assert [row.position for row in rows(ledger, campaign_id, RecipientStatus.PENDING)] == [1, 3]


def test_the_list_shows_the_newest_first_and_no_import_under_way(ledger: Ledger) -> None:
    first, second = ledger.a_draft(1), ledger.a_campaign(1)
    ledger.do(begin_import, content=PLAIN, account="default", column_names=())
    assert [one["id"] for one in ledger.read(list_campaigns)] == [second, first]
    assert [one["id"] for one in ledger.read(list_campaigns, limit=1)] == [second]


def test_nothing_is_left_to_do_for_what_cannot_go_on_by_itself(ledger: Ledger) -> None:
    ledger.a_draft(1, at=NOON + timedelta(hours=1))
    paused = ledger.a_campaign(1)
    ledger.do(pause_campaign, paused, **ANNA)
    assert ledger.read(unfinished) == []
    campaign_id = ledger.a_campaign(1)
    assert [one["id"] for one in ledger.read(unfinished)] == [campaign_id]
    ledger.do(pause_account_by_hand, "default", **ANNA)
    assert ledger.read(unfinished) == []
