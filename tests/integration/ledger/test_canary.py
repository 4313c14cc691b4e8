"""Canaries and costs: the first are sent alone and decide about the rest; a campaign costs no more than it may."""

import pytest

from models.content import Sms
from models.errors import IllegalMove
from models.ledger.canary import judge_canaries
from models.ledger.control import cancel_campaign, pause_campaign, resume_campaign
from models.ledger.cost import TooCostly
from models.ledger.importing import add_rows, begin_import, finish_import
from models.ledger.resumption import Resumption
from models.ledger.rows import NewRow
from models.rules import Rules
from models.states import CampaignStatus, RecipientStatus
from models.work import ClaimRefusal, Closing, Lease, RecipientOutcome, Verdict
from tests.integration.ledger.test_windows import a_campaign
from tests.support.ledger import PLAIN, Ledger, accepted, in_doubt, positions, rejected


def send_all(ledger: Ledger, refuse: frozenset[int] = frozenset()) -> list[int]:
    """Claim all that may go, refuse some positions and accept the others; return the positions."""
    sent: list[int] = []
    while isinstance(lease := ledger.claim(), Lease):
        both = accepted(lease, set(positions(lease)) - refuse).outcomes
        both += rejected(lease, set(positions(lease)) & refuse).outcomes
        ledger.record(lease, Closing(both, Verdict.COMPLETE, "answered", "said", tuple(positions(lease))))
        sent += positions(lease)
    return sent


def test_only_the_canary_is_sent_until_all_of_it_has_an_outcome(ledger: Ledger) -> None:
    ledger.an_account(batch_size=2)
    campaign_id = a_campaign(ledger, 10, canary_count=3)
    first, second = ledger.a_lease(), ledger.a_lease()
    ledger.plan()
    assert ledger.no_lease().why is ClaimRefusal.PARALLEL_LIMIT
    ledger.record(first, accepted(first))
    ledger.plan()
    assert ledger.no_lease().why is ClaimRefusal.NOTHING_READY
    assert ledger.do(judge_canaries) == []
    assert ledger.settle() == 0
    ledger.record(second, in_doubt(second))
    ledger.do(judge_canaries)
    ledger.plan()
    assert ledger.no_lease().why is ClaimRefusal.NOTHING_READY
    ledger.clock.jump(60)
    again = ledger.a_lease()
    ledger.record(again, accepted(again))
    assert ledger.do(judge_canaries) == []
    assert ledger.events()[-1] == "canary_passed"
    ledger.plan()
    assert send_all(ledger) == list(range(4, 11))
    assert ledger.settle() == 1
    assert ledger.campaign(campaign_id).accepted_count == 10


def test_a_canary_with_too_many_refused_pauses_the_campaign_with_the_reason(ledger: Ledger) -> None:
    campaign_id = a_campaign(ledger, 50, canary_count=20, canary_share=0.05)
    assert send_all(ledger, frozenset({1, 2})) == list(range(1, 21))
    (alarm,) = ledger.do(judge_canaries)
    assert "2 of the first 20 were not accepted, 5.0% of them may" in alarm.reason
    assert '2 times "Number phone is incorrect"' in alarm.reason
    assert ledger.campaign(campaign_id).status is CampaignStatus.PAUSED
    assert ledger.do(judge_canaries) == []
    ledger.plan()
    assert ledger.no_lease().why is ClaimRefusal.NOTHING_READY
    ledger.do(resume_campaign, campaign_id, actor="anna")
    ledger.plan()
    assert send_all(ledger) == list(range(21, 51))


def test_a_canary_may_fail_up_to_its_share(ledger: Ledger) -> None:
    a_campaign(ledger, 50, canary_count=20, canary_share=0.05)
    send_all(ledger, frozenset({1}))
    assert ledger.do(judge_canaries) == []
    assert ledger.events()[-1] == "canary_passed"


def test_a_pause_by_hand_does_not_pass_the_canary(ledger: Ledger) -> None:
    campaign_id = a_campaign(ledger, 5, canary_count=2)
    send_all(ledger, frozenset({1, 2}))
    ledger.do(pause_campaign, campaign_id, actor="anna", reason="lunch")
    assert ledger.do(judge_canaries) == []
    ledger.do(resume_campaign, campaign_id, actor="anna")
    assert len(ledger.do(judge_canaries)) == 1


