"""What became of each recipient: by pages, or all of it as a stream."""

import csv
import io
from collections.abc import Iterator
from dataclasses import asdict, astuple, fields
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from models.ledger.pages import results_page
from models.ledger.report import ResultRow
from models.session import reading
from models.states import RecipientStatus
from web.answers import answer, to_json
from web.asking import Id, Reader, TheDoor, check_visible
from web.documents import RESULTS, refusals
from web.door import Door
from web.shapes import LARGEST_NUMBER, Whole

router = APIRouter()
COLUMNS = tuple(field.name for field in fields(ResultRow))
MEDIA_TYPES = {"ndjson": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}
Statuses = Annotated[
    list[RecipientStatus] | None, Query(description="Only these; may be given several times.", max_length=10)
]


@router.get(
    "/campaigns/{id}/results",
    summary="What became of each recipient",
    responses={**RESULTS, **refusals(403, 404, 422)},
    tags=["look"],
)
def results(
    id: Id,  # noqa: A002
    caller: Reader,
    door: TheDoor,
    status: Statuses = None,
    after: Annotated[Whole, Query(ge=0, le=LARGEST_NUMBER, description="The `next` of the page before.")] = 0,
    limit: Annotated[Whole, Query(ge=1, le=5_000)] = 500,
    format: Annotated[  # noqa: A002
        Literal["json", "ndjson", "csv"], Query(description="ndjson and csv are everything, streamed.")
    ] = "json",
) -> Response:
    """Return results in the order of the list.

    A page may have fewer rows than `limit`, also none, where a status is rare; only `next` null says that it is the
    last. `format` ndjson or csv streams all rows behind `after`, without pages.
    """
    wanted = None if status is None else frozenset(status)
    with reading(door.runtime.sessions) as session:
        check_visible(session, caller, id)
        rows, following = results_page(session, id, after=after, limit=limit, statuses=wanted)
    if format == "json":
        return answer({"results": [asdict(row) for row in rows], "next": following})
    written = _export(door, id, after, wanted, format)
    return StreamingResponse(written, media_type=MEDIA_TYPES[format])


def _export(
    door: Door, campaign_id: int, after: int | None, wanted: frozenset[RecipientStatus] | None, form: str
) -> Iterator[str]:
    """Yield all rows in pieces; each is read in a transaction of its own, so that a slow reader holds nothing."""
    if form == "csv":
        yield ",".join(COLUMNS) + "\r\n"
    while after is not None:
        with reading(door.runtime.sessions) as session:
            rows, after = results_page(session, campaign_id, after=after, statuses=wanted)
        if rows:
            yield _as_csv(rows) if form == "csv" else "".join(f"{to_json(asdict(row))}\n" for row in rows)


def _as_csv(rows: list[ResultRow]) -> str:
    piece = io.StringIO()
    writer = csv.writer(piece)
    for row in rows:
        writer.writerow([_cell(value) for value in astuple(row)])
    return piece.getvalue()


def _cell(value: object) -> object:
    """Write a cell as `campaign results` does: no spreadsheet runs it as a formula."""
    if isinstance(value, str):
        return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") else str(value)
    return to_json(value).strip('"') if value is not None else None
