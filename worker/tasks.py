"""The Celery tasks: an id in, nothing out. Repeated, late, lost or out of order, they change nothing but the pace.

But for one: `bulkpost.enqueue_campaign` is another application's and carries a campaign. Repeated it changes nothing,
by its key; while the database is away it stays in the queue.
"""

from typing import Any

from celery.exceptions import Reject
from sqlalchemy.exc import SQLAlchemyError

from models.errors import LedgerError
from models.ledger.enqueue import LONGEST_REF
from worker.celery import app
from worker.database_faults import find_fault
from worker.errors import DispatchError
from worker.insisting import Patience, insist
from worker.logs import log
from worker.runtime import is_stopping, runtime
from worker.stopping import end_deferred
from worker.wake import ENQUEUE, LANE, OCCURRENCE, TICK, WEBHOOKS, Wake

INSISTS_SECONDS = 30.0
"""How long a campaign that another application asks for waits for the database, before it goes back into the queue."""
LONGEST_MAKING_SECONDS = 3600
"""A list of millions takes minutes, other than what a lane does."""

wake = Wake(app)


@app.task(name=TICK)
def tick() -> None:
    """Do what is due, and start as many lanes as there is work for."""
    try:
        scheduler = runtime().scheduler()
        scheduler.tick(wake.lanes)
        wake.occurrences(scheduler.occurrences())
        if scheduler.has_something_to_tell():
            wake.webhooks()
    except SQLAlchemyError as error:
        log.error("tick_failed", error=find_fault(error).words)


@app.task(name=LANE)
def lane(account_id: int) -> None:
    """Work an account for one slice of time, then hint a successor while there is more."""
    try:
        with end_deferred():
            more = runtime().lane().run(account_id)
    except SQLAlchemyError as error:
        # What was claimed stays leased until rescue; the tick hints again once the database is back.
        log.error("lane_failed", account_id=account_id, error=find_fault(error).words)
        return
    if more and not is_stopping():
        wake.lane(account_id)


@app.task(name=OCCURRENCE, time_limit=LONGEST_MAKING_SECONDS)
def occurrence(schedule_id: int) -> None:
    """Make the campaign of a schedule's occurrence that is due."""
    try:
        if runtime().maker().make(schedule_id) is not None:
            wake.tick()
    except SQLAlchemyError as error:
        # It stays due; whoever is told next goes on once the database is back.
        log.error("occurrence_broken_off", schedule=schedule_id, error=find_fault(error).words)


@app.task(name=WEBHOOKS)
def webhooks() -> None:
    """Tell webhooks what waits for them for one slice of time; one task does so at a time, whoever is told."""
    try:
        with end_deferred():
            more = runtime().sender().run()
    except SQLAlchemyError as error:
        # What was being told stays leased for a while and is told again then.
        log.error("telling_failed", error=find_fault(error).words)
        return
    if more and not is_stopping():
        wake.webhooks()


@app.task(name=ENQUEUE)
def enqueue_campaign(*unnamed: object, **asked: Any) -> None:
    """Make the campaign that another application asks for, or find that it was made."""
    key = str(asked.get("key"))[:LONGEST_REF]
    if unnamed:
        log.error("campaign_refused", error="arguments come by name: pass kwargs, not args")
        return
    # Here, because few installations are asked by name, and pydantic takes 8 MiB.
    from worker.asked import enqueue_asked

    ours = runtime()
    try:
        region = ours.settings.default_region
        campaign_id = insist(lambda: enqueue_asked(ours.sessions, region, asked), Patience.of(INSISTS_SECONDS))
    except (LedgerError, DispatchError) as error:
        log.error("campaign_refused", key=key, error=str(error))
        return
    except SQLAlchemyError as error:
        fault = find_fault(error)
        log.error("campaign_not_enqueued", key=key, error=fault.words, stays_in_the_queue=fault.passes)
        if fault.passes:
            raise Reject(requeue=True) from None
        return
    log.info("campaign_enqueued", key=key, campaign=campaign_id)
    wake.tick()
