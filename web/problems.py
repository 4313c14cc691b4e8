"""What the HTTP door refuses: one problem (RFC 9457) that names the field, the value and the mend."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
MOST_SHOWN = 20
"""Flaws that one problem tells."""
_LONGEST_VALUE = 80
_DIGITS = re.compile(r"\d{5,}")


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing that is wrong. `field` is a path such as `recipients.3.phone`; numbers in `value` are cut short."""

    field: str
    problem: str
    mend: str
    value: str | None = None


class Problem(HTTPException):
    """Raised to refuse a request; says in `detail` what a person reads, and in `flaws` what a program needs."""

    def __init__(
        self,
        status: int,
        detail: str,
        *flaws: Flaw,
        mend: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.flaws = flaws
        self.mend = mend


def refuse(field: str, problem: str, mend: str, value: object = None) -> Problem:
    """Return the refusal of one field."""
    return of_flaws([Flaw(field, problem, mend, None if value is None else shown(value))])


def of_flaws(flaws: Sequence[Flaw]) -> Problem:
    """Return the refusal of a request for what is wrong in it."""
    first = flaws[0]
    given = f" ({first.value})" if first.value is not None else ""
    more = f"; and {len(flaws) - 1} more" if len(flaws) > 1 else ""
    return Problem(422, f"{first.field or 'the request'}{given} {first.problem}: {first.mend}{more}", *flaws)


def shown(value: object) -> str:
    """Write a value for whoever sent it, short, on one line, and without a whole number of a phone."""
    written = value if isinstance(value, str) else json.dumps(value, ensure_ascii=True, default=str)
    cut = written[:_LONGEST_VALUE] + ("…" if len(written) > _LONGEST_VALUE else "")
    short = _DIGITS.sub(lambda found: "…" + found.group()[-2:], cut)
    return short if short.isprintable() else ascii(short)[1:-1]


def split_sentence(sentence: str) -> tuple[str, str | None]:
    """Return what is wrong and how to mend it, as the sentences of this house have them on the sides of a stop."""
    for stop in (": ", "; "):
        problem, found, mend = sentence.rpartition(stop)
        if found:
            return problem, mend
    return sentence, None


def to_response(problem: Problem) -> Response:
    """Return the answer that tells a problem."""
    told: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(problem.status_code).phrase,
        "status": problem.status_code,
        "detail": problem.detail,
    }
    if problem.flaws:
        first = problem.flaws[0]
        told |= {"field": first.field, "value": first.value, "mend": first.mend}
        told["errors"] = [asdict(flaw) for flaw in problem.flaws[:MOST_SHOWN]]
    elif problem.mend is not None:
        told["mend"] = problem.mend
    body = json.dumps(told, ensure_ascii=True).encode()
    return Response(body, problem.status_code, headers=problem.headers, media_type=MEDIA_TYPE)
