"""What one `message` says: its kind, its fields, and what the provider would say against it.

Source: protocol.md 4.1, 4.3, 4.4; the refusals are those of protocol.md 7.2 that depend on the content alone.
"""

from functools import lru_cache
from typing import NamedTuple

from worker.simulator.segments import count_segments

_VIBER_FIELDS = ("sender_viber", "text_viber", "button_viber", "action_viber", "image_viber")
_PHONE_FIELDS = ("phone.cell", "phone.work", "phone.fax")
_ADDRESS_FIELDS = tuple(
    f"address.{name}" for name in ("post_office_box", "street", "city", "region", "postal_code", "country")
)
_CARD_FIELDS = ("name", *_PHONE_FIELDS, "email", "position", "organization", *_ADDRESS_FIELDS, "additional")
FIELDS = (*_VIBER_FIELDS, "sender", "text", "url", *_CARD_FIELDS)
COMPOSITE_ELEMENTS = frozenset({"phone", "address"})

_ELEMENT_ORDER = {name: place for place, name in enumerate(dict.fromkeys(field.split(".")[0] for field in FIELDS))}
_CHANNELS = frozenset({"sms", "viber"})
_SMS_TYPES = frozenset({"sms", "flashsms", "silence", "wappush", "vcard"})

Pairs = tuple[tuple[str, str], ...]


class Unacceptable(Exception):
    """Raised when the provider refuses a whole document; `text` is the short name of what it answers."""

    def __init__(self, text: str, finding: str) -> None:
        super().__init__(finding)
        self.text = text
        self.finding = finding


class Content(NamedTuple):
    """What everybody in one `message` gets. Equal contents are usually one object, so the ledger can share it.

    `kind`: the SMS type, `viber`, or the cascade as `viber-sms` or `sms-viber`. `text`: as received, a line break still
    being backslash and n; of a cascade the SMS text. `fields`: the elements beside `sender` and `text`.
    `refusal`: the short name of the text that every line of this message is refused with.
    """

    kind: str
    sender: str
    text: str
    parts: int
    fields: Pairs
    refusal: str | None
    findings: tuple[str, ...]


class _Shape(NamedTuple):
    """What can be said of a message without looking at its values."""

    kind: str
    sms_type: str
    has_sms: bool
    has_viber: bool
    findings: tuple[str, ...]


@lru_cache(maxsize=1024)
def judge(attributes: Pairs, names: tuple[str, ...], values: tuple[str, ...]) -> Content:
    """Say what a message is and what is wrong with it.

    `attributes` are those of `message`; `names` and `values` its elements in document order, composite ones as
    `phone.cell`.

    Raises: Unacceptable for a channel or a type that does not exist.
    """
    shape = _judge_shape(attributes, names)
    findings = [*shape.findings, *_find_bad_values(names, values)]
    given = dict(zip(names, values, strict=True))
    sender, text = given.pop("sender", ""), given.pop("text", "")
    refusal = _refuse_viber(given) if shape.has_viber else None
    parts = 1
    if shape.has_sms:
        findings += _find_bad_sender(sender)
        if shape.sms_type == "silence" and not text.strip():
            findings.append("silence has no text, and nobody says whether that is allowed")
        refusal = refusal or _refuse_sms(shape.sms_type, sender, text, given)
        parts = 1 if shape.sms_type == "vcard" else count_segments(text)
        if shape.has_viber and shape.sms_type != "sms":
            given["type"] = shape.sms_type
    else:
        sender, text = given.get("sender_viber", ""), given.get("text_viber", "")
    return Content(shape.kind, sender, text, parts, tuple(given.items()), refusal, tuple(findings))


@lru_cache(maxsize=256)
def _judge_shape(attributes: Pairs, names: tuple[str, ...]) -> _Shape:
    findings: list[str] = []
    first, second, sms_type = _read_attributes(attributes, findings)
    channels = (first, second) if second else (first,)
    kind = sms_type if channels == ("sms",) else "-".join(channels)
    _find_misplaced(kind, names, findings)
    return _Shape(kind, sms_type, "sms" in channels, "viber" in channels, tuple(findings))


