"""What the OpenAPI document says beside the code: examples, and the shapes of answers."""

from typing import Any

from web.problems import MEDIA_TYPE

Responses = dict[int | str, dict[str, Any]]

COUNTS = {"total": 2, "pending": 1, "accepted": 1, "rejected": 0, "unknown": 0, "cancelled": 0, "skipped": 0}
CAMPAIGN = {
    "id": 17,
    "name": "November",
    "account": "default",
    "kind": "sms",
    "content": {"sender": "Shop", "text": "Hello {name}"},
    "status": "running",
    "reason": None,
    "counts": COUNTS,
    "in_doubt": 0,
    "waiting_for": None,
    "segments": {"billed": 1, "expected": 1, "forecast": None},
    "priority": 5,
    "key": "november-2026",
    "created_at": "2026-11-22T10:00:00Z",
    "start_at": "2026-11-22T10:00:00Z",
    "started_at": "2026-11-22T10:00:01Z",
    "finished_at": None,
}
REFUSED = {
    "count": 1,
    "reasons": {"too few digits for a phone number": 1},
    "rows": [{"position": 2, "reason": "too few digits for a phone number"}],
}
RESULT = {
    "position": 1,
    "phone": "79031234567",
    "ref": "order 17",
    "client_id_sms": "1000000000000001",
    "status": "accepted",
    "id_sms": "4711",
    "parts": 1,
    "provider_text": "send",
    "error_class": None,
    "reason": None,
    "attempts": 1,
    "updated_at": "2026-11-22T10:00:02Z",
}
_COUNT = {"type": "integer", "minimum": 0}
_TEXT = {"type": ["string", "null"]}
CAMPAIGN_SCHEMA = {
    "type": "object",
    "required": ["id", "name", "account", "kind", "content", "status", "counts", "in_doubt", "waiting_for", "segments"],
    "properties": {
        "id": {"type": "integer"},
        "name": {"type": "string"},
        "account": {"type": "string"},
        "kind": {"type": "string"},
        "content": {"type": "object"},
        "status": {"enum": ["draft", "scheduled", "running", "paused", "finished", "cancelled"]},
        "reason": _TEXT,
        "counts": {"type": "object", "required": list(COUNTS), "additionalProperties": _COUNT},
        "in_doubt": _COUNT,
        "waiting_for": _TEXT,
        "segments": {"type": "object"},
        "key": _TEXT,
    },
}
_RESULT_SCHEMA = {"type": "object", "required": list(RESULT)}
_NEXT = {"type": ["integer", "null"], "description": "For the next page; null behind the last."}


def _json(description: str, schema: dict[str, Any], example: Any) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema, "example": example}}}


def _page(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    properties = {name: {"type": "array", "items": schema}, "next": _NEXT}
    return {"type": "object", "required": [name, "next"], "properties": properties}


SHOWN: Responses = {200: _json("The campaign.", CAMPAIGN_SCHEMA, CAMPAIGN)}
CREATED: Responses = {
    200: _json("The campaign that this account has with this `key` already.", CAMPAIGN_SCHEMA, CAMPAIGN),
    201: _json("The new campaign.", CAMPAIGN_SCHEMA, {**CAMPAIGN, "refused": REFUSED}),
}
UPLOADED: Responses = {200: _json("The draft with its list.", CAMPAIGN_SCHEMA, {**CAMPAIGN, "refused": REFUSED})}
PAGE: Responses = {
    200: _json("One page.", _page("campaigns", CAMPAIGN_SCHEMA), {"campaigns": [CAMPAIGN], "next": None})
}
RESULTS: Responses = {
    200: {
        "description": "One page, or everything as a stream.",
        "content": {
            "application/json": {
                "schema": _page("results", _RESULT_SCHEMA),
                "example": {"results": [RESULT], "next": None},
            },
            "application/x-ndjson": {"schema": {"type": "string"}},
            "text/csv": {"schema": {"type": "string"}},
        },
    }
}
ACCOUNTS: Responses = {
    200: _json(
        "The accounts.",
        {"type": "object", "required": ["accounts"]},
        {"accounts": [{"name": "default", "status": "active", "reason": None, "sent_today": 120}]},
    )
}
STORY: Responses = {
    200: _json(
        "The story.",
        {"type": "object", "required": ["phone", "campaigns", "timeline"]},
        {"phone": "79031234567", "stop_list": None, "campaigns": [], "timeline": [], "purged_campaigns": 0},
    )
}
READY: Responses = {200: _json("It can.", {"type": "object"}, {"status": "ready", "stopped": False})}

_MINIMAL = {
    "content": {"sender": "Shop", "text": "Hello {name}"},
    "recipients": [{"phone": "79031234567", "ref": "order 17", "variables": {"name": "Anna"}}],
    "key": "november-2026",
}
CREATING: dict[str, Any] = {
    "requestBody": {
        "content": {
            "application/json": {
                "examples": {
                    "now": {"summary": "To a few, at once", "value": _MINIMAL},
                    "later": {
                        "summary": "At a time, within hours of the day",
                        "value": {
                            **_MINIMAL,
                            "key": "december-2026",
                            "at": "2099-12-01 10:00",
                            "latest": "2h",
                            "window": "09:00-21:00 mon-sat",
                            "time_zone": "Europe/Moscow",
                        },
                    },
                    "draft": {
                        "summary": "A draft whose list is uploaded",
                        "value": {"content": _MINIMAL["content"], "key": "upload-2026"},
                    },
                }
            }
        }
    }
}
UPLOADING: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-ndjson": {
                "schema": {"type": "string"},
                "example": '{"phone": "79031234567", "ref": "order 17", "variables": {"name": "Anna"}}\n',
            },
            "text/csv": {"schema": {"type": "string"}, "example": "phone,name\n79031234567,Anna\n"},
        },
    }
}
PROBLEM_SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "One sentence: what, where, which value, how to mend it."},
        "field": {"type": "string"},
        "value": _TEXT,
        "mend": {"type": "string"},
        "errors": {"type": "array", "items": {"type": "object", "required": ["field", "problem", "mend"]}},
    },
}
_PROBLEM = {
    "type": "about:blank",
    "title": "Unprocessable Entity",
    "status": 422,
    "detail": "priority (12) cannot be taken (should be less than or equal to 9): give 9 or less",
    "field": "priority",
    "value": "12",
    "mend": "give 9 or less",
    "errors": [
        {
            "field": "priority",
            "problem": "cannot be taken (should be less than or equal to 9)",
            "mend": "give 9 or less",
            "value": "12",
        }
    ],
}
_MEANING = {
    400: "The body is not JSON.",
    401: "No key, or one that is unknown or revoked.",
    403: "The key is not allowed to do this.",
    404: "There is no such campaign, or not for this key.",
    408: "The body did not come in time.",
    409: "It does not fit: the state of the campaign, a `key` with another content, a request that is still at work.",
    413: "The body is too long.",
    415: "The body is of another type.",
    422: "A field is wrong; `field`, `value` and `mend` say which and how.",
    429: "The key asks too often.",
    500: "An error of ours.",
    503: "The database does not answer, or too much is going on.",
}


def refusals(*statuses: int) -> Responses:
    """Return what a refusal looks like, for these statuses and those that everything may have."""
    told: dict[str, Any] = {"schema": PROBLEM_SCHEMA}
    return {
        status: {
            "description": _MEANING[status],
            "content": {MEDIA_TYPE: {**told, "example": _PROBLEM} if status == 422 else told},
        }
        for status in sorted({*statuses, 401, 429, 503})
    }
