"""The Celery tasks: an id in, nothing out. Repeated, late, lost or out of order, they change nothing but the pace."""

from sqlalchemy.exc import SQLAlchemyError

from worker.celery import app
from worker.database_faults import find_fault
from worker.logs import log
from worker.runtime import is_stopping, runtime
from worker.stopping import end_deferred
from worker.wake import LANE, OCCURRENCE, TICK, WEBHOOKS, Wake

LONGEST_MAKING_SECONDS = 3600
"""A list of millions takes minutes, other than what a lane does."""

wake = Wake(app)


@app.task(name=TICK)
def tick() -> None:
    """Do what is due, and start as many lanes as there is work for."""
    try:
        scheduler = runtime().scheduler()
        wake.lanes(scheduler.tick())
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
