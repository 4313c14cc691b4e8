"""A submission as the bytes of one XML document.

Knows the provider's element names and their order, and nothing of HTTP. The document is joined from parts: texts are
escaped, and refused where XML cannot carry them; phones and keys are digits, checked, and need no escaping. That is ten
times faster than building a tree, and three times where every text is personal; lxml reads back the first message and
the credentials of every document before it leaves.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from itertools import chain, islice, repeat

from models.content import KINDS, Content, to_json
from models.template import unsendable
from models.timing import Moments
from models.wording import Wordings
from worker.core.digits import KEY_DIGITS, MSISDN_DIGITS, are_digits
from worker.core.messages import Lines, Submission
from worker.errors import ConfigurationError, RenderError

_PROLOG = '<?xml version="1.0" encoding="utf-8"?>'

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

_ATTRIBUTES = frozenset(attribute for _, attributes in _CHILDREN for attribute in attributes)

# What a text may not hold as it is, in the order in which it is replaced.
_WRITTEN = (
    *((line_break, r"\n") for line_break in ("\r\n", "\r", "\n", "\u0085", "\u2028", "\u2029")),
    ("&", "&amp;"),
    ("<", "&lt;"),
    (">", "&gt;"),
)


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
            _security(self)
        except RenderError:
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
    lines = submission.lines
    _check_digits(lines)
    openings = _openings(submission.contents)
    if openings:
        _prove(f"<request>{openings[0]}</message>{_security(credentials)}</request>")
    messages = _messages(openings, submission.sizes, _abonents(lines))
    return "".join([_PROLOG, "<request>", *messages, _security(credentials), "</request>"]).encode()


def enquiry(credentials: Credentials) -> bytes:
    """Write the document that asks for time or balance: nothing but who asks. Source: protocol.md 11, 15."""
    return f"{_PROLOG}<request>{_security(credentials)}</request>".encode()


def masked(submission: Submission, credentials: Credentials) -> bytes:
    """Write the same document without its secrets, for evidence and previews. Raises: as `build`."""
    return build(submission, credentials.masked())


def _messages(openings: Sequence[str], sizes: Sequence[int], abonents: Sequence[str]) -> Iterable[str]:
    if len(openings) == len(abonents):  # each has a text of its own, as nearly always where texts are personal
        return [f"{opening}{abonent}</message>" for opening, abonent in zip(openings, abonents, strict=True)]
    each = iter(abonents)
    pairs = zip(openings, sizes, strict=True)
    return chain.from_iterable((opening, *islice(each, size), "</message>") for opening, size in pairs)


def _openings(contents: Sequence[Content]) -> list[str]:
    """Write each message up to its recipients; what is the same in all of them is written once."""
    if not isinstance(contents, Wordings):
        return [_opening(content.kind, _written_fields(content)) for content in contents]
    kind, columns = contents.content.kind, contents.columns
    holes = [name for name in _field_names(kind) if name in columns]
    shared = {name: text.replace("%", "%%") for name, text in _written_fields(contents.content).items()}
    form = _opening(kind, shared | dict.fromkeys(holes, "%s"))
    rows = zip(*[_written(name, columns[name]) for name in holes], strict=True) if holes else [()]
    return [form % row for row in rows]


def _opening(kind: str, fields_written: Mapping[str, str]) -> str:
    """Write a message up to its recipients, out of its fields as XML carries them."""
    parts = [_message_tag(kind)]
    for name, attributes in _children_of(kind):
        if given := [f' {key}="{fields_written[key]}"' for key in attributes if key in fields_written]:
            parts.append(f"<{name}{''.join(given)}/>")
        elif not attributes and name in fields_written:
            parts.append(f"<{name}>{fields_written[name]}</{name}>")
    return "".join(parts)


def _written_fields(content: Content) -> dict[str, str]:
    return {name: _written(name, [text])[0] for name, text in to_json(content).items()}


@cache
def _message_tag(kind: str) -> str:
    route = [f' {name}="{value}"' for name, value in _ROUTES[kind].items()]
    return f"<message{''.join(route)}>"


def _written(name: str, texts: Sequence[str]) -> Sequence[str]:
    """Write texts of one field as XML carries them. Raises: RenderError where it cannot."""
    texts = _escaped(texts)
    return list(map(_quoted, texts)) if name in _ATTRIBUTES else texts


def _quoted(escaped: str) -> str:
    return escaped.replace('"', "&quot;").replace("\t", "&#9;")


def _escaped(texts: Sequence[str]) -> Sequence[str]:
    """Write texts as XML carries them; a thousand are looked at together, and nearly always need little.

    Raises: RenderError where it cannot.
    """
    joined = "".join(texts)
    if unsendable(joined) is not None:
        raise RenderError("a text holds a character that XML cannot carry; remove control characters from it")
    for character, written in _WRITTEN:
        if character in joined:
            texts = [text.replace(character, written) for text in texts]
    return texts


def _prove(document: str) -> None:
    """Read a document back; what fails here is a fault of this module."""
    from lxml import etree  # here: settings know credentials, and not every process that has settings posts

    etree.fromstring(document, etree.XMLParser(resolve_entities=False, no_network=True))


@cache
def _children_of(kind: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the children that a kind has fields for; looked up once: a document may have a thousand."""
    known = {field.name for field in fields(KINDS[kind])}
    return tuple((name, attributes) for name, attributes in _CHILDREN if known.intersection(attributes or (name,)))


@cache
def _field_names(kind: str) -> tuple[str, ...]:
    """Return the fields of a kind in the order of the document."""
    return tuple(field for name, attributes in _children_of(kind) for field in attributes or (name,))


def _security(credentials: Credentials) -> str:
    names = ("token",) if credentials.token else ("login", "password")
    each = [f'<{name} value="{_quoted(_escaped([getattr(credentials, name)])[0])}"/>' for name in names]
    return f"<security>{''.join(each)}</security>"


def _abonents(lines: Lines) -> list[str]:
    moments = lines.moments
    times = [_times(moments.get(position)) for position in lines.positions] if moments else repeat("", len(lines))
    columns = zip(lines.msisdns, lines.numbers, lines.send_keys, times, strict=True)
    return [f'<abonent phone="{to}" number_sms="{n}" client_id_sms="{key}"{at}/>' for to, n, key, at in columns]


def _times(moments: Moments | None) -> str:
    """Write the moments of a line to the minute. Source: protocol.md 4.2 and 4.4, "Seconds"."""
    if moments is None:
        return ""
    given = ((name, getattr(moments, name)) for name in ("time_send", "validity_period", "validity_period_viber"))
    return "".join(f' {name}="{moment:%Y-%m-%d %H:%M}"' for name, moment in given if moment is not None)


def _check_digits(lines: Lines) -> None:
    for name, values, longest in (("phone", lines.msisdns, MSISDN_DIGITS), ("key", lines.send_keys, KEY_DIGITS)):
        if are_digits(values, longest):
            continue
        wrong = next(place for place, value in enumerate(values) if not are_digits([value], longest))
        raise RenderError(f"position {lines.positions[wrong]}: the {name} is not 1 to {longest} digits")
