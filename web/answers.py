"""Answers: JSON as the command `bulkpost` prints it."""

import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from starlette.background import BackgroundTask
from starlette.responses import Response

from web.door import Door

JSON = "application/json"


def to_json(value: Any) -> str:
    """Write what the ledger tells as JSON; moments in UTC with a Z."""
    return json.dumps(value, ensure_ascii=False, default=_plain, separators=(",", ":"))


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer in JSON."""
    return Response(to_json(value), status, headers=headers, media_type=JSON)


def answer_and_wake(door: Door, written: str, status: int, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer, and wake whoever sends when it has left: the broker may be slow or away."""
    return Response(written, status, headers=headers, media_type=JSON, background=BackgroundTask(door.wake))


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, StrEnum):
        return value.value
    raise TypeError(f"{type(value).__name__} has no place in JSON")
