"""A database that is older than what was sent from it: what is noticed, what is held, what is asked again."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.errors import IllegalMove
from models.event import Event
from models.installation import Installation
from models.ledger.adopt import Adopted, Sighting, adopt, is_restored, note_restored, read_standing
from models.ledger.control import cancel_campaign, pause_campaign, resume_campaign
from models.session import reading
from models.states import BatchStatus, CampaignStatus
from models.work import ClaimRefusal, Lease
from tests.support.ledger import NOON, Ledger, accepted, in_doubt

LATER = Sighting(99, NOON + timedelta(hours=1))


def standing_latest(ledger: Ledger) -> Sighting | None:
    with reading(ledger.sessions) as session:
        return read_standing(session).latest


def adopted(ledger: Ledger, environment: str = "development", *, restored: bool = True) -> Adopted:
    return ledger.do(adopt, environment=environment, actor="anna", restored=restored)


def a_backup(ledger: Ledger) -> Lease:
    """Of seven recipients two were accepted; the lease of the next two is open, the rest is planned."""
    ledger.an_account(batch_size=2)
    ledger.a_campaign(7)
    lease = ledger.a_lease()
    ledger.record(lease, accepted(lease))
    return lease


@pytest.mark.parametrize(
    ("latest", "witnessed", "restored"),
    [
        (Sighting(5, NOON), Sighting(5, NOON), False),
        (Sighting(7, NOON), Sighting(5, NOON - timedelta(minutes=9)), False),
        (Sighting(5, NOON), Sighting(6, NOON + timedelta(seconds=59)), False),
        (Sighting(5, NOON), Sighting(6, NOON + timedelta(seconds=61)), True),
        # The clock of the database was set back by an hour: its newest attempt looks old, and is the newest.
        (Sighting(7, NOON - timedelta(hours=1)), Sighting(6, NOON), False),
        (None, Sighting(1, NOON), True),
    ],
)
def test_a_database_is_restored_if_it_lacks_attempts_by_more_than_a_minute(
    latest: Sighting | None, witnessed: Sighting, restored: bool
) -> None:
    assert is_restored(latest, witnessed) is restored


def test_nothing_is_claimed_from_a_restored_database(ledger: Ledger) -> None:
    a_backup(ledger)
    reason = ledger.do(note_restored, LATER)
    assert reason is not None and "bulkpost adopt" in reason
    assert ledger.no_lease().why is ClaimRefusal.RESTORED
    assert ledger.events().count("restore_noticed") == 1
    assert ledger.do(note_restored, LATER) == reason
    assert ledger.events().count("restore_noticed") == 1


def test_a_database_that_has_the_attempt_by_now_is_left_alone(ledger: Ledger) -> None:
    lease = a_backup(ledger)
    assert ledger.do(note_restored, Sighting(lease.attempt_id, lease.opened_at)) is None
    ledger.a_lease()


def test_what_nobody_has_reason_to_adopt_is_not_adopted(ledger: Ledger) -> None:
    a_backup(ledger)
    with pytest.raises(IllegalMove, match="--restored"):
        adopted(ledger, restored=False)
    ledger.a_lease()


def test_after_adopting_nothing_that_was_due_starts_by_itself(ledger: Ledger) -> None:
    a_backup(ledger)
    draft = ledger.a_draft(3)
    ledger.do(note_restored, LATER)
    done = adopted(ledger, restored=False)
    assert done.held == (1, draft)
    assert [ledger.campaign(one).status for one in (1, draft)] == [CampaignStatus.PAUSED] * 2
    ledger.plan()
    assert ledger.no_lease().why is ClaimRefusal.NOTHING_READY


def test_what_is_due_later_than_the_restore_starts_at_its_time(ledger: Ledger) -> None:
    a_backup(ledger)
    later = ledger.a_draft(3, at=NOON + timedelta(days=1))
    assert adopted(ledger).held == (1,)
    assert ledger.campaign(later).status is CampaignStatus.SCHEDULED


def test_everybody_pending_is_in_doubt_and_asked_again_under_the_old_keys(ledger: Ledger) -> None:
    first = a_backup(ledger)
    assert adopted(ledger).in_doubt_count == 5
    ledger.do(resume_campaign, 1, actor="anna")
    again = ledger.a_lease()
    assert (again.first_position, again.history.doubtful) == (3, True)
    assert again.key_prefix == first.key_prefix
    assert all(batch.doubt_since == first.opened_at for batch in ledger.batches(1)[2:])


def test_a_campaign_that_was_due_and_not_begun_is_in_doubt_as_a_whole(ledger: Ledger) -> None:
    ledger.an_account(batch_size=2)
    campaign_id = ledger.a_draft(5)
    ledger.clock.jump(60)
    assert adopted(ledger).in_doubt_count == 5
    assert [batch.doubt_since is not None for batch in ledger.batches(campaign_id)] == [True] * 3
    assert ledger.do(resume_campaign, campaign_id, actor="anna").status is CampaignStatus.RUNNING
    ledger.plan()
    assert len(ledger.batches(campaign_id)) == 3


def test_what_the_old_copy_may_have_sent_is_never_called_cancelled(ledger: Ledger) -> None:
    a_backup(ledger)
    adopted(ledger)
    ledger.do(cancel_campaign, 1, actor="anna", reason="enough")
    assert set(ledger.statuses(1).values()) == {"accepted", "unknown"}


def test_a_lease_of_the_backup_is_rescued_into_doubt(ledger: Ledger) -> None:
    a_backup(ledger)
    lease = ledger.a_lease()
    adopted(ledger)
    ledger.clock.jump(3600)
    assert ledger.rescue() == 1
    (batch,) = [one for one in ledger.batches(1) if one.id == lease.batch_id]
    assert (batch.status, batch.doubt_since) == (BatchStatus.RETRYABLE, lease.opened_at)


def test_an_older_doubt_keeps_its_age(ledger: Ledger) -> None:
    ledger.an_account(batch_size=2)
    ledger.a_campaign(2)
    lease = ledger.a_lease()
    ledger.record(lease, in_doubt(lease))
    ledger.clock.jump(600)
    ledger.a_draft(1)
    other = ledger.campaign(2)
    adopted(ledger)
    assert ledger.batches(1)[0].doubt_since == lease.opened_at
    assert ledger.batches(other.id)[0].doubt_since == other.start_at


def test_a_copy_for_another_environment_starts_nothing_at_all(ledger: Ledger) -> None:
    a_backup(ledger)
    later = ledger.a_draft(3, at=NOON + timedelta(days=1))
    done = adopted(ledger, "staging", restored=False)
    assert done.held == (1, later)
    assert ledger.campaign(later).status is CampaignStatus.PAUSED
    assert ledger.batches(later) == []
    (installation,) = ledger.all(select(Installation))
    assert installation.environment == "staging"
    assert ledger.do(resume_campaign, later, actor="anna").status is CampaignStatus.SCHEDULED


def test_adopted_is_another_installation_and_says_who_did_it(ledger: Ledger) -> None:
    a_backup(ledger)
    (before,) = ledger.all(select(Installation.installation_id))
    done = adopted(ledger)
    (after,) = ledger.all(select(Installation.installation_id))
    assert (after != before, after) == (True, done.installation_id)
    (event,) = ledger.all(select(Event).where(Event.kind == "adopted"))
    assert (event.actor, event.facts["campaigns"]) == ("anna", [1])


def test_a_campaign_that_a_person_had_paused_keeps_the_reason(ledger: Ledger) -> None:
    a_backup(ledger)
    ledger.do(pause_campaign, 1, actor="boris", reason="wrong text")
    adopted(ledger)
    campaign = ledger.campaign(1)
    assert (campaign.status_by, campaign.status_reason) == ("boris", "wrong text")
    assert ledger.batches(1)[-1].doubt_since is not None


def test_the_latest_attempt_is_the_one_with_the_greatest_number(ledger: Ledger) -> None:
    assert standing_latest(ledger) is None
    lease = a_backup(ledger)
    assert standing_latest(ledger) == Sighting(lease.attempt_id, lease.opened_at)
