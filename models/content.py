"""What a campaign says: one frozen type per kind, with the provider's fields and nothing invented.

A content is a plain value; nothing is checked when it is made, so that rendering stays fast. `check` refuses what the
provider would refuse (protocol.md 4 and 7.2), `wording` makes many final contents out of one with templates.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, ClassVar

from .errors import ContentError
from .segments import count_parts
from .template import Template, unsendable

SENDER_CHARACTERS = 11
SENDER_DIGITS = 15
CAMPAIGNS_AT_ONCE = 64
"""Of how many campaigns a process remembers what they say: it serves them in turn, batch after batch."""


@dataclass(frozen=True, slots=True)
class Sms:
    """A plain SMS."""

    kind: ClassVar[str] = "sms"
    sender: str
    text: str


@dataclass(frozen=True, slots=True)
class FlashSms:
    """An SMS that opens on the screen at once."""

    kind: ClassVar[str] = "flashsms"
    sender: str
    text: str


@dataclass(frozen=True, slots=True)
class Silence:
    """An SMS that nobody sees; it tells whether the number can be reached."""

    kind: ClassVar[str] = "silence"
    sender: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class WapPush:
    """A link with its description."""

    kind: ClassVar[str] = "wappush"
    sender: str
    text: str
    url: str


@dataclass(frozen=True, slots=True)
class VCard:
    """A business card: the name and at least one more field. `cell`, `work` and `fax` are the contact's numbers."""

    kind: ClassVar[str] = "vcard"
    sender: str
    name: str
    url: str | None = None
    cell: str | None = None
    work: str | None = None
    fax: str | None = None
    email: str | None = None
    position: str | None = None
    organization: str | None = None
    post_office_box: str | None = None
    street: str | None = None
    city: str | None = None
    region: str | None = None
    postal_code: str | None = None
    country: str | None = None
    additional: str | None = None


@dataclass(frozen=True, slots=True)
class Viber:
    """A Viber message, perhaps with a button (caption and link) and a picture (its address)."""

    kind: ClassVar[str] = "viber"
    sender_viber: str
    text_viber: str
    button_viber: str | None = None
    action_viber: str | None = None
    image_viber: str | None = None


@dataclass(frozen=True, slots=True)
class ViberSms:
    """A Viber message; an SMS where Viber did not deliver."""

    kind: ClassVar[str] = "viber-sms"
    sender_viber: str
    text_viber: str
    sender: str
    text: str
    button_viber: str | None = None
    action_viber: str | None = None
    image_viber: str | None = None


@dataclass(frozen=True, slots=True)
class SmsViber:
    """An SMS; a Viber message where the SMS was not delivered."""

    kind: ClassVar[str] = "sms-viber"
    sender: str
    text: str
    sender_viber: str
    text_viber: str
    button_viber: str | None = None
    action_viber: str | None = None
    image_viber: str | None = None


Content = Sms | FlashSms | Silence | WapPush | VCard | Viber | ViberSms | SmsViber

KINDS: dict[str, type[Content]] = {
    kind.kind: kind for kind in (Sms, FlashSms, Silence, WapPush, VCard, Viber, ViberSms, SmsViber)
}

_SENDERS = frozenset({"sender", "sender_viber"})  # the same for everybody: never a template
_LINKS = frozenset({"url", "action_viber", "image_viber"})
_CARD_NUMBERS = frozenset({"cell", "work", "fax"})
"""Source: the source document's table types them Int."""

_MEND = {
    "sender": f"name who it is from, up to {SENDER_CHARACTERS} characters, or up to {SENDER_DIGITS} digits",
    "sender_viber": "name who the Viber message is from",
    "text": "write what the message says",
    "text_viber": "write what the Viber message says",
    "url": "give the link that the message opens",
    "name": "give the name on the business card",
}


def check(content: Content) -> None:
    """Refuse what the provider would refuse.

    Raises: ContentError with one sentence: the field, its value, how to mend it. Source: protocol.md 4 and 7.2.
    """
    for name, value, required in _each_field(content):
        if value is None and not required and not isinstance(content, Silence):
            continue
        if not isinstance(value, str):
            raise ContentError(f"{name} is not a text but {type(value).__name__}: write it as a text")
        _check_field(content, name, value)
    if isinstance(content, VCard) and len(to_json(content)) == 2:
        raise ContentError("a business card needs one more field beside the name: add cell or email, say")
    if isinstance(content, (Viber, ViberSms, SmsViber)):
        _check_button(content)


def warnings(content: Content) -> tuple[str, ...]:
    """Say what may be refused, but is known from other installations only. Source: protocol.md 4.4."""
    found: list[str] = []
    if isinstance(content, (Viber, ViberSms, SmsViber)):
        for name, value, limit in (
            ("text_viber", content.text_viber, 1000),
            ("button_viber", content.button_viber, 19),
        ):
            if value is not None and len(value) > limit:
                found.append(f"{name} has {len(value)} characters; Viber may take only {limit}")
        if content.image_viber and not content.button_viber:
            found.append("image_viber without button_viber: Viber may show a picture only together with a button")
    return tuple(found)


def to_json(content: Content) -> dict[str, str]:
    """Return the fields that are given, by name; `from_json` with the same kind makes an equal content."""
    return {name: value for name, value, _ in _each_field(content) if value is not None}


