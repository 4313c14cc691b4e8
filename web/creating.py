"""Creating a campaign: at once with its recipients, or as a draft whose list is uploaded later."""

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from sqlalchemy.orm import Session
from starlette.responses import Response

from models.content import Content, check, from_json
from models.errors import LedgerError
from models.ledger.api_keys import Caller
from models.ledger.http_requests import keep_answer, take_up, waiting_briefly
from models.ledger.repeats import find_by_key
from models.ledger.report import show
from models.ledger.uploads import open_for_upload
from models.session import transaction
from web.answers import answer_and_wake, to_json
from web.asking import MaybeRepeat, Sender, TheDoor
from web.body import JsonRoute
from web.documents import CREATED, CREATING, refusals
from web.door import Door
from web.lists import InlineRecipients, Unheard, check_all_taken, tell_refused
from web.problems import Problem, refuse
from web.shapes import CampaignShape
from web.times import read_moment, read_rules, read_start, read_timing, read_zone_of
from worker.importer import Imported
from worker.list_reader import Mailing
from worker.settings import Settings
from worker.short_import import begin_short_import, find_first, import_short_list
from worker.start import check_fence

router = APIRouter(route_class=JsonRoute)


@router.post(
    "/campaigns",
    status_code=201,
    summary="Create a campaign",
    responses={**CREATED, **refusals(400, 403, 408, 409, 413, 415, 422)},
    openapi_extra=CREATING,
    tags=["create"],
)
def create(asked: CampaignShape, caller: Sender, door: TheDoor, repeat: MaybeRepeat) -> Response:
    """Create a campaign and start it, or (`draft`, or no `recipients`) prepare it.

    201 the first time; 200 where the account has a campaign with this `key` and content. A recipient who cannot be sent
    to is skipped with a reason, named under `refused`; the others are sent.
    """
    account = _account_for(caller, asked.account)
    content = from_json(asked.kind, asked.content)
    check(content)
    _check_recipients(asked, door)
    check_fence(door.runtime, account)
    with transaction(door.runtime.sessions) as session:
        if repeat is not None:
            known = take_up(session, caller.key_id, repeat.key, repeat.fingerprint)
            if known is not None:
                return answer_and_wake(door, known.answer, known.status, {"Idempotency-Replayed": "true"})
        with waiting_briefly(session):
            done = _create(session, asked, account, content, caller, door.runtime.settings)
        told = _told(session, done, asked.strict)
        status = 200 if done.existed else 201
        written = to_json(told)
        if repeat is not None:
            keep_answer(session, caller.key_id, repeat.key, campaign_id=done.campaign_id, status=status, answer=written)
    door.tidy()
    return answer_and_wake(door, written, status, {"Location": f"/v1/campaigns/{done.campaign_id}"})


def _create(
    session: Session, asked: CampaignShape, account: str, content: Content, caller: Caller, settings: Settings
) -> Imported:
    zone = read_zone_of(asked, settings.time_zone)
    total = None if asked.recipients is None else len(asked.recipients)
    if asked.key is not None:
        # Before the times are judged: a request that is repeated later still names the first campaign.
        at = None if asked.at is None else read_moment("at", asked.at, zone)
        known = find_by_key(session, account, asked.key, content, at=at, total_count=total)
        if known is not None:
            return Imported(known, existed=True)
    mailing = _mailing(asked, account, content, caller, zone)
    if asked.recipients is not None:
        rows = InlineRecipients(asked.recipients, settings.default_region)
        return import_short_list(session, mailing, rows, Unheard(), len(asked.recipients))
    campaign_id = begin_short_import(session, replace(mailing, start=False), ())
    if campaign_id is None:
        return find_first(session, mailing)
    open_for_upload(session, campaign_id)
    return Imported(campaign_id)


def _mailing(asked: CampaignShape, account: str, content: Content, caller: Caller, zone: ZoneInfo) -> Mailing:
    start_at = read_start(asked.at, zone)
    return Mailing(
        content=content,
        account=account,
        actor=caller.actor,
        name=asked.name.strip() if asked.name else None,
        key=asked.key,
        at=start_at,
        priority=asked.priority,
        timing=read_timing(asked, zone),
        rules=read_rules(asked, start_at, zone),
        time_zone=zone.key,
        start=not asked.draft,
    )


def _told(session: Session, done: Imported, strict: bool) -> dict[str, Any]:
    shown = show(session, done.campaign_id, without_list=True)
    if done.existed:
        return shown
    counts = shown["counts"]
    if strict:
        check_all_taken(session, done.campaign_id, counts["skipped"], counts["total"])
    return {**shown, "refused": tell_refused(session, done.campaign_id, counts["skipped"], done.refused)}


def _account_for(caller: Caller, asked: str | None) -> str:
    """Return the account that sends. A key of one account learns nothing of others.

    Raises:
        Problem: the key is for another one.
    """
    if caller.account is None:
        return asked or "default"
    if asked not in (None, caller.account):
        raise Problem(
            403, f'this key is for account "{caller.account}" alone', mend="leave account out, or use another key"
        )
    return caller.account


def _check_recipients(asked: CampaignShape, door: Door) -> None:
    if asked.recipients is None:
        return
    most = door.limits.inline_recipients
    if not asked.recipients:
        raise refuse("recipients", "is empty", "give somebody, or leave it out and upload the list")
    if len(asked.recipients) > most:
        raise refuse(
            "recipients",
            f"has {len(asked.recipients):,} entries, and {most:,} is the most",
            "leave it out and upload the list to /v1/campaigns/{id}/recipients",
        )
    if asked.key is not None and not asked.key.strip():
        raise LedgerError("key is blank: leave it out, or give your own key of this campaign")