def _read_attributes(attributes: Pairs, findings: list[str]) -> tuple[str, str, str]:
    given = dict(attributes)
    for name in given.keys() - {"type_send_1", "type_send_2", "type"}:
        findings.append(f"attribute {name} of message is unknown")
    first, second = given.get("type_send_1", ""), given.get("type_send_2", "")
    sms_type = given.get("type", "")
    for name, value in (("type_send_1", first), ("type_send_2", second)):
        if value and value not in _CHANNELS:
            raise Unacceptable("bad_document", f"{name} is neither viber nor sms")
    if sms_type and sms_type not in _SMS_TYPES:
        raise Unacceptable("bad_document", "type is none of sms, flashsms, silence, wappush, vcard")
    if not first:
        findings.append("type_send_1 is missing")
        first = "sms"
    if second == first:
        findings.append("type_send_2 repeats type_send_1")
        second = ""
    if not sms_type and "sms" in (first, second):
        findings.append("type is missing")
    return first, second, sms_type or "sms"


def _find_misplaced(kind: str, names: tuple[str, ...], findings: list[str]) -> None:
    allowed = _allowed_fields(kind)
    place = 0
    for name in dict.fromkeys(names):
        element = name.split(".")[0]
        if name not in FIELDS:
            findings.append(f"element {name} is unknown")
        elif name not in allowed:
            findings.append(f"element {element} has no meaning in {kind}")
        if _ELEMENT_ORDER.get(element, place) < place:
            findings.append(f"element {element} is out of order")
        place = max(place, _ELEMENT_ORDER.get(element, place))
        if names.count(name) > 1:
            findings.append(f"element {element} is repeated")
    if ("button_viber" in names) != ("action_viber" in names):
        findings.append("button_viber and action_viber go together")


def _find_bad_values(names: tuple[str, ...], values: tuple[str, ...]) -> list[str]:
    findings = []
    together = "".join(values)
    if "\n" in together or "\r" in together:
        findings.append("a text holds a line break that is not the two characters \\n")
    for name in _PHONE_FIELDS:
        if name in names and not _is_number(values[names.index(name)]):
            findings.append(f"{name} is not digits")
    return findings


def _is_number(value: str) -> bool:
    return value.isascii() and value.isdigit()


@lru_cache(maxsize=32)
def _allowed_fields(kind: str) -> frozenset[str]:
    allowed: set[str] = set()
    if kind != "viber":
        allowed |= {"sender", "text"}
    if "viber" in kind:
        allowed |= {*_VIBER_FIELDS}
    # The SMS leg of a cascade may be any type; its own type is not in the kind.
    if kind in ("wappush", "vcard", "viber-sms", "sms-viber"):
        allowed |= {"url"}
    if kind in ("vcard", "viber-sms", "sms-viber"):
        allowed |= {*_CARD_FIELDS}
    return frozenset(allowed)


def _find_bad_sender(sender: str) -> list[str]:
    findings = []
    if not sender.isascii():
        findings.append("sender has other than Latin letters, digits, blanks and punctuation")
    if sender != sender.strip():
        findings.append("sender begins or ends with a blank")
    return findings


def _refuse_viber(given: dict[str, str]) -> str | None:
    if not given.get("sender_viber", "").strip():
        return "no_sender"
    if not given.get("text_viber", "").strip():
        return "no_text"
    return None


def _refuse_sms(sms_type: str, sender: str, text: str, given: dict[str, str]) -> str | None:
    if not sender.strip():
        return "no_sender"
    if len(sender) > (15 if _is_number(sender) else 11):
        return "long_sender"
    if sms_type == "vcard":
        others = (value for name, value in given.items() if name != "name" and name in (*_CARD_FIELDS, "url"))
        return None if given.get("name", "").strip() and any(map(str.strip, others)) else "no_contact"
    if not text.strip() and sms_type != "silence":
        return "no_text"
    if sms_type == "wappush" and not given.get("url", "").strip():
        return "no_link"
    return None
