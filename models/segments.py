"""How many SMS a text becomes: GSM 03.38 with its extension table, or UCS-2.

A forecast for people; what is billed is the provider's count. Knows no templates and no kinds of message.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from re import compile as compile_pattern
from re import escape

GSM = "GSM 7-bit"
UCS2 = "UCS-2"

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = "\f^{}\\[~]|€"  # an escape and a second character: two units
_FOREIGN = compile_pattern(f"[^{escape(_BASIC + _EXTENDED)}]")
_TWO_UNITS = compile_pattern(f"[{escape(_EXTENDED)}]")
_ASTRAL = compile_pattern("[\U00010000-\U0010ffff]")
# What becomes backslash + n on the wire (protocol.md 4.4), and that itself: one line break on the phone.
_LINE_BREAK = compile_pattern("\r\n|[\r\n\x85\u2028\u2029]|\\\\n")

# Where length does not tell the units: one character that is two, two that are one, a break that counts as another.
_UNEVEN = compile_pattern(f"[\r\x85\u2028\u2029{escape(_EXTENDED)}\U00010000-\U0010ffff]")

_WHOLE = {GSM: 160, UCS2: 70}
_PART = {GSM: 153, UCS2: 67}  # the rest carries the number of the part
_FEW = 3


@dataclass(frozen=True, slots=True)
class Segments:
    """What a text costs.

    `units`: septets or UTF-16 units. `parts`: at least 1. `forced_by`: the first character outside GSM 03.38, None in a
    GSM text. `parts_without`: how many parts it would be if such characters were plain ones; None where that saves
    nothing or means another language (more than three different ones).
    """

    encoding: str
    units: int
    parts: int
    forced_by: str | None = None
    parts_without: int | None = None


def count(text: str) -> Segments:
    """Count the segments of a final text.

    A line break is one character in every spelling, though it travels as backslash + n: the phone shows one. A
    backslash + n that somebody typed cannot be told from it and counts as one too. Source: protocol.md 4.4.
    """
    text = _LINE_BREAK.sub("\n", text)
    first = _FOREIGN.search(text)
    if first is None:
        pairs = _TWO_UNITS.search(text) is not None
        units, parts = _fill(text, GSM, (2 if c in _EXTENDED else 1 for c in text) if pairs else None)
        return Segments(GSM, units, parts)
    pairs = _ASTRAL.search(text) is not None
    units, parts = _fill(text, UCS2, (2 if c > "\uffff" else 1 for c in text) if pairs else None)
    return Segments(UCS2, units, parts, first.group(), _parts_without(text, parts))


def count_parts(text: str) -> int:
    """Count what a final text costs, and nothing else: a personal text is counted for each recipient."""
    text = _LINE_BREAK.sub("\n", text)
    if _FOREIGN.search(text) is None:
        if _TWO_UNITS.search(text) is None:
            return _fill(text, GSM, None)[1]
    elif _ASTRAL.search(text) is None:
        return _fill(text, UCS2, None)[1]
    return count(text).parts


def count_parts_each(texts: Sequence[str]) -> list[int]:
    """Count the parts of each of many final texts, as `count_parts` does."""
    if _UNEVEN.search("".join(texts)) is not None:
        return list(map(count_parts, texts))
    return [1 if len(text) <= _WHOLE[UCS2] else _fill(text, _encoding(text), None)[1] for text in texts]


def _encoding(text: str) -> str:
    return GSM if _FOREIGN.search(text) is None else UCS2


def _fill(text: str, encoding: str, widths: Iterable[int] | None) -> tuple[int, int]:
    """Return units and parts. `widths` is None where every character is one unit."""
    whole, room = _WHOLE[encoding], _PART[encoding]
    if widths is None:
        units = len(text)
        return units, 1 if units <= whole else -(-units // room)
    units, parts, filled = 0, 1, 0
    for width in widths:
        units += width
        if filled + width > room:  # an escape or a surrogate pair is not split: it moves to the next part whole
            parts, filled = parts + 1, 0
        filled += width
    return units, 1 if units <= whole else parts


def _parts_without(text: str, parts: int) -> int | None:
    if len(set(_FOREIGN.findall(text))) > _FEW:
        return None
    plain = count(_FOREIGN.sub("-", text)).parts
    return plain if plain < parts else None
