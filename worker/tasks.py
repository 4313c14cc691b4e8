"""The Celery tasks: an id in, nothing out. Repeated, late, lost or out of order, they change nothing but the pace."""

from sqlalchemy.exc import SQLAlchemyError

from worker.celery import app
from worker.database_faults import find_fault
from worker.logs import log
from worker.runtime import is_stopping, runtime
from worker.wake import LANE, TICK, Wake

wake = Wake(app)


@app.task(name=TICK)
def tick() -> None:
    """Do what is due, and start as many lanes as there is work for."""
    try:
        wake.lanes(runtime().scheduler().tick())
    except SQLAlchemyError as error:
        log.error("tick_failed", error=find_fault(error).words)


@app.task(name=LANE)
def lane(account_id: int) -> None:
    """Work an account for one slice of time, then hint a successor while there is more."""
    try:
        more = runtime().lane().run(account_id)
    except SQLAlchemyError as error:
        # What was claimed stays leased until rescue; the tick hints again once the database is back.
        log.error("lane_failed", account_id=account_id, error=find_fault(error).words)
        return
    if more and not is_stopping():
        wake.lane(account_id)
