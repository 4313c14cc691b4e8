"""What requests say: every field with its type and range. What a text or a moment means is checked further in."""

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticKnownError

from models.ledger.enqueue import LONGEST_REF
from models.rules import CANARY_SHARE

LARGEST_NUMBER = 2**31 - 1
LARGEST_ID = 2**63 - 1
LONGEST_WORD = 100
LONGEST_TEXT = 20_000
_DIGITS = re.compile("[0-9]+")

Text = Annotated[str, Field(max_length=LONGEST_TEXT)]
Word = Annotated[str, Field(max_length=LONGEST_WORD)]
Moment = Annotated[str, Field(max_length=LONGEST_WORD, examples=["2026-12-01 10:00"])]


def _only_digits(given: Any) -> Any:
    if isinstance(given, str) and not _DIGITS.fullmatch(given):
        raise PydanticKnownError("int_parsing")
    return given


Whole = Annotated[int, BeforeValidator(_only_digits)]
"""A whole number of an address, in digits alone: no address has two spellings, and 1_0 is not 10."""


class UnknownField(ValueError):
    """Raised for a field that a shape does not have; `known` are those that it has."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__("no such field")
        self.name = name
        self.known = known


class Shape(BaseModel):
    """An object of a request: nothing but its fields, each of its very type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _name_the_unknown(cls, given: Any) -> Any:
        if isinstance(given, dict):
            for name in given:
                if name not in cls.model_fields:
                    raise UnknownField(name, tuple(cls.model_fields))
        return given


class RecipientShape(Shape):
    """Somebody to send to."""

    phone: Word | int = Field(description="In any usual spelling.", examples=["79031234567"])
    ref: str | int | None = Field(default=None, description=f"Your own reference, up to {LONGEST_REF} characters.")
    client_key: Word | int | None = Field(
        default=None,
        description="Your own key of this message: 1 to 15 digits, no leading zero, unique in the account.",
    )
    variables: dict[Word, Text | int | None] = Field(
        default_factory=dict, max_length=200, description="Values for {names} in the texts."
    )


class CampaignShape(Shape):
    """A campaign. Without `recipients` it is a draft that waits for the upload of its list."""

    kind: Literal["sms", "flashsms", "silence", "wappush", "vcard", "viber", "viber-sms", "sms-viber"] = "sms"
    content: dict[Word, Text | None] = Field(
        description="What the kind says: sender and text of an SMS, for example. {name} takes a recipient's value.",
        examples=[{"sender": "Shop", "text": "Hello {name}"}],
    )
    recipients: list[RecipientShape] | None = Field(default=None, description="Up to 10,000; more are uploaded.")
    account: Word | None = Field(
        default=None, description="The account that sends it; by default the key's, or `default`."
    )
    name: Annotated[str, Field(max_length=200)] | None = None
    key: Annotated[str, Field(min_length=1, max_length=LONGEST_REF)] | None = Field(
        default=None,
        description="Your own key of this campaign: repeated with the same content it returns the first one.",
    )
    at: Moment | None = Field(default=None, description="When to start; in `time_zone` unless it says an offset.")
    latest: Moment | None = Field(
        default=None, description="Post nothing from then on: a moment, or 2h after the start."
    )
    window: Annotated[str, Field(max_length=500, examples=["09:00-21:00 mon-sat"])] | None = None
    holidays: list[Word] | None = Field(
        default=None, max_length=1_000, description="Dates on which the window stays closed."
    )
    time_zone: Word | None = Field(default=None, examples=["Europe/Moscow"])
    canary: int | None = Field(default=None, ge=1, le=LARGEST_NUMBER, description="Send so many first, and judge them.")
    canary_errors: float = Field(default=CANARY_SHARE, ge=0, le=1, description="The part of them that may fail.")
    max_segments: int | None = Field(
        default=None, ge=1, le=LARGEST_NUMBER, description="Pause when so many are billed."
    )
    priority: int = Field(default=5, ge=0, le=9, description="9 goes first.")
    time_send: Moment | None = Field(default=None, description="When the provider delivers: a moment, or {column}.")
    validity_period: Moment | None = Field(default=None, description="Until when it tries; a moment, or {column}.")
    validity_period_viber: Moment | None = None
    draft: bool = Field(default=False, description="Do not start it; POST .../start does.")
    strict: bool = Field(default=False, description="Refuse the whole list if one recipient cannot be sent to.")


class StartShape(Shape):
    """Nothing: when a campaign starts is said when it is created."""


class ReasonShape(Shape):
    """Why something is done."""

    reason: Annotated[str, Field(min_length=1, max_length=500)] | None = None


class ResumeShape(Shape):
    """What a person changes by resuming."""

    latest: Moment | None = Field(default=None, description="For a late one: until when it may be sent now.")
    late_anyway: bool = Field(default=False, description="For a late one: send it whenever it may go.")
    max_segments: int | None = Field(
        default=None, ge=0, le=LARGEST_NUMBER, description="Segments in all; 0 for any number."
    )


class RetryShape(Shape):
    """Whom to post again, under the same keys."""

    status: list[Literal["unknown", "rejected"]] = Field(default=["unknown", "rejected"], min_length=1)
    error_class: list[Literal["recipient", "message", "account", "request", "transient", "unseen"]] | None = Field(
        default=None, min_length=1
    )
    provider_text: Text | None = Field(default=None, description="Only whom the provider answered this, word for word.")
    batch: int | None = Field(default=None, ge=1, le=LARGEST_ID)
    force: bool = Field(
        default=False, description="Also those whom a repeat cannot help, or may send the message twice."
    )
    preview: bool = Field(default=False, description="Only say how many there are.")


class PhoneShape(Shape):
    """A number to ask about. In a body, because addresses are logged by everything on the way."""

    phone: Word | int = Field(examples=["79031234567"])
