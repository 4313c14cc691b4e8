"""From what the house raises to what a caller is answered: each of our errors has one status."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from models.errors import (
    BadTimes,
    ContentError,
    EmptyList,
    IllegalMove,
    KeyConflict,
    LedgerError,
    UnknownAccount,
    UnknownCampaign,
    WrongDatabase,
)
from models.ledger.http_requests import KeyReused, StillAtWork
from web.problems import Flaw, Problem, of_flaws, shown, split_sentence, to_response
from web.shapes import UnknownField
from worker.database_faults import find_fault
from worker.errors import ConfigurationError, DispatchError
from worker.import_pieces import EndUnknown
from worker.logs import log

TRY_AGAIN_SECONDS = 5
OTHERWISE = "give another one"
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
# The first that fits; `field` is what the caller looks at.
_STATUS: tuple[tuple[type[Exception], int, str | None], ...] = (
    (KeyReused, 422, "Idempotency-Key"),
    (StillAtWork, 409, None),
    (KeyConflict, 409, "key"),
    (IllegalMove, 409, None),
    (UnknownAccount, 422, "account"),
    (ContentError, 422, "content"),
    (BadTimes, 422, "at, latest or window"),
    (EmptyList, 422, "recipients"),
    (WrongDatabase, 503, None),
    (EndUnknown, 503, None),
    (ConfigurationError, 409, None),
    (LedgerError, 422, None),
    (DispatchError, 422, "recipients"),
)
_TYPES = {
    "string_type": "a text: write it in quotes",
    "int_type": "a whole number: write it in digits, without quotes",
    "float_type": "a number: write it in digits, without quotes",
    "bool_type": "true or false: write it without quotes",
    "list_type": "a list: write it in [ ]",
    "dict_type": "an object: write it in { }",
    "model_type": "an object: write it in { }",
    "model_attributes_type": "an object: write it in { }",
    "int_parsing": "a whole number: write it in digits",
}
_RANGES = {
    "ge": "give {} or more",
    "gt": "give more than {}",
    "le": "give {} or less",
    "lt": "give less than {}",
    "min_length": "give {} or more",
    "max_length": "give {} at most",
}
_BRANCHES = frozenset({"str", "int", "dict", "list", "constrained-str", "constrained-int"})
"""What a path has at its end where a field may be of several types."""


def add_refusals(app: FastAPI) -> None:
    """Let an application answer every refusal as a problem."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _validation)
    for kind in (LedgerError, DispatchError, SQLAlchemyError):
        app.add_exception_handler(kind, _ours)


def problem_of(error: Exception) -> Problem:
    """Return what a caller is told of an error."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, UnknownCampaign):
        return no_campaign()
    if isinstance(error, SQLAlchemyError):
        return _of_database(error)
    for kind, status, field in _STATUS:
        if isinstance(error, kind):
            problem, mend = split_sentence(str(error).replace("--phone-column", "?phone_column=..."))
            headers = {"Retry-After": "1"} if status == 503 or kind is StillAtWork else None
            if field is None:
                return Problem(status, str(error), mend=mend, headers=headers)
            return Problem(status, str(error), Flaw(field, problem, mend or OTHERWISE), headers=headers)
    log.error("http_failed", exc_info=error)
    return Problem(500, "something in Bulkpost failed; its log says what", mend="ask again, then ask its operator")


def no_campaign() -> Problem:
    """Return the answer for a campaign that is not there, or not for this caller."""
    return Problem(404, "there is no such campaign", mend="GET /v1/campaigns lists those that there are")


def _of_database(error: SQLAlchemyError) -> Problem:
    fault = find_fault(error)
    log.error("http_database_failed", error=fault.words)
    if not fault.passes:
        return Problem(500, "the database refused; the log of Bulkpost says why", mend="ask its operator")
    headers = {"Retry-After": str(TRY_AGAIN_SECONDS)}
    return Problem(503, "the database does not answer", mend="ask again in a moment", headers=headers)


async def _ours(_request: Request, error: Exception) -> Response:
    return to_response(problem_of(error))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error, Problem):
        return to_response(error)
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers = {"Allow": ", ".join(_methods_of(request))}
    known = {
        404: ("there is nothing at this address", "GET /docs shows the addresses that there are"),
        405: ("this address does not take this method", f"it takes {headers.get('Allow')}"),
    }
    detail, mend = known.get(error.status_code, (str(error.detail), None))
    return to_response(Problem(error.status_code, detail, mend=mend, headers=headers))


def _methods_of(request: Request) -> list[str]:
    """Return what an address takes: each of its methods is a route of its own."""
    asked = ({**request.scope, "method": method} for method in _METHODS)
    routes = request.app.routes
    return [one["method"] for one in asked if any(route.matches(one)[0] is Match.FULL for route in routes)]


async def _validation(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return to_response(of_flaws(flaws_of(error.errors())))


def flaws_of(errors: Sequence[Any]) -> list[Flaw]:
    """Return what is wrong, once for each field: a field that may be of several types is told of by each of them."""
    found: dict[str, Flaw] = {}
    for error in errors:
        place = list(error["loc"][1:])
        while place and place[-1] in _BRANCHES:
            place.pop()
        path = ".".join(str(part) for part in place)
        found.setdefault(path, _flaw(path, error))
    return list(found.values())


def _flaw(path: str, error: Any) -> Flaw:
    kind, context = error["type"], error.get("ctx") or {}
    given = error.get("input")
    if kind == "missing":
        return Flaw(path, "is missing", "give it" if path else "send a JSON object")
    if isinstance(unknown := context.get("error"), UnknownField):
        near = get_close_matches(unknown.name.casefold(), unknown.known, 1)
        there = f"there is {', '.join(unknown.known)}" if unknown.known else "leave it out"
        mend = f'did you mean "{near[0]}"?' if near else there
        return Flaw(f"{path}.{shown(unknown.name)}".lstrip("."), "is no field here", mend)
    if kind in _TYPES:
        wanted, _, mend = _TYPES[kind].partition(": ")
        return Flaw(path, f"is not {wanted}", mend, shown(given))
    if kind in ("literal_error", "enum"):
        return Flaw(path, "is none of what it may be", f"there is {context.get('expected')}", shown(given))
    message = str(error["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    value = None if isinstance(given, dict | list) else shown(given)
    return Flaw(path, f"cannot be taken ({message[:1].lower()}{message[1:]})", _mend(context), value)


def _mend(context: Mapping[str, Any]) -> str:
    """Return how to come into a range."""
    told = (words.format(context[name]) for name, words in _RANGES.items() if context.get(name) is not None)
    return next(told, OTHERWISE)
