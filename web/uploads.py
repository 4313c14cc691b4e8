"""Uploading a list of any length into a draft: received into a file first, then imported in pieces.

So the server's memory stays flat, a slow client holds no connection to the database, and a broken upload leaves
nothing behind: the draft waits for the next one.
"""

import hashlib
import secrets
from contextlib import suppress
from dataclasses import dataclass
from tempfile import NamedTemporaryFile
from typing import Annotated, Literal

from anyio import CapacityLimiter, fail_after, to_thread
from fastapi import APIRouter, Query, Request
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from starlette.responses import Response

from models.ledger.api_keys import Caller
from models.ledger.http_requests import Answered, find_answer, is_answered, keep_answer, take_up
from models.ledger.report import show
from models.ledger.rescue import remove_rows
from models.ledger.uploads import OpenDraft, begin_upload, end_upload, expect_upload, give_back, is_filling
from models.rules import Rules
from models.session import reading, transaction
from web.answers import answer_and_wake, to_json
from web.asking import Id, IdempotencyKey, Repeat, Sender, TheDoor, check_visible, fingerprint
from web.body import pieces
from web.documents import UPLOADED, UPLOADING, refusals
from web.door import Door
from web.lists import Unheard, check_all_taken, tell_refused
from web.ndjson import NdjsonList
from web.problems import Problem
from worker.cost import check_draft
from worker.import_pieces import finish
from worker.importer import fill
from worker.intake.opening import open_list
from worker.intake.recipient_list import RecipientList
from worker.intake.row import Rows
from worker.list_reader import Mailing

router = APIRouter()
_CALLED = "the upload"
Form = Literal["csv", "ndjson"]
_FORMS: dict[str, Form] = {
    "text/csv": "csv",
    "text/plain": "csv",
    "application/x-ndjson": "ndjson",
    "application/ndjson": "ndjson",
    "application/jsonl": "ndjson",
}


@dataclass(frozen=True, slots=True)
class _Upload:
    """One upload: what came, and how to read it."""

    campaign_id: int
    caller: Caller
    path: str
    form: Form
    phone_column: str | None
    ref_column: str | None
    strict: bool
    repeat: Repeat | None


@router.post(
    "/campaigns/{id}/recipients",
    summary="Upload a draft's list",
    responses={**UPLOADED, **refusals(403, 404, 408, 409, 413, 415, 422, 503)},
    openapi_extra=UPLOADING,
    tags=["create"],
)
async def upload(
    id: Id,  # noqa: A002
    request: Request,
    caller: Sender,
    door: TheDoor,
    key: IdempotencyKey,
    phone_column: Annotated[str | None, Query(max_length=200, description="CSV: the column of the numbers.")] = None,
    ref_column: Annotated[str | None, Query(max_length=200, description="CSV: the column of your reference.")] = None,
    strict: Annotated[bool, Query(description="Refuse the whole list for one bad row.")] = False,
) -> Response:
    """Give a draft its list, all or nothing: as NDJSON with a recipient a line, or as CSV with a header.

    Answered when the list is imported. A draft has one list; where an upload failed, the next one begins anew.
    """
    form = _form_of(request)
    await to_thread.run_sync(_expect, door, caller, id, key)
    limiter: CapacityLimiter = request.app.state.uploads
    if limiter.statistics().borrowed_tokens >= door.limits.uploads_at_once:
        raise Problem(
            503, "other uploads are being received", mend="ask again in a moment", headers={"Retry-After": "10"}
        )
    async with limiter:
        with NamedTemporaryFile(prefix="bulkpost-upload-") as file:
            body_hash = hashlib.sha256()
            try:
                with fail_after(door.limits.upload_seconds):
                    async for piece in pieces(request, door.limits.upload_bytes):
                        body_hash.update(piece)
                        file.write(piece)
            except TimeoutError:
                raise Problem(
                    408, f"the upload took more than {door.limits.upload_seconds:.0f} seconds", mend="send it faster"
                ) from None
            file.flush()
            repeat = None if key is None else Repeat(key, fingerprint(request, body_hash.hexdigest()))
            work = _Upload(id, caller, file.name, form, phone_column, ref_column, strict, repeat)
            done = await to_thread.run_sync(_import, door, work, limiter=request.app.state.importing)
    replayed = {"Idempotency-Replayed": "true"} if done.status == 0 else None
    return answer_and_wake(door, done.answer, 200, replayed)