def test_whoever_was_refused_at_import_is_no_canary(ledger: Ledger) -> None:
    draft = ledger.do(begin_import, content=PLAIN, account="default", column_names=(), rules=Rules(canary_count=2))
    rows = [NewRow(None, problem="no phone"), NewRow("79030000001"), NewRow(None, problem="no phone")]
    ledger.do(add_rows, draft, 1, [*rows, *(NewRow(str(79030000002 + n)) for n in range(5))])
    ledger.do(finish_import, draft)
    ledger.plan()
    assert ledger.campaign(draft).planned_through == 4
    send_all(ledger)
    ledger.do(judge_canaries)
    assert ledger.events()[-1] == "canary_passed"


def test_a_canary_of_which_nobody_could_be_sent_to_decides_nothing_good(ledger: Ledger) -> None:
    campaign_id = a_campaign(ledger, 5, canary_count=1)
    lease = ledger.a_lease()
    skipped = (RecipientOutcome(1, RecipientStatus.SKIPPED, reason="not allowed"),)
    ledger.record(lease, Closing(skipped, Verdict.COMPLETE, "not_posted", "nobody"))
    (alarm,) = ledger.do(judge_canaries)
    assert "none of the first 1 could be sent to" in alarm.reason
    assert ledger.campaign(campaign_id).status is CampaignStatus.PAUSED


def test_a_canary_larger_than_the_list_changes_nothing(ledger: Ledger) -> None:
    a_campaign(ledger, 3, canary_count=100)
    send_all(ledger, frozenset({1, 2, 3}))
    assert ledger.do(judge_canaries) == []
    assert ledger.settle() == 1


def test_a_campaign_that_waits_for_its_canary_can_be_cancelled(ledger: Ledger) -> None:
    campaign_id = a_campaign(ledger, 5, canary_count=2)
    send_all(ledger)
    ledger.do(cancel_campaign, campaign_id, actor="anna", reason="no")
    assert ledger.do(judge_canaries) == []
    assert ledger.campaign(campaign_id).cancelled_count == 3


def test_one_text_that_would_cost_too_much_is_not_created(ledger: Ledger) -> None:
    with pytest.raises(TooCostly, match="billed for 10 segments, and --max-segments is 9"):
        a_campaign(ledger, 10, max_segments=9)
    a_campaign(ledger, 10, max_segments=10)


def test_a_campaign_is_paused_when_its_bill_reaches_the_most_that_it_may(ledger: Ledger) -> None:
    ledger.an_account(batch_size=2)
    campaign_id = a_campaign(ledger, 10, max_segments=10)  # one segment each is expected, two are billed
    assert send_all(ledger) == list(range(1, 7))
    campaign = ledger.campaign(campaign_id)
    assert (campaign.segment_count, campaign.status) == (12, CampaignStatus.PAUSED)
    assert campaign.status_reason == "12 segments were billed, --max-segments is 10; 4 recipients are not sent"
    with pytest.raises(IllegalMove, match="--max-segments N allows more"):
        ledger.do(resume_campaign, campaign_id, actor="anna")
    ledger.do(resume_campaign, campaign_id, actor="anna", change=Resumption(max_segments=0))
    assert send_all(ledger) == list(range(7, 11))
    assert ledger.settle() == 1


def test_the_last_answer_finishes_a_campaign_whatever_it_cost(ledger: Ledger) -> None:
    a_campaign(ledger, 3, max_segments=3)
    send_all(ledger)
    assert ledger.settle() == 1


def test_a_personal_text_is_not_counted_before_it_is_sent(ledger: Ledger) -> None:
    text = Sms(sender="Shop", text="Hello {name}")
    draft = ledger.do(
        begin_import, content=text, account="default", column_names=("name",), rules=Rules(max_segments=1)
    )
    rows = [NewRow(str(79030000000 + n), values_json='["Anna"]') for n in range(1, 4)]
    ledger.do(add_rows, draft, 1, rows)
    ledger.do(finish_import, draft)
