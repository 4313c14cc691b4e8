"""Campaigns that are asked for by name on the broker: `bulkpost.enqueue_campaign`, in JSON, from any application.

A message may come twice, so it must bring a key: its repeat is the same campaign. What is wrong with it is one line
that holds no number of a recipient.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.content import from_json
from models.errors import BadTimes
from models.ledger.enqueue import LONGEST_REF, Recipient, enqueue_campaign
from models.session import Sessions, transaction
from models.timing import read_exact_moment
from models.window import read_zone
from worker.errors import DispatchError
from worker.intake.phones import PhoneReader

ACTOR = "celery"


class BadRequest(DispatchError):
    """Raised when a message asks for what cannot be understood."""


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Person(_Shape):
    phone: str | int
    variables: dict[str, str | int | None] = {}
    ref: str | None = None
    client_key: str | int | None = None


class _Campaign(_Shape):
    key: Annotated[str, Field(min_length=1, max_length=LONGEST_REF)]
    content: dict[str, str | None]
    recipients: list[_Person]
    kind: str = "sms"
    account: str = "default"
    name: str | None = None
    at: str | None = None
    latest: str | None = None
    window: str | None = None
    time_zone: str | None = None
    priority: int = 5
    max_segments: int | None = None


def enqueue_asked(sessions: Sessions, default_region: str, asked: Mapping[str, Any]) -> int:
    """Make the campaign that a message asks for, or find the one that it made before; return its id.

    Phones are read in any usual spelling. Moments are ISO 8601, with an offset or in `time_zone`.

    Raises:
        BadRequest: a field is missing, unknown or of another type.
        LedgerError: as `enqueue_campaign`.
        SQLAlchemyError: the database failed; nothing was made.
    """
    try:
        given = _Campaign.model_validate(dict(asked))
    except ValidationError as error:
        raise BadRequest(_one_line(error)) from None
    at, latest = (_moment(name, getattr(given, name), given.time_zone) for name in ("at", "latest"))
    content = from_json(given.kind, given.content)
    people = list(_recipients(given.recipients, PhoneReader(default_region)))
    with transaction(sessions) as session:
        return enqueue_campaign(
            session,
            content=content,
            recipients=people,
            key=given.key,
            account=given.account,
            at=at,
            name=given.name,
            priority=given.priority,
            latest=latest,
            window=given.window,
            time_zone=given.time_zone,
            max_segments=given.max_segments,
            actor=ACTOR,
        )


def _recipients(people: list[_Person], phones: PhoneReader) -> Iterator[Recipient]:
    for person in people:
        msisdn, _ = phones.read(str(person.phone))
        yield Recipient(
            phone=msisdn or "",  # skipped by the ledger, which says why
            variables={name: str(value) for name, value in person.variables.items() if value is not None},
            ref=person.ref,
            client_key=None if person.client_key is None else str(person.client_key),
        )


def _moment(name: str, written: str | None, time_zone: str | None) -> datetime | None:
    if written is None:
        return None
    try:
        if time_zone is not None:
            return read_exact_moment(written, read_zone(time_zone))
        moment = datetime.fromisoformat(written.strip())
    except BadTimes as error:
        raise BadRequest(f"{name}: {error}") from None
    except ValueError:
        raise BadRequest(f'{name} "{written[:40]}" is no moment: write it like 2026-12-01T10:00:00+03:00') from None
    if moment.tzinfo is None:
        raise BadRequest(
            f'{name} "{written}" has no offset: write it like 2026-12-01T10:00:00+03:00, or give time_zone'
        )
    return moment


def _one_line(error: ValidationError) -> str:
    """Name the first field that is wrong, and how many more are; never what stands in it."""
    problems = error.errors(include_input=False, include_url=False, include_context=False)
    first = problems[0]
    where = ".".join(str(step) for step in first["loc"])
    words = {"missing": "is missing", "extra_forbidden": "is no field of a campaign"}
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{where} {words.get(first['type'], 'is wrong: ' + first['msg'])}{more}"