def _form_of(request: Request) -> Form:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _FORMS:
        raise Problem(
            415,
            "the list is neither CSV nor NDJSON",
            mend="say Content-Type: text/csv, or application/x-ndjson",
        )
    return _FORMS[kind]


def _expect(door: Door, caller: Caller, campaign_id: int, key: str | None) -> None:
    """Refuse early what would be refused after the last byte, and keep the draft meanwhile."""
    with transaction(door.runtime.sessions) as session:
        check_visible(session, caller, campaign_id)
        if key is None or not is_answered(session, caller.key_id, key):
            expect_upload(session, campaign_id)


def _import(door: Door, work: _Upload) -> Answered:
    """Import what came; the answer has status 0 where it was given before."""
    sessions = door.runtime.sessions
    if work.repeat is not None:
        with reading(sessions) as session:
            known = find_answer(session, work.caller.key_id, work.repeat.key, work.repeat.fingerprint)
        if known is not None:
            return Answered(0, known.answer)
    with transaction(sessions) as session:
        check_visible(session, work.caller, work.campaign_id)
        draft = expect_upload(session, work.campaign_id)
    token = secrets.token_hex(16)
    with _open(door, work) as rows:
        with transaction(sessions) as session:
            begin_upload(session, work.campaign_id, token, rows.columns)
        try:
            return _fill(door, work, draft, rows, token)
        except BaseException:
            with suppress(SQLAlchemyError):  # the first error says what is wrong; the next upload clears up
                _clear(door, work.campaign_id, token)
            raise


def _fill(door: Door, work: _Upload, draft: OpenDraft, rows: Rows, token: str) -> Answered:
    settings, sessions = door.runtime.settings, door.runtime.sessions
    _remove_rows(door, work.campaign_id, token)  # of an upload that died
    mailing = Mailing(
        content=draft.content,
        account=draft.account,
        actor=work.caller.actor,
        timing=draft.timing,
        rules=Rules(max_segments=draft.max_segments),
        time_zone=draft.time_zone or settings.time_zone,
    )
    _, counted = fill(sessions, work.campaign_id, mailing, rows, Unheard())
    check_draft(sessions, settings, work.campaign_id, mailing)
    written: list[str] = []

    def seal(session: Session, campaign_id: int) -> None:
        end_upload(session, campaign_id, token)
        shown = show(session, campaign_id)
        skipped = shown["counts"]["skipped"]
        if work.strict:
            check_all_taken(session, campaign_id, skipped, shown["counts"]["total"])
        told = to_json({**shown, "refused": tell_refused(session, campaign_id, skipped, counted)})
        written.append(told)
        if work.repeat is not None:
            take_up(session, work.caller.key_id, work.repeat.key, work.repeat.fingerprint)
            keep_answer(session, work.caller.key_id, work.repeat.key, campaign_id=campaign_id, status=200, answer=told)

    finish(
        sessions,
        work.campaign_id,
        key=None,
        start=False,
        actor=work.caller.actor,
        seal=seal,
        at=lambda step: None,
    )
    return Answered(200, written[-1])


def _open(door: Door, work: _Upload) -> RecipientList | NdjsonList:
    region = door.runtime.settings.default_region
    if work.form == "ndjson":
        return NdjsonList(work.path, region)
    return open_list(
        work.path,
        phone_column=work.phone_column,
        ref_column=work.ref_column,
        default_region=region,
        format="csv",
        called=_CALLED,
    )


def _clear(door: Door, campaign_id: int, token: str) -> None:
    _remove_rows(door, campaign_id, token)
    with transaction(door.runtime.sessions) as session:
        give_back(session, campaign_id, token)


def _remove_rows(door: Door, campaign_id: int, token: str) -> None:
    """Take away the draft's rows in short transactions, as long as nobody else has the draft."""
    left = True
    while left:
        with transaction(door.runtime.sessions) as session:
            left = is_filling(session, campaign_id, token) and remove_rows(session, campaign_id) > 0
