"""Request bodies: bounded in size and in time, and JSON that is nothing but JSON."""

import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, NoReturn

from anyio import fail_after
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from web.problems import Problem, refuse, shown

_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
"""How JSON spells what cannot be stored; half of a pair is only seen when both are decoded."""
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
SILENT_SECONDS = 30.0
"""The longest wait for the next piece of a body."""


async def pieces(request: Request, most_bytes: int) -> AsyncIterator[bytes]:
    """Yield a request's body; refuse it where it grows too long or stops coming.

    Raises:
        Problem: 413 or 408.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and len(declared) < 20 and int(declared) > most_bytes:
        raise too_large(most_bytes)
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem(415, "the body is compressed, which is not taken here", mend="send it as it is")
    size = 0
    stream = request.stream()
    while True:
        try:
            with fail_after(SILENT_SECONDS):
                piece = await anext(stream, None)
        except TimeoutError:
            raise Problem(408, f"nothing came for {SILENT_SECONDS:.0f} seconds", mend="send it again") from None
        if piece is None:
            return
        size += len(piece)
        if size > most_bytes:
            raise too_large(most_bytes)
        yield piece


def too_large(most_bytes: int) -> Problem:
    """Return the refusal of a body that is too long."""
    return Problem(
        413,
        f"the body has more than {most_bytes:,} bytes",
        mend="upload a long list: POST /v1/campaigns without recipients, then /v1/campaigns/{id}/recipients",
    )


class JsonRequest(Request):
    """A request whose body is read within the limits of the door, and only as JSON."""

    async def body(self) -> bytes:
        """Return the whole body."""
        if not hasattr(self, "_body"):
            limits = self.app.state.door.limits
            if (media_type := self.headers.get("content-type", "")) and not _is_json(media_type):
                raise Problem(415, "the body is not said to be JSON", mend="say Content-Type: application/json")
            try:
                with fail_after(limits.body_seconds):
                    self._body = b"".join([piece async for piece in pieces(self, limits.body_bytes)])
            except TimeoutError:
                raise Problem(
                    408, f"the body took more than {limits.body_seconds:.0f} seconds", mend="send it faster"
                ) from None
            if self._body and not media_type:
                raise Problem(415, "the body has no type", mend="say Content-Type: application/json")
        return self._body

    async def json(self) -> Any:
        """Return what the body says."""
        return read_json(await self.body())


class JsonRoute(APIRoute):
    """A route whose requests are JsonRequests."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler, with the request wrapped."""
        handle_request = super().get_route_handler()

        async def answer(request: Request) -> Response:
            return await handle_request(JsonRequest(request.scope, request.receive))

        return answer


def read_json(body: bytes) -> Any:
    """Read JSON as RFC 8259 has it: UTF-8, finite numbers, and texts that can be stored.

    A name that is twice in an object is refused: which of the two was meant nobody knows.

    Raises:
        Problem: 400 with the place, or 422 with the field.
    """
    try:
        read = _DECODER.decode(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Problem(400, f"the body is not UTF-8 at byte {error.start + 1}", mend="encode it as UTF-8") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise Problem(400, f"the body is not JSON: {error.msg.lower()} at {place}", mend="mend it there") from None
    except RecursionError:
        raise Problem(400, "the body is nested too deeply", mend="send what GET /docs shows") from None
    except ValueError as error:
        raise Problem(400, f"the body has a number that is none: {str(error)[:60]}", mend="mend it") from None
    if _SUSPECT.search(body) and (path := _unstorable(read)) is not None:
        raise refuse(path, "has a character that cannot be stored", "leave out NUL and half surrogate pairs")
    return read


def _unstorable(value: Any, path: str = "") -> str | None:
    """Return the path of a text that cannot be stored; the value is no deeper than the parser goes."""
    if isinstance(value, str):
        return path if UNSTORABLE.search(value) else None
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, child in children:
        if isinstance(name, str) and UNSTORABLE.search(name):
            return path
        if (found := _unstorable(child, f"{path}.{name}".lstrip("."))) is not None:
            return found
    return None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        name, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise refuse(shown(name), "is there twice in one object", "leave one of them out")
    return made


def _no_number(constant: str) -> NoReturn:
    raise ValueError(constant)


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_no_number)


def _is_json(media_type: str) -> bool:
    kind = media_type.partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))
