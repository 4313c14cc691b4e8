"""The provider's answer, from bytes to a Reply.

Knows the two documented shapes of a `response` and what surrounds it in practice: wrong encodings, a BOM, warnings of
the provider's own software around the document. It expands no entity, reads no DTD and opens no connection. It does not
know what was sent: matching entries to lines is `worker.core`'s business. Source: protocol.md 5, 6 and 18.
"""

import codecs
import re
from collections.abc import Iterator

from lxml import etree

from worker.core.messages import Reply, ReplyEntry
from worker.errors import Unreadable
from worker.gateway.canonical import read_canonical
from worker.gateway.phrases import meaning

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))

# What a prolog or a header may name. A list, because Python knows codecs that are no encodings of text.
_ENCODINGS = {
    "utf8": "utf-8",
    "utf16": "utf-16",
    "utf16le": "utf-16-le",
    "utf16be": "utf-16-be",
    "windows1251": "windows-1251",
    "cp1251": "windows-1251",
    "windows1252": "windows-1252",
    "iso88591": "iso-8859-1",
    "iso88595": "iso-8859-5",
    "koi8r": "koi8-r",
    "koi8u": "koi8-u",
    "cp866": "cp866",
}

_PROLOG_ENCODING = re.compile(rb"""<\?xml\s[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_ROOT = re.compile(r"<(?:[\w.-]+:)?response(?=[\s/>])")
_ROOT_END = re.compile(r"</(?:[\w.-]+:)?response\s*>")
_DOCTYPE = re.compile("<!DOCTYPE", re.IGNORECASE)
_LONGEST_ID = 255  # characters; 22 digits have been seen
_LONGEST_INTEGER = 9  # digits: what every database column holds
_LONGEST_SEGMENTS = 3  # digits: a message has at most 255 parts, whose number is one byte


def parse(raw: bytes, charset: str | None = None) -> Reply:
    """Read an answer; `charset` is what the HTTP header says.

    Raises: Unreadable, with the bytes, for whatever is not a well-formed `response` document.
    """
    return read_canonical(raw) or read_tree(raw, charset)


def read_tree(raw: bytes, charset: str | None = None) -> Reply:
    """Read an answer of whatever form. Raises: as `parse`."""
    root = read_document(raw, charset)
    errors = [_own_text(child) for child in root if local_name(child) == "error"]
    return Reply(
        entries=tuple(_entry(child) for child in root if local_name(child) == "information"),
        error_text=errors[0] if errors else None,
        error_meaning=meaning(errors[0]) if errors else None,
    )


def read_document(raw: bytes, charset: str | None = None) -> etree._Element:
    """Read the `response` element of an answer, whatever stands around it; without entities, DTD or network.

    Raises: Unreadable, with the bytes.
    """
    try:
        return _parse_xml(_document_in(_decode(raw, charset)))
    except _Unusable as unusable:
        raise Unreadable(f"unreadable answer: {unusable}", raw=raw) from None


def local_name(element: etree._Element) -> str:
    """Return the element's name without its namespace: the manual has none, a SOAP-minded proxy may add one."""
    return etree.QName(element).localname


class _Unusable(Exception):
    """Raised inside this module; its message completes the sentence "unreadable answer: ..."."""


def _decode(raw: bytes, charset: str | None) -> str:
    if not raw.strip():
        raise _Unusable("it is empty")
    for encoding in _each_encoding(raw, charset):
        try:
            return raw.decode(encoding).removeprefix("\ufeff")
        except UnicodeDecodeError:
            continue
    raise _Unusable("its encoding is unknown")


def _each_encoding(raw: bytes, charset: str | None) -> Iterator[str]:
    """Yield what the bytes may be in, the surest first.

    Valid UTF-8 goes before what prolog and header claim: Cyrillic in another encoding is practically never valid
    UTF-8, while a server that names the wrong encoding is ordinary. UTF-16 without a BOM shows by the zero byte
    beside its first bracket.
    """
    for bom, encoding in _BOMS:
        if raw.startswith(bom):
            yield encoding
    first = raw.find(b"<")
    if first >= 0 and b"\0" in raw[max(first - 1, 0) : first + 2]:
        yield "utf-16-be" if first % 2 else "utf-16-le"
    yield "utf-8"
    prolog = _PROLOG_ENCODING.search(raw)
    for named in (prolog.group(1).decode("ascii") if prolog else None, charset):
        encoding_named = _ENCODINGS.get((named or "").lower().replace("-", "").replace("_", ""))
        if encoding_named:
            yield encoding_named
    yield "windows-1251"


def _document_in(text: str) -> str:
    """Cut the document out of what stands around it: prolog, comments, warnings of the provider's own software."""
    if _DOCTYPE.search(text):
        raise _Unusable("it has a DOCTYPE")
    root = _ROOT.search(text)
    if root is None:
        raise _Unusable("no response element in it")
    start = root.start()
    ends = [found.end() for found in _ROOT_END.finditer(text, start)]
    return text[start : ends[-1]] if ends else text[start:]


def _parse_xml(document: str) -> etree._Element:
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        recover=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        return etree.fromstring(document.encode("utf-8"), parser)
    except (etree.LxmlError, ValueError):
        # lxml's own message may quote the document, and so a phone.
        raise _Unusable("it is not well-formed XML") from None


def _entry(element: etree._Element) -> ReplyEntry:
    text = _own_text(element)
    return ReplyEntry(
        number=_integer(element.get("number_sms")),
        provider_message_id=_identifier(element.get("id_sms")),
        segments=_integer(element.get("parts"), _LONGEST_SEGMENTS),
        text=text,
        meaning=meaning(text),
    )


def _own_text(element: etree._Element) -> str:
    """Return the text directly inside, word for word; that of unknown elements in it is not the provider's verdict."""
    text = element.text or ""
    if len(element):
        text += "".join(child.tail or "" for child in element)
    return text.strip()


def _identifier(value: str | None) -> str | None:
    """Return an id as the text that it is; a page of text in its place is none, and no index could hold it."""
    value = (value or "").strip()
    return value if 0 < len(value) <= _LONGEST_ID else None


def _integer(value: str | None, longest: int = _LONGEST_INTEGER) -> int | None:
    if value is None:
        return None
    value = value.strip()
    return int(value) if len(value) <= longest and value.isascii() and value.isdigit() else None
