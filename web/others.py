"""Accounts, the story of a number, and whether this process is well."""

from dataclasses import replace

from fastapi import APIRouter
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response

from models.errors import LedgerError
from models.ledger.accounts import list_accounts
from models.ledger.health import find_stop
from models.ledger.why import Story, read_story
from models.session import database_clock, reading
from web.answers import answer
from web.asking import Reader, TheDoor
from web.body import JsonRoute
from web.documents import ACCOUNTS, READY, STORY, refusals
from web.door import Door
from web.problems import Problem, refuse, to_response
from web.shapes import PhoneShape
from worker.database_faults import find_fault
from worker.errors import DispatchError
from worker.intake.phones import PhoneReader
from worker.logs import log
from worker.start import check_database
from worker.story import plain, tell

router = APIRouter(route_class=JsonRoute)
open_router = APIRouter()


@router.get("/accounts", summary="List accounts", responses={**ACCOUNTS, **refusals(403, 422)}, tags=["look"])
def accounts(caller: Reader, door: TheDoor) -> Response:
    """Return the accounts that this key may use: whether they send, and why not; their limits, and what is used."""
    with reading(door.runtime.sessions) as session:
        found = list_accounts(session)
    return answer({"accounts": [one for one in found if caller.account in (None, one["name"])]})


@router.post(
    "/why",
    summary="Tell a number's story",
    responses={**STORY, **refusals(400, 403, 408, 413, 415, 422)},
    tags=["look"],
)
def why(asked: PhoneShape, caller: Reader, door: TheDoor) -> Response:
    """Tell what happened to a number in every campaign, and what comes next.

    The number stands in the body: addresses end in the logs of everything on the way.
    """
    msisdn, problem = PhoneReader(door.runtime.settings.default_region).read(str(asked.phone))
    if msisdn is None:
        raise refuse("phone", f"cannot be read ({problem})", "write it like 79031234567")
    with reading(door.runtime.sessions) as session:
        story = _seen_by(read_story(session, msisdn), caller.account)
        told = plain(story, tell(story), database_clock(session))
    return answer(told)


def _seen_by(story: Story, account: str | None) -> Story:
    """Leave out what belongs to other accounts."""
    if account is None:
        return story
    own = tuple(one for one in story.appearances if one.account == account)
    return replace(story, appearances=own, purged_count=0)


@open_router.get("/healthz", summary="Is this process alive?", tags=["health"])
async def healthz() -> dict[str, str]:
    """Say that this process answers; it asks nobody, and waits for no thread."""
    return {"status": "ok"}


@open_router.get("/readyz", summary="Can this process serve?", responses={**READY, **refusals(503)}, tags=["health"])
def readyz(request: Request) -> Response:
    """Say whether the database answers and is the right one. During the emergency stop campaigns are taken still."""
    door: Door = request.app.state.door
    try:
        check_database(door.runtime)
        with reading(door.runtime.sessions) as session:
            stop = find_stop(session)
    except (LedgerError, DispatchError, SQLAlchemyError) as error:
        return to_response(not_ready(error))
    return answer({"status": "ready", "stopped": stop is not None})


def not_ready(error: Exception) -> Problem:
    """Return the answer to whoever asks without a key: nothing of where the database is."""
    log.warning("not_ready", error=find_fault(error).words if isinstance(error, SQLAlchemyError) else str(error))
    mend = "look at the log of Bulkpost, or ask bulkpost doctor"
    return Problem(503, "the database does not answer, or is not the right one", mend=mend)
