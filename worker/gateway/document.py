"""A submission as the bytes of one XML document.

Knows the provider's element names and their order, and nothing of HTTP. What a person wrote goes through lxml, which
escapes it or refuses it; phones and keys are spliced in as digits, checked one by one, because that is ten times faster
and digits need no escaping.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from functools import cache

from lxml import etree

from models.content import KINDS, Content
from models.timing import Moments
from worker.core.messages import Line, Message, Submission
from worker.errors import ConfigurationError, RenderError

_PROLOG = b'<?xml version="1.0" encoding="utf-8"?>'
_PLACEHOLDER = b"<abonent/>"  # cannot come from a text: there lxml escapes "<"

# Source: protocol.md 4.3. `type` names the SMS leg, so pure Viber has none.
_ROUTES = {
    "sms": {"type_send_1": "sms", "type": "sms"},
    "flashsms": {"type_send_1": "sms", "type": "flashsms"},
    "silence": {"type_send_1": "sms", "type": "silence"},
    "wappush": {"type_send_1": "sms", "type": "wappush"},
    "vcard": {"type_send_1": "sms", "type": "vcard"},
    "viber": {"type_send_1": "viber"},
    "viber-sms": {"type_send_1": "viber", "type_send_2": "sms", "type": "sms"},
    "sms-viber": {"type_send_1": "sms", "type_send_2": "viber", "type": "sms"},
}

# The children of `message` in the seed's order, each with the attributes that hold its fields; without any, the field
# is the element's text. Source: protocol.md 3 and 4.1.
_CHILDREN: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("sender_viber", ()),
    ("text_viber", ()),
    ("button_viber", ()),
    ("action_viber", ()),
    ("image_viber", ()),
    ("sender", ()),
    ("text", ()),
    ("url", ()),
    ("name", ()),
    ("phone", ("cell", "work", "fax")),
    ("email", ()),
    ("position", ()),
    ("organization", ()),
    ("address", ("post_office_box", "street", "city", "region", "postal_code", "country")),
    ("additional", ()),
)

_LINE_BREAK = re.compile("\r\n|[\r\n\u0085\u2028\u2029]")
_MSISDN_DIGITS = 14
_KEY_DIGITS = 19


@dataclass(frozen=True)
class Credentials:
    """One provider login: a token, or a login with its password; the token wins where both are given.

    Raises: ConfigurationError where neither is complete, or XML cannot carry one of them.
    """

    login: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not self.token and not (self.login and self.password):
            raise ConfigurationError("no credentials: give a token, or a login with its password")
        try:
            _append_security(etree.Element("request"), self)
        except ValueError:
            raise ConfigurationError("the credentials hold a character that XML cannot carry: set them again") from None

    def __repr__(self) -> str:
        return f"Credentials({'token' if self.token else 'login and password'} hidden)"

    def masked(self) -> "Credentials":
        """Return credentials of the same form that say nothing."""
        return Credentials(token="***") if self.token else Credentials(login="***", password="***")


def build(submission: Submission, credentials: Credentials) -> bytes:
    """Write the document on one line, UTF-8.

    Line breaks inside texts travel as backslash + n. Source: protocol.md 3 and 4.

    Raises: RenderError where XML cannot carry a text or a phone or key is not digits; then nothing is built.
    """
    root = etree.Element("request")
    try:
        for message in submission.messages:
            _append_message(root, message.content)
        _append_security(root, credentials)
    except ValueError:
        raise RenderError("a text holds a character that XML cannot carry; remove control characters from it") from None
    # One serialisation for all messages; every placeholder gives way to the lines of its message.
    shell = etree.tostring(root, encoding="unicode").encode("utf-8").split(_PLACEHOLDER)
    parts = [_PROLOG, shell[0]]
    for message, rest in zip(submission.messages, shell[1:], strict=True):
        parts += (_abonents(message), rest)
    return b"".join(parts)


def enquiry(credentials: Credentials) -> bytes:
    """Write the document that asks for time or balance: nothing but who asks. Source: protocol.md 11, 15."""
    root = etree.Element("request")
    _append_security(root, credentials)
    return _PROLOG + etree.tostring(root, encoding="unicode").encode("utf-8")


def masked(submission: Submission, credentials: Credentials) -> bytes:
    """Write the same document without its secrets, for evidence and previews. Raises: as `build`."""
    return build(submission, credentials.masked())


def _append_message(root: etree._Element, content: Content) -> None:
    message = etree.SubElement(root, "message", _ROUTES[content.kind])
    for name, attributes in _children_of(content.kind):
        if attributes:
            given = {key: _on_one_line(value) for key in attributes if (value := getattr(content, key)) is not None}
            if given:
                etree.SubElement(message, name, given)
        elif (text := getattr(content, name)) is not None:
            etree.SubElement(message, name).text = _on_one_line(text)
    etree.SubElement(message, "abonent")


@cache
def _children_of(kind: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the children that a kind has fields for; looked up once: a document may have a thousand."""
    known = {field.name for field in fields(KINDS[kind])}
    return tuple((name, attributes) for name, attributes in _CHILDREN if known.intersection(attributes or (name,)))


def _on_one_line(value: str) -> str:
    if value.splitlines() == [value]:  # nearly always, and six times faster than the pattern
        return value
    return _LINE_BREAK.sub(r"\\n", value)


def _append_security(root: etree._Element, credentials: Credentials) -> None:
    security = etree.SubElement(root, "security")
    names = ("token",) if credentials.token else ("login", "password")
    for name in names:
        etree.SubElement(security, name, value=_on_one_line(getattr(credentials, name)))


def _abonents(message: Message) -> bytes:
    return "".join(_each_abonent(message.lines)).encode("ascii")


def _each_abonent(lines: tuple[Line, ...]) -> Iterator[str]:
    for line in lines:
        _check_digits(line, "phone", line.msisdn, _MSISDN_DIGITS)
        _check_digits(line, "key", line.send_key, _KEY_DIGITS)
        times = _times(line.moments) if line.moments is not None else ""
        yield f'<abonent phone="{line.msisdn}" number_sms="{line.number:d}" client_id_sms="{line.send_key}"{times}/>'


def _times(moments: Moments) -> str:
    """Write the moments of a line to the minute. Source: protocol.md 4.2 and 4.4, "Seconds"."""
    given = ((name, getattr(moments, name)) for name in ("time_send", "validity_period", "validity_period_viber"))
    return "".join(f' {name}="{moment:%Y-%m-%d %H:%M}"' for name, moment in given if moment is not None)


def _check_digits(line: Line, name: str, value: str, limit: int) -> None:
    if not (value.isascii() and value.isdigit() and len(value) <= limit):
        raise RenderError(f"position {line.position}: the {name} is not 1 to {limit} digits")
