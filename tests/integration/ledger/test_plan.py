"""Start and plan: due campaigns become batches, each position in exactly one."""

from datetime import timedelta

import pytest

from models.ledger.control import pause_campaign, start_campaign
from models.ledger.plan import plan, start_due
from models.session import transaction
from models.states import CampaignStatus
from tests.support.ledger import NOON, Ledger, together


def ranges(ledger: Ledger, campaign_id: int) -> list[tuple[int, int]]:
    return [(one.first_position, one.last_position) for one in ledger.batches(campaign_id)]


def test_a_campaign_starts_at_its_time_and_not_before(ledger: Ledger) -> None:
    campaign_id = ledger.a_draft(1, at=NOON + timedelta(hours=1))
    assert ledger.do(start_due) == 0
    assert ledger.do(plan) == 0
    ledger.clock.jump(3600)
    assert ledger.do(start_due) == 1
    campaign = ledger.campaign(campaign_id)
    assert (campaign.status, campaign.started_at) == (CampaignStatus.RUNNING, ledger.campaign(campaign_id).status_since)


def test_every_position_is_in_exactly_one_batch(ledger: Ledger) -> None:
    ledger.an_account(batch_size=4)
    campaign_id = ledger.a_campaign(10)
    assert ranges(ledger, campaign_id) == [(1, 4), (5, 8), (9, 10)]


@pytest.mark.parametrize("total", [1, 4, 5, 8])
def test_sizes_at_the_edges_leave_no_gap(ledger: Ledger, total: int) -> None:
    ledger.an_account(batch_size=4)
    campaign_id = ledger.a_campaign(total)
    assert [one for first, last in ranges(ledger, campaign_id) for one in range(first, last + 1)] == list(
        range(1, total + 1)
    )


def test_planning_is_bounded_and_goes_on_where_it_stopped(ledger: Ledger) -> None:
    ledger.an_account(batch_size=2)
    campaign_id = ledger.a_draft(11)
    ledger.do(start_due)
    assert [ledger.do(plan, most=2) for _ in range(4)] == [2, 2, 2, 0]
    assert ranges(ledger, campaign_id) == [(1, 2), (3, 4), (5, 6), (7, 8), (9, 10), (11, 11)]


def test_a_planner_that_is_killed_has_planned_nothing(ledger: Ledger) -> None:
    campaign_id = ledger.a_draft(5)
    ledger.do(start_due)
    with ledger.sessions() as session:
        plan(session, clock=ledger.clock)
        session.rollback()
    assert ledger.do(plan) == 1
    assert ranges(ledger, campaign_id) == [(1, 5)]


def test_two_planners_at_once_plan_each_position_once(postgres_ledger: Ledger) -> None:
    postgres_ledger.an_account(batch_size=1)
    campaigns = [postgres_ledger.a_draft(40) for _ in range(2)]

    def tick() -> None:
        with transaction(postgres_ledger.sessions) as session:
            start_due(session, clock=postgres_ledger.clock)
        for _ in range(30):
            with transaction(postgres_ledger.sessions) as session:
                plan(session, most=7, clock=postgres_ledger.clock)

    together([tick] * 4)
    postgres_ledger.prove()
    for campaign_id in campaigns:
        assert ranges(postgres_ledger, campaign_id) == [(one, one) for one in range(1, 41)]
    assert postgres_ledger.events().count("campaign_started") == 2


def test_the_more_urgent_campaign_is_planned_first(ledger: Ledger) -> None:
    ledger.a_draft(1, priority=1)
    urgent = ledger.a_draft(1, priority=9)
    ledger.do(start_due)
    ledger.do(plan)
    assert ranges(ledger, urgent) == [(1, 1)]


def test_a_paused_campaign_is_not_planned_any_further(ledger: Ledger) -> None:
    ledger.an_account(batch_size=1)
    campaign_id = ledger.a_draft(4)
    ledger.do(start_due)
    ledger.do(plan, most=1)
    ledger.do(pause_campaign, campaign_id, actor="anna", reason="wait")
    assert ledger.do(plan) == 0


def test_a_draft_is_neither_started_nor_planned_before_a_person_starts_it(ledger: Ledger) -> None:
    from models.ledger.importing import NewRow, add_rows, begin_import, finish_import
    from tests.support.ledger import PLAIN

    campaign_id = ledger.do(begin_import, content=PLAIN, account="default", column_names=())
    ledger.do(add_rows, campaign_id, 1, [NewRow("79030000001")])
    ledger.do(finish_import, campaign_id, start=False)
    ledger.plan()
    assert ledger.batches(campaign_id) == []
    ledger.do(start_campaign, campaign_id, actor="anna")
    ledger.plan()
    assert ranges(ledger, campaign_id) == [(1, 1)]
