"""A submission as the bytes of one XML document.

Knows the provider's element names and their order, and nothing of HTTP. The document is joined from parts: texts are
escaped, and refused where XML cannot carry them; phones and keys are digits, checked, and need no escaping. That is ten
times faster than building a tree, and three times where every text is personal; lxml reads back the first message and
the credentials of every document before it leaves.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
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

# A recipient's element: what stands before phone, number, key and times, and after them.
_ABONENT = ('<abonent phone="', '" number_sms="', '" client_id_sms="', '"', "/>")

_PARTS_AT_ONCE = 1000

_HOLE = "\0"  # stands for a personal text: no text that XML carries has it

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
    _check_digits(submission.lines)
    security = _security(credentials).encode()
    pieces = _encoded(_personal(submission) if _is_personal(submission) else _shared(submission))
    first = next(pieces, b"")
    if first:
        opening, _, _ = first.partition(_ABONENT[0].encode())
        _prove(b"<request>%b</message>%b</request>" % (opening, security))
    return b"".join([_PROLOG.encode(), b"<request>", first, *pieces, security, b"</request>"])


def _encoded(parts: Iterable[str]) -> Iterator[bytes]:
    """Yield the parts as bytes, many at once: a whole document as text takes five times the memory of its bytes."""
    parts = iter(parts)
    while together := "".join(islice(parts, _PARTS_AT_ONCE)):
        yield together.encode()


def enquiry(credentials: Credentials) -> bytes:
    """Write the document that asks for time or balance: nothing but who asks. Source: protocol.md 11, 15."""
    return f"{_PROLOG}<request>{_security(credentials)}</request>".encode()


def masked(submission: Submission, credentials: Credentials) -> bytes:
    """Write the same document without its secrets, for evidence and previews. Raises: as `build`."""
    return build(submission, credentials.masked())


def _is_personal(submission: Submission) -> bool:
    """Say whether each line has a message of its own, as nearly always where texts are personal."""
    return isinstance(submission.contents, Wordings) and len(submission.contents) == len(submission.lines)


def _personal(submission: Submission) -> Iterable[str]:
    """Return the parts of each line's message; what is the same in all of them is written once, and nothing twice."""
    contents, lines = submission.contents, submission.lines
    assert isinstance(contents, Wordings)
    kind = contents.content.kind
    holes = [name for name in _field_names(kind) if name in contents.columns]
    between = _opening(kind, _written_fields(contents.content) | dict.fromkeys(holes, _HOLE)).split(_HOLE)
    texts = [_written(name, contents.columns[name]) for name in holes]
    phone, number, key, time, end = _ABONENT
    between = [*between[:-1], between[-1] + phone, number, key, time, f"{end}</message>"]
    columns = [*texts, lines.msisdns, map(str, lines.numbers), lines.send_keys, _times(lines), repeat("", len(lines))]
    pairs = zip(between, columns, strict=True)
    rows = zip(*chain.from_iterable((repeat(part, len(lines)), column) for part, column in pairs), strict=True)
    return chain.from_iterable(rows)


def _shared(submission: Submission) -> Iterable[str]:
    """Return the parts of messages that have recipients in common."""
    abonents = iter(_abonents(submission.lines))
    for content, size in zip(submission.contents, submission.sizes, strict=True):
        yield _opening(content.kind, _written_fields(content))
        yield from islice(abonents, size)
        yield "</message>"


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


def _prove(document: bytes) -> None:
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
    phone, number, key, time, end = _ABONENT
    columns = zip(lines.msisdns, lines.numbers, lines.send_keys, _times(lines), strict=True)
    return [f"{phone}{to}{number}{n}{key}{own}{time}{at}{end}" for to, n, own, at in columns]


def _times(lines: Lines) -> Iterable[str]:
    """Write the moments of each line."""
    if not lines.moments:
        return repeat("", len(lines))
    return [_moments(lines.moments.get(position)) for position in lines.positions]


def _moments(moments: Moments | None) -> str:
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
