"""Editing: what is in use cannot change, and nothing of a refused edit is done."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from models.campaign import Campaign
from models.content import Sms
from models.errors import BadTimes, ContentError, IllegalMove, LedgerError
from models.event import Event
from models.ledger.claim import claim
from models.ledger.edit import Changes, Edited, edit_campaign
from models.ledger.enqueue import Recipient
from models.session import transaction
from models.states import CampaignStatus
from models.work import Lease
from tests.support.ledger import CLAIMING, NOON, Ledger, accepted, together

GREETING = Sms(sender="Shop", text="Hello {name} of {city}")
PEOPLE = [
    Recipient("79030000001", {"name": "Ivan", "city": "Moscow"}),
    Recipient("79030000002", {"name": "Olga", "city": ""}),
    Recipient("79030000003", {"name": "", "city": "Omsk"}),
    Recipient("79030000002", {"name": "Olga", "city": ""}),
]


def edit(ledger: Ledger, campaign_id: int, **changes: Any) -> Edited:
    return ledger.do(edit_campaign, campaign_id, Changes(**changes), actor="anna")


def test_the_text_changes_before_the_first_attempt(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(2)
    before = ledger.campaign(campaign_id).content_hash
    assert edit(ledger, campaign_id, fields={"text": "Goodbye"}).changed == ("content.text",)
    lease = ledger.a_lease()
    assert lease.content == Sms(sender="Shop", text="Goodbye")
    assert ledger.campaign(campaign_id).content_hash != before


def test_the_text_is_fixed_from_the_first_attempt_on_and_the_error_says_why(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(2)
    ledger.a_lease()
    with pytest.raises(IllegalMove, match="a key that it knows the provider answers with the old message's id"):
        edit(ledger, campaign_id, fields={"text": "Goodbye"}, name="New")
    assert ledger.campaign(campaign_id).name != "New"
    assert edit(ledger, campaign_id, name="New", priority=9).changed == ("name", "priority")


def test_a_new_text_may_only_name_what_was_stored(ledger: Ledger) -> None:
    campaign_id = ledger.a_draft(content=GREETING, recipients=PEOPLE)
    with pytest.raises(ContentError, match=r"names \{nmae\}, .* it has name, city; did you mean \{name\}\?"):
        edit(ledger, campaign_id, fields={"text": "Hi {nmae}"})
    with pytest.raises(ContentError, match="text is empty"):
        edit(ledger, campaign_id, fields={"text": ""})
    with pytest.raises(ContentError, match='no field "button_viber"'):
        edit(ledger, campaign_id, fields={"button_viber": "Buy"})
    assert edit(ledger, campaign_id, fields={"text": "Hi {city}"}).changed == ("content.text",)


def test_a_whole_content_takes_the_place_of_the_old_one(ledger: Ledger) -> None:
    campaign_id = ledger.a_draft(1)
    changed = edit(ledger, campaign_id, content={"sender": "Cafe", "text": "Hi"}, fields={"text": "Ho"}).changed
    assert changed == ("content.sender", "content.text")
    assert ledger.campaign(campaign_id).content == {"sender": "Cafe", "text": "Ho"}


def test_whoever_was_skipped_for_a_value_that_is_not_needed_any_more_is_sent_to_once(ledger: Ledger) -> None:
    campaign_id = ledger.a_draft(content=GREETING, recipients=PEOPLE)
    assert ledger.statuses(campaign_id) == {2: "skipped", 3: "skipped", 4: "skipped"}
    assert edit(ledger, campaign_id, fields={"text": "Hello {name}"}).unskipped_count == 1
    assert ledger.statuses(campaign_id) == {3: "skipped", 4: "skipped"}
    assert ledger.campaign(campaign_id).pending_count == 2


def test_nobody_is_sent_to_twice_because_of_an_edit(ledger: Ledger) -> None:
    twins = [
        Recipient("79030000001", {"name": "", "city": "Omsk"}),
        Recipient("79030000001", {"name": "I", "city": "O"}),
    ]
    campaign_id = ledger.a_draft(content=GREETING, recipients=twins)
    assert edit(ledger, campaign_id, fields={"text": "Hello {city}"}).unskipped_count == 0


def test_an_edit_writes_who_and_what_but_no_text(ledger: Ledger) -> None:
    campaign_id = ledger.a_draft(1, name="Old")
    edit(ledger, campaign_id, fields={"text": "Secret"}, name="New", priority=7)
    (deed,) = ledger.all(select(Event).where(Event.kind == "campaign_edited"))
    assert (deed.actor, deed.facts) == (
        "anna",
        {"changed": ["name", "priority", "content.text"], "before": {"name": "Old", "priority": 5}, "unskipped": 0},
    )


def test_an_edit_that_changes_nothing_leaves_no_trace(ledger: Ledger) -> None:
    campaign_id = ledger.a_draft(1, name="Old")
    assert edit(ledger, campaign_id, fields={"text": "Hello"}, name="Old", priority=5).changed == ()
    assert "campaign_edited" not in ledger.events()


def test_the_start_moves_until_the_campaign_has_started(ledger: Ledger) -> None:
    tomorrow = NOON + timedelta(days=1)
    campaign_id = ledger.a_draft(1, at=tomorrow)
    assert edit(ledger, campaign_id, at=tomorrow + timedelta(days=1)).changed == ("start_at",)
    with pytest.raises(LedgerError, match="is in the past: to start at once say --now"):
        edit(ledger, campaign_id, at=NOON - timedelta(days=1))
    edit(ledger, campaign_id, at_once=True)
    ledger.plan()
    assert ledger.campaign(campaign_id).status is CampaignStatus.RUNNING
    with pytest.raises(IllegalMove, match=r"started on 2026-03-01 .*: its start cannot be moved"):
        edit(ledger, campaign_id, at=tomorrow)


def test_the_start_stays_before_the_latest_moment(ledger: Ledger) -> None:
    campaign_id = ledger.a_draft(1, at=NOON + timedelta(hours=1))
    with ledger.transaction() as session:
        campaign = session.get(Campaign, campaign_id)
        assert campaign is not None
        campaign.latest_at = NOON + timedelta(hours=2)
    with pytest.raises(LedgerError, match="is not before its latest moment"):
        edit(ledger, campaign_id, at=NOON + timedelta(hours=2))


@pytest.mark.parametrize(
    ("changes", "said"), [({"priority": 10}, "priority 10"), ({"name": " "}, "a name has 1 to 200")]
)
def test_values_out_of_their_range_are_refused(ledger: Ledger, changes: dict[str, Any], said: str) -> None:
    campaign_id = ledger.a_draft(1)
    with pytest.raises(LedgerError, match=said):
        edit(ledger, campaign_id, **changes)


def test_what_has_ended_says_nothing_any_more(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(1)
    ledger.cancel(campaign_id)
    with pytest.raises(IllegalMove, match="is cancelled: it says nothing any more"):
        edit(ledger, campaign_id, fields={"text": "Goodbye"})
    assert edit(ledger, campaign_id, name="Wrong text").changed == ("name",)


@pytest.mark.parametrize("round_", range(4))
def test_an_edit_and_a_claim_at_once_never_send_two_texts(postgres_ledger: Ledger, round_: int) -> None:
    ledger = postgres_ledger
    ledger.an_account(batch_size=1, max_parallel=8)
    campaign_id = ledger.a_campaign(4)

    def rewrite() -> str:
        try:
            with transaction(ledger.sessions) as session:
                changes = Changes(fields={"text": "New"})
                edit_campaign(session, campaign_id, changes, actor="anna", clock=ledger.clock)
        except IllegalMove:
            return "Hello"
        return "New"

    def take() -> str:
        with transaction(ledger.sessions) as session:
            lease = claim(session, 1, clock=ledger.clock, **CLAIMING)
        assert isinstance(lease, Lease)
        assert isinstance(lease.content, Sms)
        return lease.content.text

    assert len(set(together([rewrite, take, take, take]))) == 1


def test_an_edited_campaign_is_sent_to_its_end(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(content=GREETING, recipients=PEOPLE)
    edit(ledger, campaign_id, fields={"text": "Hello"})
    lease = ledger.a_lease()
    ledger.record(lease, accepted(lease, [1, 2, 3], verdict=accepted(lease).verdict, doubt=False))
    assert ledger.settle() == 1


def test_hours_can_be_changed_while_it_runs(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(3)
    done = edit(ledger, campaign_id, window="14:00-15:00", time_zone="UTC", latest_at=NOON + timedelta(hours=9))
    assert done.changed == ("latest_at", "send_window", "time_zone")
    campaign = ledger.campaign(campaign_id)
    assert campaign.opens_at is not None and campaign.opens_at.hour == 14
    ledger.no_lease()
    assert edit(ledger, campaign_id, window="14:00-15:00", time_zone="UTC").changed == ()
    assert "send_window" in edit(ledger, campaign_id, window="").changed
    assert ledger.campaign(campaign_id).closes_at is None
    ledger.a_lease()


def test_hours_in_which_nothing_could_be_sent_are_refused(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(3)
    with pytest.raises(BadTimes, match="not after the start"):
        edit(ledger, campaign_id, latest_at=NOON - timedelta(hours=1))
    with pytest.raises(BadTimes, match="opens at"):
        edit(ledger, campaign_id, window="14:00-15:00", time_zone="UTC", latest_at=NOON + timedelta(minutes=30))
    assert ledger.campaign(campaign_id).send_window is None


def test_hours_of_what_has_ended_matter_no_more(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(3)
    ledger.cancel(campaign_id)
    with pytest.raises(IllegalMove, match="cancelled"):
        edit(ledger, campaign_id, window="10:00-11:00")
