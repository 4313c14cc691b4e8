"""What other applications read: the shape of `campaign show`, the results, and waiting for the end."""

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

from models import NotEnded, RecipientStatus, UnknownCampaign, report, results, wait_until_ended
from models.ledger.report import show
from models.session import reading
from tests.support.ledger import Ledger, accepted


def test_a_report_has_the_shape_of_campaign_show(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(3)
    with reading(ledger.sessions) as session:
        assert report(session, campaign_id).keys() == show(session, campaign_id).keys()


def test_results_are_chosen_by_status(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(3)
    ledger.record(lease := ledger.a_lease(), accepted(lease, [2]))
    with reading(ledger.sessions) as session:
        chosen = list(results(session, campaign_id, statuses=[RecipientStatus.ACCEPTED]))
        assert [(row.position, row.id_sms) for row in chosen] == [(2, f"id-{campaign_id}-2")]
        assert len(list(results(session, campaign_id))) == 3


def test_waiting_returns_the_report_of_a_campaign_that_ends_meanwhile(ledger: Ledger, database_url: str) -> None:
    campaign_id = ledger.a_campaign(3)
    waits: list[float] = []

    def work(seconds: float) -> None:
        waits.append(seconds)
        ledger.record(lease := ledger.a_lease(), accepted(lease))
        ledger.settle()

    plain = create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"))
    ended = wait_until_ended(sessionmaker(plain), campaign_id, timeout_seconds=60, poll_seconds=0.5, pause=work)
    plain.dispose()
    assert (ended["status"], ended["counts"]["accepted"], waits) == ("finished", 3, [0.5])


def test_waiting_ends_with_what_the_campaign_waits_for(ledger: Ledger) -> None:
    campaign_id = ledger.a_draft(3)
    with pytest.raises(NotEnded, match=f"^campaign {campaign_id} is scheduled after 0 seconds, with 3 of 3 recipients"):
        wait_until_ended(ledger.sessions, campaign_id, timeout_seconds=0)


def test_waiting_for_what_is_not_there_ends_at_once(ledger: Ledger) -> None:
    with pytest.raises(UnknownCampaign, match="no campaign 7"):
        wait_until_ended(ledger.sessions, 7, timeout_seconds=60)
