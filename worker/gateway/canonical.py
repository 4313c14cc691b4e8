"""The answer as it nearly always is, read by its grammar: ten times faster than a tree of a thousand elements.

The grammar is a part of XML so small that whatever fits it is well-formed, and says what `reply` would read in it.
Anything else, down to a single byte, is left to `reply`. Source: protocol.md 5.
"""

import re

from worker.core.messages import LikeEntries, Reply, ReplyEntry
from worker.gateway.phrases import meaning

_BLANKS = " \t\r\n"  # of XML: a vertical tab is none
_HEAD = re.compile(
    rf"""[{_BLANKS}]*(?:<\?xml version="1\.0" encoding="(?i:utf-8)"\?>[{_BLANKS}]*)?<response>[{_BLANKS}]*"""
)
_ENTRY = re.compile(
    # No bracket, ampersand, control character or other character that XML cannot carry in the text.
    r"""<information number_sms="([0-9]{1,9})" id_sms="([0-9]{1,255})" parts="([0-9]{1,3})">"""
    r"""([^<>&\x00-\x1f\x7f-\x9f\ufffe\uffff]*)</information>"""
)
_TAIL = re.compile(f"[{_BLANKS}]*</response>[{_BLANKS}]*")


def read_canonical(raw: bytes) -> Reply | None:
    """Return the reply if the bytes fit the grammar, else None."""
    try:
        pieces = _ENTRY.split(raw.decode("utf-8"))
    except UnicodeDecodeError:
        return None
    # [head, number, id, parts, text, what is between, number, ..., text, tail]
    if len(pieces) < 2 or not _HEAD.fullmatch(pieces[0]) or not _TAIL.fullmatch(pieces[-1]):
        return None
    if "".join(pieces[5:-1:5]).strip(_BLANKS):
        return None
    numbers, ids, segments = list(map(int, pieces[1::5])), pieces[2::5], list(map(int, pieces[3::5]))
    texts = pieces[4::5]
    meant = {text: (text.strip(), meaning(text.strip())) for text in set(texts)}
    if len(meant) == 1:
        return Reply(LikeEntries(numbers, ids, segments, *meant[texts[0]]))
    rows = zip(numbers, ids, segments, texts, strict=True)
    return Reply(
        tuple([ReplyEntry(number, message_id, parts, *meant[text]) for number, message_id, parts, text in rows])
    )
