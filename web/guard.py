"""Stands before every request: who calls, how often, and one line in the log. Nothing gets past it with a traceback."""

import math
from typing import Any

from anyio import to_thread
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.ledger.api_keys import Caller, find_caller, note_use
from models.session import reading, transaction
from web.door import Door
from web.problems import Problem, to_response
from web.refusals import problem_of
from worker.clock import monotonic
from worker.database_faults import find_fault
from worker.logs import log

PROTECTED = "/v1"
ALIVE = "/healthz"
"""Is answered however much is going on: whoever asks would kill a process that is only busy."""
LONGEST_KEY = 200


class Guard:
    """Lets only callers with a key to what is below /v1."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app = app
        self._door = door
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = monotonic()
        status: list[int] = []

        async def note_status(message: Message) -> None:
            if message["type"] == "http.response.start":
                status.append(message["status"])
            await send(message)

        self._under_way += 1
        try:
            await self._admit(scope)
            await self._app(scope, receive, note_status)
        except ClientDisconnect:
            status.append(499)
        except Exception as error:  # noqa: BLE001  (nobody sees a traceback but the log)
            if status:
                log.error("http_answer_broken", exc_info=error)
                raise ConnectionError("the answer could not be finished") from None
            await to_response(problem_of(error))(scope, receive, note_status)
        finally:
            self._under_way -= 1
            log.info("http_request", **_facts(scope), status=status[-1] if status else 0, ms=_ms(begun))

    async def _admit(self, scope: Scope) -> None:
        path: str = scope["path"]
        if self._under_way > self._door.limits.requests_at_once and path != ALIVE:
            raise Problem(
                503, "too many requests are under way", mend="ask again in a moment", headers={"Retry-After": "1"}
            )
        if path != PROTECTED and not path.startswith(f"{PROTECTED}/"):
            return
        caller = await to_thread.run_sync(self._identify, _bearer(scope))
        wait = self._door.buckets.wait_for(caller.key_id)
        if wait:
            raise Problem(
                429,
                "this key asks too often",
                mend=f"ask at most {self._door.limits.per_second:g} times a second",
                headers={"Retry-After": str(math.ceil(wait))},
            )
        scope.setdefault("state", {})["caller"] = caller

    def _identify(self, key: str) -> Caller:
        sessions = self._door.runtime.sessions
        with reading(sessions) as session:
            caller = find_caller(session, key)
        if caller is None:
            raise _nobody("this key is unknown or revoked")
        if not caller.is_noted:
            try:
                with transaction(sessions) as session:
                    note_use(session, caller.key_id)
            except SQLAlchemyError as error:  # the request itself may still be answered
                log.warning("key_use_not_noted", error=find_fault(error).words)
        return caller


def _bearer(scope: Scope) -> str:
    given = [value for name, value in scope["headers"] if name == b"authorization"]
    scheme, _, key = (given[0] if len(given) == 1 else b"").decode("latin-1").partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key:
        raise _nobody("this needs a key")
    if len(key) > LONGEST_KEY:
        raise _nobody("this key is unknown or revoked")
    return key


def _nobody(detail: str) -> Problem:
    mend = "send Authorization: Bearer and a key of bulkpost key create"
    return Problem(401, detail, mend=mend, headers={"WWW-Authenticate": "Bearer"})


def _facts(scope: Scope) -> dict[str, Any]:
    """Return what the log may know: the route instead of the path, which might hold a number."""
    route = getattr(scope.get("route"), "path", None) or "unknown"
    caller = scope.get("state", {}).get("caller")
    facts: dict[str, Any] = {"method": scope["method"], "route": route, "key": caller.key_id if caller else None}
    if (campaign := scope.get("path_params", {}).get("id")) is not None:
        facts["campaign"] = str(campaign)[:20]
    return facts


def _ms(begun: float) -> int:
    return round(1000 * (monotonic() - begun))
