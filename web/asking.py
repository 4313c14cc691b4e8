"""What every address asks for: the door, a caller who may, a campaign that the caller may see, a key of the request."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated, Any, get_args, get_origin

from fastapi import Depends, Header, Path, Request, Security
from fastapi.dependencies.models import Dependant
from fastapi.security import HTTPBearer
from sqlalchemy.orm import Session

from models.ledger.api_keys import Caller
from models.ledger.uploads import find_account_of
from web.door import Door
from web.problems import Problem, refuse, shown
from web.refusals import no_campaign
from web.shapes import LARGEST_ID, Whole

_BEARER = HTTPBearer(auto_error=False, description="A key that bulkpost key create printed.")
_KEY = re.compile(r"[\x21-\x7e]{1,255}")

Id = Annotated[Whole, Path(ge=1, le=LARGEST_ID, description="The campaign's number.")]


def the_door(request: Request) -> Door:
    """Return the door that this request came through."""
    door: Door = request.app.state.door
    return door


def _caller_who_may(action: str) -> Callable[[Request], Caller]:
    # The guard has looked at the key already; declared here, the documentation shows it.
    def find(request: Request, _shown: Annotated[object, Security(_BEARER)] = None) -> Caller:
        caller: Caller = request.state.caller
        if action not in caller.allowed:
            raise Problem(
                403,
                f"this key is not allowed to {action}",
                mend=f"use a key made with --allow {action}",
            )
        return caller

    return find


TheDoor = Annotated[Door, Depends(the_door)]
Reader = Annotated[Caller, Depends(_caller_who_may("read"))]
Sender = Annotated[Caller, Depends(_caller_who_may("send"))]
Controller = Annotated[Caller, Depends(_caller_who_may("control"))]


def check_query(request: Request) -> None:
    """Refuse what an address does not ask for: whoever misspells `status` or `strict` must not get something else.

    Raises:
        Problem: 422.
    """
    known = _query_fields(request.scope["route"].dependant)
    for name in request.query_params:
        if name in known:
            if not known[name] and len(request.query_params.getlist(name)) > 1:
                raise refuse(name, "is given more than once", "give it once")
        else:
            near = get_close_matches(name.casefold(), known, 1)
            there = f"there is {', '.join(sorted(known))}" if known else "leave it out"
            raise refuse(
                shown(name), "is nothing that this address takes", f'did you mean "{near[0]}"?' if near else there
            )


def _query_fields(asked: Dependant) -> dict[str, bool]:
    """Return the query parameters that an address takes, and whether each may be given several times."""
    found = {field.alias: _is_list(field.field_info.annotation) for field in asked.query_params}
    for one in asked.dependencies:
        found |= _query_fields(one)
    return found


def _is_list(annotation: Any) -> bool:
    return list in (get_origin(one) for one in (annotation, *get_args(annotation)))


def check_visible(session: Session, caller: Caller, campaign_id: int) -> str:
    """Return the campaign's account; another account's campaign is not there for this caller.

    Raises:
        Problem: 404.
    """
    account = find_account_of(session, campaign_id)
    if account is None or caller.account not in (None, account):
        raise no_campaign()
    return account


@dataclass(frozen=True, slots=True)
class Repeat:
    """The `Idempotency-Key` of a request, and what it must not be used again for."""

    key: str
    fingerprint: str


def read_idempotency_key(
    idempotency_key: Annotated[
        str | None,
        Header(
            description="Repeat a request with the same key and get the first answer. Kept for seven days.",
            max_length=300,
        ),
    ] = None,
) -> str | None:
    """Return the key, with or without the quotes that the draft of the IETF has around it."""
    if idempotency_key is None:
        return None
    key = idempotency_key
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if not _KEY.fullmatch(key):
        raise refuse(
            "Idempotency-Key",
            "is no key",
            "send 1 to 255 printable characters without blanks, a UUID for example",
            idempotency_key,
        )
    return key


IdempotencyKey = Annotated[str | None, Depends(read_idempotency_key)]


def fingerprint(request: Request, body_hash: str) -> str:
    """Return what tells one request from another: method, address, type and body."""
    kind = request.headers.get("content-type", "")
    spelled = "\n".join((request.method, request.url.path, request.url.query, kind, body_hash))
    return hashlib.sha256(spelled.encode("utf-8", "surrogateescape")).hexdigest()


async def read_repeat(request: Request, key: IdempotencyKey) -> Repeat | None:
    """Return the key of a request with a short body, together with its fingerprint."""
    if key is None:
        return None
    return Repeat(key, fingerprint(request, hashlib.sha256(await request.body()).hexdigest()))


MaybeRepeat = Annotated[Repeat | None, Depends(read_repeat)]
