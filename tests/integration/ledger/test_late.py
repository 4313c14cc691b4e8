"""Late: from its latest moment on nothing of a campaign is claimed, and a person decides about what is left."""

from datetime import datetime, timedelta

import pytest

from models.errors import IllegalMove
from models.ledger.control import pause_campaign, resume_campaign
from models.ledger.late import hold_late
from models.ledger.resumption import Resumption
from models.states import CampaignStatus
from models.work import ClaimRefusal, Lease
from tests.integration.ledger.test_windows import a_campaign
from tests.support.ledger import NOON, Ledger, accepted, in_doubt, not_sent

HOUR = 3600
LATEST = NOON + timedelta(hours=1)


def send_all(ledger: Ledger) -> int:
    sent = 0
    while isinstance(lease := ledger.claim(), Lease):
        ledger.record(lease, accepted(lease))
        sent += lease.last_position - lease.first_position + 1
    return sent


def test_from_the_latest_moment_on_nothing_is_claimed_even_before_the_tick(ledger: Ledger) -> None:
    a_campaign(ledger, latest_at=LATEST)
    ledger.clock.jump(HOUR)
    assert ledger.no_lease().why is ClaimRefusal.NOTHING_READY


def test_what_was_not_sent_in_time_is_held_once_and_counted(ledger: Ledger) -> None:
    ledger.an_account(batch_size=1)
    campaign_id = a_campaign(ledger, 5, latest_at=LATEST, time_zone="Europe/Moscow")
    for _ in range(2):
        lease = ledger.a_lease()
        ledger.record(lease, accepted(lease))
    assert ledger.do(hold_late) == []
    ledger.clock.jump(HOUR)
    (alarm,) = ledger.do(hold_late)
    assert alarm.reason == "late: 3 of 5 were not sent by 2026-03-01 16:00 Europe/Moscow"
    assert ledger.campaign(campaign_id).status is CampaignStatus.PAUSED
    assert ledger.do(hold_late) == []
    assert ledger.events().count("campaign_late") == 1


def test_what_is_in_flight_at_the_latest_moment_is_not_late(ledger: Ledger) -> None:
    campaign_id = a_campaign(ledger, 3, latest_at=LATEST)
    lease = ledger.a_lease()
    ledger.clock.jump(HOUR)
    assert ledger.do(hold_late) == []
    ledger.record(lease, accepted(lease))
    ledger.settle()
    assert ledger.campaign(campaign_id).status is CampaignStatus.FINISHED


def test_what_comes_back_unsent_after_the_latest_moment_is_late(ledger: Ledger) -> None:
    ledger.an_account(batch_size=2)
    campaign_id = a_campaign(ledger, 4, latest_at=LATEST)
    lease, other = ledger.a_lease(), ledger.a_lease()
    ledger.clock.jump(HOUR)
    ledger.record(lease, not_sent(lease))
    (alarm,) = ledger.do(hold_late)
    assert alarm.reason.startswith("late: 2 of 4")
    ledger.record(other, accepted(other))
    assert ledger.statuses(campaign_id) == {3: "accepted", 4: "accepted"}


def test_whoever_is_in_doubt_is_not_called_unsent(ledger: Ledger) -> None:
    ledger.an_account(batch_size=2)
    a_campaign(ledger, 5, latest_at=LATEST)
    lease = ledger.a_lease()
    ledger.record(lease, in_doubt(lease))
    ledger.clock.jump(HOUR)
    (alarm,) = ledger.do(hold_late)
    assert alarm.reason == "late: 3 of 5 were not sent by 2026-03-01 13:00 UTC, and 2 are in doubt: they may have been"


def test_a_doubt_is_not_asked_again_after_the_latest_moment(ledger: Ledger) -> None:
    a_campaign(ledger, 2, latest_at=LATEST)
    lease = ledger.a_lease()
    ledger.record(lease, in_doubt(lease))
    ledger.clock.jump(HOUR)
    assert ledger.no_lease().why is ClaimRefusal.NOTHING_READY
    assert len(ledger.do(hold_late)) == 1


def test_a_campaign_that_nobody_started_in_time_is_late_as_well(ledger: Ledger) -> None:
    campaign_id = a_campaign(ledger, 2, at=NOON + timedelta(minutes=30), latest_at=LATEST)
    ledger.clock.jump(2 * HOUR)
    assert len(ledger.do(hold_late)) == 1
    ledger.plan()
    assert ledger.campaign(campaign_id).started_at is None


def test_a_late_campaign_is_resumed_only_with_a_decision(ledger: Ledger) -> None:
    campaign_id = a_campaign(ledger, 2, latest_at=LATEST)
    ledger.clock.jump(2 * HOUR)
    ledger.do(hold_late)
    with pytest.raises(IllegalMove, match=r"--latest .* gives it more time, --late-anyway sends the rest"):
        ledger.do(resume_campaign, campaign_id, actor="anna")
    with pytest.raises(IllegalMove, match="is past its latest"):
        ledger.do(resume_campaign, campaign_id, actor="anna", change=Resumption(latest_at=LATEST))
    assert ledger.campaign(campaign_id).status is CampaignStatus.PAUSED
    later: datetime = ledger.clock.now + timedelta(hours=1)
    ledger.do(resume_campaign, campaign_id, actor="anna", change=Resumption(latest_at=later))
    assert ledger.do(hold_late) == []
    assert send_all(ledger) == 2


def test_a_late_campaign_can_be_sent_whenever_it_may_go(ledger: Ledger) -> None:
    campaign_id = a_campaign(ledger, 2, latest_at=LATEST)
    ledger.clock.jump(2 * HOUR)
    ledger.do(hold_late)
    ledger.do(resume_campaign, campaign_id, actor="anna", change=Resumption(late_anyway=True))
    ledger.clock.jump(30 * 24 * HOUR)
    assert ledger.do(hold_late) == []
    assert send_all(ledger) == 2


def test_a_person_s_pause_over_the_latest_moment_needs_the_same_decision(ledger: Ledger) -> None:
    campaign_id = a_campaign(ledger, 2, latest_at=LATEST)
    ledger.do(pause_campaign, campaign_id, actor="anna", reason="lunch")
    ledger.clock.jump(2 * HOUR)
    assert ledger.do(hold_late) == []
    with pytest.raises(IllegalMove, match="is past its latest"):
        ledger.do(resume_campaign, campaign_id, actor="anna")
