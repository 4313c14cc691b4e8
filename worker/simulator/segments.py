"""How many segments the network bills for a text. Source: GSM 03.38 (3GPP TS 23.038) and 23.040."""

from collections.abc import Callable
from re import compile as pattern
from re import escape

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = "\f^{}\\[~]|€"
_find_beyond_gsm = pattern(f"[^{escape(_BASIC + _EXTENSION)}]").search
_is_extended = frozenset(_EXTENSION).__contains__

_GSM_SINGLE, _GSM_JOINED = 160, 153
_UCS2_SINGLE, _UCS2_JOINED = 70, 67


def count_segments(text: str) -> int:
    """Count the segments of a text as received: the two characters backslash and n are one line break.

    An empty text is one segment. No escape sequence and no surrogate pair is split between two segments.
    """
    if len(text) * 2 <= _UCS2_SINGLE:
        return 1  # in whichever alphabet
    text = text.replace("\\n", "\n")
    if _find_beyond_gsm(text):
        total = len(text.encode("utf-16-le")) // 2
        return _count(text, total, lambda character: character > "\uffff", _UCS2_SINGLE, _UCS2_JOINED)
    total = len(text) + sum(map(_is_extended, text))
    return _count(text, total, _is_extended, _GSM_SINGLE, _GSM_JOINED)


def _count(text: str, total: int, is_double: Callable[[str], bool], single: int, joined: int) -> int:
    if total <= single:
        return 1
    if total == len(text):
        return -(-total // joined)
    segments, room = 1, joined
    for character in text:
        cost = 2 if is_double(character) else 1
        if cost > room:
            segments, room = segments + 1, joined
        room -= cost
    return segments
