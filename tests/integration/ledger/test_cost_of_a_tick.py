"""What a tick looks at: what is open, however much lies behind it."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, select

from models.batch import Batch
from models.ledger.importing import begin_import
from models.ledger.plan import plan, start_due
from models.recipient import Recipient
from models.session import transaction
from tests.support.driving import quick_settings
from tests.support.ledger import DOUBT_LIMIT_SECONDS, NOON, PLAIN, Ledger, in_doubt
from tests.support.old_work import GROWN, copy_many, finish_one
from tests.support.plans import Plans, plans
from worker.scheduler import Scheduler

MANY = 1_000
OF_WHAT_IS_OPEN = {
    f"ix_bulkpost_{name}" for name in ("campaigns_active", "batches_open", "batches_running", "batches_doubt")
}
"""Indexes that hold nothing of what has ended."""


@pytest.fixture
def engine(ledger: Ledger) -> Engine:
    with ledger.sessions() as session:
        bind = session.get_bind()
    assert isinstance(bind, Engine)
    return bind


def everything_to_do(ledger: Ledger) -> None:
    """Leave something for every step of the tick."""
    ledger.a_campaign(3)
    lost = ledger.a_lease()
    ledger.a_campaign(3)
    doubtful = ledger.a_lease()
    ledger.record(doubtful, in_doubt(doubtful))
    assert lost.batch_id != doubtful.batch_id
    with transaction(ledger.sessions) as session:
        begin_import(session, content=PLAIN, account="default", column_names=(), clock=ledger.clock)
    ledger.clock.jump(DOUBT_LIMIT_SECONDS + 60)
    ledger.a_draft(5)
    ledger.a_campaign(5, window="00:00-23:59", time_zone="UTC")
    ledger.a_campaign(5, latest=NOON + timedelta(days=9))


def ticked(ledger: Ledger, engine: Engine) -> Plans:
    """Run one tick and all that goes with it."""
    scheduler = Scheduler(quick_settings("sqlite://"), ledger.sessions, clock=ledger.clock)
    with plans(engine) as found:
        scheduler.tick()
        scheduler.occurrences()
        scheduler.has_something_to_tell()
    return found


def test_a_tick_reads_no_table_through_that_grows_with_finished_campaigns(ledger: Ledger, engine: Engine) -> None:
    ledger.an_account(batch_size=10)
    finished = finish_one(ledger)
    everything_to_do(ledger)
    copy_many(engine, finished, MANY)
    found = ticked(ledger, engine)
    assert found.reading_through(GROWN, OF_WHAT_IS_OPEN) == []
    assert "campaign_started" in ledger.events()[-20:], "the tick had something to do"


def test_an_idle_tick_asks_the_same_after_a_thousand_campaigns_as_after_one(ledger: Ledger, engine: Engine) -> None:
    ledger.an_account(batch_size=10)
    finished = finish_one(ledger)
    few = ticked(ledger, engine)
    copy_many(engine, finished, MANY)
    many = ticked(ledger, engine)
    assert many.statements == few.statements
    assert many.reading_through(GROWN, OF_WHAT_IS_OPEN) == []


def test_planning_touches_no_recipient_however_many_there_are(ledger: Ledger, engine: Engine) -> None:
    ledger.an_account(batch_size=10)
    campaign_id = ledger.a_draft(2_000)
    with plans(engine) as found:
        _plan(ledger)
    assert [one for one in found.statements if "recipients" in one or "outcomes" in one] == []
    assert len(ledger.batches(campaign_id)) == 200
    assert len([one for one in found.statements if one.lstrip().startswith("INSERT INTO bulkpost_batches")]) == 1


def _plan(ledger: Ledger) -> None:
    """Start and plan in one transaction, without the proof that follows each step elsewhere."""
    with transaction(ledger.sessions) as session:
        start_due(session, clock=ledger.clock)
        plan(session, clock=ledger.clock)


def test_a_table_that_is_read_through_would_be_seen(ledger: Ledger, engine: Engine) -> None:
    ledger.an_account(batch_size=10)
    copy_many(engine, finish_one(ledger), MANY)
    with plans(engine) as found:
        ledger.all(select(Batch.id).where(Batch.attempt_number == 7))
        ledger.all(select(Recipient.ref).where(Recipient.msisdn == "79030000001"))
    assert len(found.reading_through(GROWN, OF_WHAT_IS_OPEN)) == 2