def from_json(kind: str, mapping: Mapping[str, object]) -> Content:
    """Make a content out of its kind and its fields. Checks names and types; what they say is for `check`.

    Raises: ContentError for an unknown kind or field (with the nearest known one), a missing field, a value that is no
    text.
    """
    made = KINDS.get(kind)
    if made is None:
        raise ContentError(f'there is no kind "{kind}"{_nearest(kind, KINDS)}; the kinds are {", ".join(KINDS)}')
    known = {field.name: field.default is MISSING for field in fields(made)}
    for name, value in mapping.items():
        if name not in known:
            raise ContentError(
                f'a {kind} message has no field "{name}"{_nearest(name, known)}; its fields are {", ".join(known)}'
            )
        if value is not None and not isinstance(value, str):
            raise ContentError(f"{name} is not a text but {type(value).__name__}: write it in quotes")
    for name, required in known.items():
        if required and mapping.get(name) is None:
            raise ContentError(f"{name} is missing: {_MEND[name]}")
    make: Callable[..., Content] = made
    return make(**{name: value for name, value in mapping.items() if value is not None})


@lru_cache(maxsize=CAMPAIGNS_AT_ONCE)
def read_content(kind: str, stored: str) -> Content:
    """Return the content that stands in a campaign's row, checked; every batch of the campaign asks for it.

    Raises: ContentError where it cannot be sent, as when plain SQL has put it there.
    """
    try:
        fields_of_it = json.loads(stored)
    except ValueError:
        raise ContentError("what it says is no JSON: write an object of its fields") from None
    if not isinstance(fields_of_it, dict):
        raise ContentError(f"what it says is not a JSON object but {type(fields_of_it).__name__}: write its fields")
    content = from_json(kind, fields_of_it)
    check(content)
    return content


@lru_cache(maxsize=CAMPAIGNS_AT_ONCE)
def variable_names(content: Content) -> tuple[str, ...]:
    """Return every name in braces once, in the order of first use."""
    return names_of(parts_of(content))


def expected_segments(content: Content) -> int | None:
    """Forecast the parts of a final content's SMS leg; None where nobody tells how they are counted.

    That is pure Viber, and what travels as binary SMS: WAP push and business card.
    """
    if isinstance(content, (Viber, WapPush, VCard)):
        return None
    return count_parts(content.text)


def parts_of(content: Content) -> dict[str, Template | str | None]:
    """Return every field by its name, in order; what may name variables as its template.

    Raises: ContentError where one cannot be parsed; a content that `check` has passed can.
    """
    return {
        name: value if value is None or name in _SENDERS else Template(value, field=name, url=name in _LINKS)
        for name, value, _ in _each_field(content)
    }


def names_of(parts: Mapping[str, Template | str | None]) -> tuple[str, ...]:
    """Return every name in the templates among `parts` once, in the order of first use."""
    templates = [part for part in parts.values() if isinstance(part, Template)]
    return tuple(dict.fromkeys(name for template in templates for name in template.names))


def _each_field(content: Content) -> Iterator[tuple[str, Any, bool]]:
    """Yield name, value, and whether the field must be given."""
    for field in fields(content):
        yield field.name, getattr(content, field.name), field.default is MISSING


def _check_field(content: Content, name: str, value: str) -> None:
    place = unsendable(value)
    if place is not None:
        raise ContentError(f"{name} has {place}, which cannot be sent: remove it")
    if not value.strip():
        if isinstance(content, Silence) and name == "text":
            return
        raise ContentError(f"{name} is empty: {_MEND.get(name, 'give it a value or leave it out')}")
    if name in _CARD_NUMBERS and "{" not in value and not (value.isascii() and value.isdigit()):
        raise ContentError(f'{name} "{value}" is no number: write it in digits alone, like 79031234567')
    if name in _SENDERS:
        _check_sender(name, value)
    else:
        Template(value, field=name, url=name in _LINKS)


def _check_sender(name: str, value: str) -> None:
    if "{" in value or "}" in value:
        raise ContentError(f'{name} "{value}" has a brace; a sender is the same for everybody: write it out')
    if value != value.strip() or len(value.splitlines()) > 1:
        raise ContentError(f"{name} {value!r} has a blank at an end, or a line break: remove it")
    limit = SENDER_DIGITS if value.isascii() and value.isdigit() else SENDER_CHARACTERS
    if name == "sender" and len(value) > limit:
        raise ContentError(
            f'sender "{value}" has {len(value)} characters; a sender may have up to {SENDER_CHARACTERS} characters, '
            f"or up to {SENDER_DIGITS} if all are digits: shorten it"
        )


def _check_button(content: Viber | ViberSms | SmsViber) -> None:
    if content.button_viber is not None and content.action_viber is None:
        raise ContentError(f'button_viber "{content.button_viber}" opens nothing: give its link in action_viber')
    if content.action_viber is not None and content.button_viber is None:
        raise ContentError(f'action_viber "{content.action_viber}" has no button: give its caption in button_viber')


def _nearest(name: str, known: Mapping[str, object]) -> str:
    near = get_close_matches(name.casefold(), known, n=1)
    return f' (did you mean "{near[0]}"?)' if near else ""
