"""Bytes to lines of text: which encoding, and one clear line where the bytes are not text.

The encoding is decided before the first row, from the first piece that has something to decide on: falling back half
way would turn the names of a damaged UTF-8 list into noise, and send them.
"""

from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder
from collections.abc import Iterator
from io import StringIO
from itertools import chain
from re import compile as compile_pattern
from typing import BinaryIO

from worker.intake.errors import IntakeError

HEAD = 65_536
_PIECE = 262_144
_LONGEST_LINE = 1_048_576  # characters
_BOMS = ((BOM_UTF8, "utf-8-sig"), (BOM_UTF16_LE, "utf-16"), (BOM_UTF16_BE, "utf-16"))
_CONTROL = compile_pattern("[\0-\x08\x0e-\x1a]")
_SOME, _FEW = 0.1, 0.01
# Three Cyrillic letters in a row as UTF-8 writes them; in windows-1251 that would be something like "РёСёРё". Such a
# list is UTF-8, damaged perhaps, and must not be sent as noise.
_UTF8_WORD = compile_pattern(b"(?:[\xd0\xd1][\x80-\xbf]){3}")


class Text:
    """The text of a byte stream: its `encoding`, its `head` (up to 64 KiB of it, whole lines), and all its lines once.

    `first` are the bytes that were read from the stream already, HEAD of them or all there are.

    Raises: IntakeError for what is not text.
    """

    def __init__(self, stream: BinaryIO, called: str, first: bytes) -> None:
        self._stream = stream
        self._called = called
        self._first = first
        self.encoding = _encoding_of(self._telling_piece(), self._first, called)
        head = _decode_start(self._first, self.encoding)
        # A few came along with a name, and cost only the rows they are in.
        if len(_CONTROL.findall(head)) > _SOME * len(head):
            raise IntakeError(f"{called} is not a text file: save the list as CSV (UTF-8) or .xlsx")
        self._break = "\n" if "\n" in head or "\r" not in head else "\r"
        whole = len(self._first) < HEAD
        self.head = head if whole else head[: head.rfind(self._break) + 1] or head

    def lines(self) -> Iterator[str]:
        """Yield every line with its break, however it is written. Can be used once.

        Raises: IntakeError where the bytes stop being text, with the place.
        """
        return chain.from_iterable(StringIO(piece, newline="") for piece in self._pieces())

    def _pieces(self) -> Iterator[str]:
        decoder = getincrementaldecoder(self.encoding)()
        carry, seen, piece = "", 0, self._first
        while True:
            seen += len(piece)
            try:
                text = carry + decoder.decode(piece, not piece)
            except UnicodeDecodeError as error:
                place = seen - len(error.object) + error.start + 1
                raise IntakeError(
                    f"{self._called} is not {_shown(self.encoding)} at byte {place}: save the list as UTF-8"
                ) from error
            if not piece:
                yield text
                return
            cut = text.rfind(self._break) + 1
            if cut:
                yield text[:cut]
            carry = text[cut:]
            if len(carry) > _LONGEST_LINE:
                raise IntakeError(f"{self._called} has a line of over a million characters: it is not a list")
            piece = self._stream.read(_PIECE)

    def _telling_piece(self) -> bytes:
        """Return the first piece with a byte that is not ASCII; only the head where the stream cannot go back."""
        piece = self._first
        if not self._stream.seekable():
            return piece
        start = self._stream.tell()
        while piece and piece.isascii():
            piece = self._stream.read(HEAD)
        self._stream.seek(start)
        return piece


def _encoding_of(sample: bytes, first: bytes, called: str) -> str:
    for bom, name in _BOMS:
        if first.startswith(bom):
            return name
    if b"\0" in first:
        return _wide(first, called)
    if sample.isascii() or _UTF8_WORD.search(sample):
        return "utf-8"
    text = sample.decode("utf-8", "replace").strip("\ufffd")  # a character cut at an end of the sample is whole
    broken = text.count("\ufffd")
    foreign = sum(character > "\x7f" for character in text) - broken
    return "utf-8" if foreign > broken else "windows-1251"


def _wide(first: bytes, called: str) -> str:
    """Tell the byte orders of UTF-16 without a mark apart: digits, blanks and breaks have a zero byte on one side."""
    even, odd = first[0::2].count(0), first[1::2].count(0)
    name = "utf-16-le" if odd > even else "utf-16-be"
    if max(even, odd) < _SOME * len(first) or min(even, odd) > _FEW * len(first):
        raise IntakeError(f"{called} is not a text file: save the list as CSV (UTF-8) or .xlsx")
    return name


def _decode_start(first: bytes, encoding: str) -> str:
    """Decode as far as it goes; what is wrong is told, with its place, when that line is read."""
    return getincrementaldecoder(encoding)("replace").decode(first)


def _shown(encoding: str) -> str:
    return {"utf-8-sig": "UTF-8", "utf-8": "UTF-8"}.get(encoding, encoding)
