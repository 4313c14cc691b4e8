"""How many segments the network bills for a text. Source: GSM 03.38 (3GPP TS 23.038) and 23.040."""

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = "\f^{}\\[~]|€"
_COST_IN_SEPTETS = dict.fromkeys(_BASIC, 1) | dict.fromkeys(_EXTENSION, 2)

_GSM_SINGLE, _GSM_JOINED = 160, 153
_UCS2_SINGLE, _UCS2_JOINED = 70, 67


def count_segments(text: str) -> int:
    """Count the segments of a text as received: the two characters backslash and n are one line break.

    An empty text is one segment. No escape sequence and no surrogate pair is split between two segments.
    """
    text = text.replace("\\n", "\n")
    if len(text) <= _UCS2_SINGLE and text.isascii():
        return 1  # in whichever alphabet
    costs = [_COST_IN_SEPTETS.get(character, 0) for character in text]
    if 0 not in costs:
        return _count(costs, _GSM_SINGLE, _GSM_JOINED)
    return _count([2 if character > "\uffff" else 1 for character in text], _UCS2_SINGLE, _UCS2_JOINED)


def _count(costs: list[int], single: int, joined: int) -> int:
    total = sum(costs)
    if total <= single:
        return 1
    if 2 not in costs:
        return -(-total // joined)
    segments, room = 1, joined
    for cost in costs:
        if cost > room:
            segments, room = segments + 1, joined
        room -= cost
    return segments
