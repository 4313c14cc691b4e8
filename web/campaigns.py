"""Looking at campaigns, and controlling them."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from models.errors import IllegalMove
from models.ledger.api_keys import Caller
from models.ledger.control import cancel_campaign, pause_campaign, resume_campaign, start_campaign
from models.ledger.failed import Choice
from models.ledger.report import list_campaigns, show
from models.ledger.resumption import Resumption
from models.ledger.retry import find_failed
from models.ledger.retry import retry as retry_failed
from models.ledger.uploads import waits_for_list
from models.session import reading, transaction
from models.states import CampaignStatus, ErrorClass, RecipientStatus
from models.window import read_zone
from web.answers import answer, answer_and_wake, to_json
from web.asking import Controller, Id, Reader, Sender, TheDoor, check_visible
from web.body import JsonRoute
from web.documents import PAGE, SHOWN, refusals
from web.door import Door
from web.shapes import LARGEST_ID, ReasonShape, ResumeShape, RetryShape, StartShape, Whole
from web.times import read_latest
from worker.gateway.phrases import why_no_repeat_helps
from worker.start import check_fence

router = APIRouter(route_class=JsonRoute)
_CONTROLLED = {**SHOWN, **refusals(400, 403, 404, 409, 415, 422)}


@router.get("/campaigns", summary="List campaigns", responses={**PAGE, **refusals(403, 422)}, tags=["look"])
def list_(
    caller: Reader,
    door: TheDoor,
    limit: Annotated[Whole, Query(ge=1, le=100)] = 50,
    before: Annotated[Whole | None, Query(ge=1, le=LARGEST_ID, description="The `next` of the page before.")] = None,
    status: CampaignStatus | None = None,
) -> Response:
    """Return the newest campaigns; `next` is the `before` of the next page, null behind the last."""
    with reading(door.runtime.sessions) as session:
        found = list_campaigns(session, limit=limit + 1, status=status, account=caller.account, before=before)
    page = found[:limit]
    return answer({"campaigns": page, "next": page[-1]["id"] if len(found) > limit else None})


@router.get("/campaigns/{id}", summary="Show a campaign", responses={**SHOWN, **refusals(403, 404, 422)}, tags=["look"])
def show_(id: Id, caller: Reader, door: TheDoor) -> Response:  # noqa: A002
    """Return one campaign: its counts, and what it waits for."""
    return answer(_shown(door, caller, id))


@router.post("/campaigns/{id}/start", summary="Start a draft", responses=_CONTROLLED, tags=["create"])
def start(id: Id, caller: Sender, door: TheDoor, _nothing: StartShape | None = None) -> Response:  # noqa: A002
    """Start a draft, at the time that it was created with. To start it twice is to start it once."""
    with reading(door.runtime.sessions) as session:
        account = check_visible(session, caller, id)
    check_fence(door.runtime, account)
    with transaction(door.runtime.sessions) as session:
        if waits_for_list(session, id):
            raise IllegalMove(f"campaign {id} has no recipients yet: POST them to /v1/campaigns/{id}/recipients")
        if show(session, id)["status"] not in ("scheduled", "running", "finished"):
            start_campaign(session, id, actor=caller.actor)
    return _changed(door, caller, id)


@router.post("/campaigns/{id}/pause", summary="Pause a campaign", responses=_CONTROLLED, tags=["control"])
def pause(id: Id, caller: Controller, door: TheDoor, asked: ReasonShape | None = None) -> Response:  # noqa: A002
    """Let nothing more be posted; what is in flight is still answered. `in_flight` says how many documents were."""
    reason = (asked.reason if asked else None) or f"paused by {caller.actor}"
    with transaction(door.runtime.sessions) as session:
        _check_has_list(session, caller, id)
        stopped = pause_campaign(session, id, actor=caller.actor, reason=reason)
    return answer({**_shown(door, caller, id), "in_flight": stopped.in_flight_count})


@router.post("/campaigns/{id}/resume", summary="Resume a campaign", responses=_CONTROLLED, tags=["control"])
def resume(id: Id, caller: Controller, door: TheDoor, asked: ResumeShape | None = None) -> Response:  # noqa: A002
    """Let a paused campaign go on exactly where it stopped."""
    asked = asked or ResumeShape()
    with transaction(door.runtime.sessions) as session:
        _check_has_list(session, caller, id)
        zone = read_zone(show(session, id)["time_zone"] or door.runtime.settings.time_zone)
        change = Resumption(read_latest(asked.latest, None, zone), asked.late_anyway, asked.max_segments)
        resume_campaign(session, id, actor=caller.actor, change=change)
    return _changed(door, caller, id)


@router.post("/campaigns/{id}/cancel", summary="Cancel a campaign", responses=_CONTROLLED, tags=["control"])
def cancel(id: Id, caller: Controller, door: TheDoor, asked: ReasonShape | None = None) -> Response:  # noqa: A002
    """End a campaign: what was not posted is not sent any more."""
    reason = (asked.reason if asked else None) or f"cancelled by {caller.actor}"
    with transaction(door.runtime.sessions) as session:
        _check_has_list(session, caller, id)
        stopped = cancel_campaign(session, id, actor=caller.actor, reason=reason)
    return answer({**_shown(door, caller, id), "in_flight": stopped.in_flight_count})


@router.post("/campaigns/{id}/retry", summary="Post again what failed", responses=_CONTROLLED, tags=["control"])
def retry(id: Id, caller: Controller, door: TheDoor, asked: RetryShape | None = None) -> Response:  # noqa: A002
    """Post exactly those again, under the same keys: whoever got the message gets no second one.

    `preview` only says how many there are. To retry twice is to retry once.
    """
    asked = asked or RetryShape()
    settings = door.runtime.settings
    judging: dict[str, Any] = {
        "explain": why_no_repeat_helps,
        "doubt_limit_seconds": settings.doubt_limit_seconds,
    }
    with transaction(door.runtime.sessions) as session:
        account = _check_has_list(session, caller, id)
        if asked.preview:
            failed = find_failed(session, id, _choice(asked), **judging)
            status = str(show(session, id)["status"])
        else:
            done = retry_failed(
                session, id, _choice(asked), **judging, quiet_seconds=settings.quiet_seconds, actor=caller.actor
            )
            failed, status = done.failed, done.status.value
    told = {
        "id": id,
        "account": account,
        "status": status,
        "preview": asked.preview,
        "retried": failed.chosen_count,
        "in_doubt": failed.doubtful_count,
        "groups": [
            {"status": one.status, "error_class": one.error_class, "text": one.text, "count": one.count}
            for one in failed.groups
        ],
        "left_out": {str(why): count for why, count in failed.left_out.items()},
    }
    return answer(told) if asked.preview else answer_and_wake(door, to_json(told), 200)


def _choice(asked: RetryShape) -> Choice:
    classes = None if asked.error_class is None else frozenset(ErrorClass(name) for name in asked.error_class)
    return Choice(
        statuses=frozenset(RecipientStatus(name) for name in asked.status),
        error_classes=classes,
        provider_text=asked.provider_text,
        batch_id=asked.batch,
        forced=asked.force,
    )


def _check_has_list(session: Any, caller: Caller, campaign_id: int) -> str:
    account = check_visible(session, caller, campaign_id)
    if waits_for_list(session, campaign_id):
        raise IllegalMove(
            f"campaign {campaign_id} has no recipients yet: POST them to /v1/campaigns/{campaign_id}/recipients, or "
            "leave it, and it is taken away after an hour"
        )
    return account


def _shown(door: Door, caller: Caller, campaign_id: int) -> dict[str, Any]:
    with reading(door.runtime.sessions) as session:
        check_visible(session, caller, campaign_id)
        return show(session, campaign_id, without_list=True)


def _changed(door: Door, caller: Caller, campaign_id: int) -> Response:
    return answer_and_wake(door, to_json(_shown(door, caller, campaign_id)), 200)
