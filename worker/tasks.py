"""The Celery tasks: an id in, nothing out. Repeated, late, lost or out of order, they change nothing but the pace."""

from worker.celery import app
from worker.runtime import is_stopping, runtime
from worker.wake import LANE, TICK, Wake

wake = Wake(app)


@app.task(name=TICK)
def tick() -> None:
    """Do what is due, and start as many lanes as there is work for."""
    wake.lanes(runtime().scheduler().tick())


@app.task(name=LANE)
def lane(account_id: int) -> None:
    """Work an account for one slice of time, then hint a successor while there is more."""
    if runtime().lane().run(account_id) and not is_stopping():
        wake.lane(account_id)
