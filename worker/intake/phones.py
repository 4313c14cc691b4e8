"""Phone numbers as people and spreadsheets write them, to E.164 digits without plus.

`phonenumbers` knows which numbers exist; it is asked only for what is not plainly a Russian mobile number, because one
question costs more than reading the row.
"""

from collections.abc import Sequence
from re import ASCII, IGNORECASE
from re import compile as compile_pattern

SHORTEST, LONGEST = 8, 14
"""Digits of a number that the provider takes. Source: protocol.md 4.2."""

NO_NUMBER = "no phone number"
NOT_A_NUMBER = "not a phone number"
TWO_NUMBERS = "two numbers in one cell"
TOO_SHORT = "too few digits for a phone number"
TOO_LONG = "too many digits for a phone number"
UNASSIGNED = "no such phone number: no country has numbers like this"
DAMAGED = "spreadsheet damage: the number lost its digits"

_RUSSIAN_MOBILE = compile_pattern("79[0-9]{9}").fullmatch
_RUSSIAN_MOBILES = compile_pattern("(?:79[0-9]{9}\n)*").fullmatch

_IGNORED = compile_pattern("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")  # comes along when copied from a page
_TEXT_CELL = compile_pattern(r'(?:=\s*"(.*)"|\'(.*))', flags=ASCII)  # how a spreadsheet keeps a number a text
_FLOAT = compile_pattern(r"(\+?[0-9]{8,15})[.,]([0-9]+)")
_EXPONENT = compile_pattern(r"\+?([0-9])(?:[.,]([0-9]+))?[eEеЕ]\+?([0-9]{1,2})")
_SPELLING = compile_pattern(r"\(?\s*\+?[0-9().\s‐‑‒–—−-]*")
_BETWEEN_NUMBERS = compile_pattern(r"[,;/|\n]+|\s(?:или|и|or|and)\s|(?<=[0-9)])\s*(?=\+)", flags=IGNORECASE)
_NOT_A_DIGIT = compile_pattern("[^0-9]")
_PUNCTUATION = dict.fromkeys(map(ord, " \u00a0()-\u2011"))
_SPELLED_MOBILE = compile_pattern(r"(?:\+?7|8)?(9[0-9]{9})").fullmatch
_PLAIN_LENGTH = 12  # characters of such a number and a break
_LONGEST_NATIONAL = 11  # digits; more usually begin with a country
_LEAST_OF_TWO = 7  # digits; fewer is not a second number but a remark
_SURELY_TWO = 20


class PhoneReader:
    """Reads numbers of one default region (ISO 3166 code), which is where those without a country belong."""

    def __init__(self, default_region: str) -> None:
        self._region = default_region.upper()
        self._knows_plain = self._is_russian_everywhere()

    def _is_russian_everywhere(self) -> bool:
        """Tell whether such digits cannot also be a number of the default region, as they can in Germany."""
        return self._region == "RU" or _assigned("79031234567", self._region) in (None, "79031234567")

    def are_plain(self, spelled: Sequence[str]) -> bool:
        """Tell whether all are of the one spelling that needs no look at the number plan: 79 and nine digits."""
        # A cell with a break in it would pass for two: it is counted.
        text = "\n".join(spelled) + "\n"
        return self._knows_plain and len(text) == _PLAIN_LENGTH * len(spelled) and bool(_RUSSIAN_MOBILES(text))

    def read(self, spelled: str) -> tuple[str | None, str | None]:
        """Return the digits, or None and the reason why these are not one number."""
        if self._knows_plain and _RUSSIAN_MOBILE(spelled):
            return spelled, None
        if self._region == "RU" and (mobile := _SPELLED_MOBILE(spelled.translate(_PUNCTUATION))) is not None:
            return "7" + mobile.group(1), None
        text = _tidy(spelled)
        if not text:
            return None, NO_NUMBER
        if (decimal := _FLOAT.fullmatch(text)) is not None:
            if decimal.group(2).strip("0"):
                return None, NOT_A_NUMBER
            text = decimal.group(1)
        elif (exponent := _EXPONENT.fullmatch(text)) is not None:
            first, rest, power = exponent.group(1), exponent.group(2) or "", int(exponent.group(3))
            if len(rest) != power:
                return None, f"{DAMAGED} ({text})"
            text = first + rest
        if _holds_two(text):
            return None, TWO_NUMBERS
        if not _SPELLING.fullmatch(text):
            return None, NOT_A_NUMBER
        return self._judge(_NOT_A_DIGIT.sub("", text), international="+" in text)

    def _judge(self, digits: str, *, international: bool) -> tuple[str | None, str | None]:
        if not digits:
            return None, NOT_A_NUMBER
        if digits.startswith("00"):  # how most of the world dials a plus
            digits, international = digits.lstrip("0"), True
        if international and _RUSSIAN_MOBILE(digits):
            return digits, None
        if not international and self._region == "RU" and (mobile := _SPELLED_MOBILE(digits)) is not None:
            return "7" + mobile.group(1), None
        found = self._find(digits, international=international)
        if found is not None and SHORTEST <= len(found) <= LONGEST:
            return found, None
        if len(digits) > LONGEST:
            return None, TWO_NUMBERS if len(digits) >= _SURELY_TWO else TOO_LONG
        return None, TOO_SHORT if len(digits) < SHORTEST else UNASSIGNED

    def _find(self, digits: str, *, international: bool) -> str | None:
        """Look the digits up, first as what they are likelier to be."""
        if international:
            return _assigned("+" + digits, None)
        if len(digits) > _LONGEST_NATIONAL:
            return _assigned("+" + digits, None) or _assigned(digits, self._region)
        return _assigned(digits, self._region) or _assigned("+" + digits, None)


def resembles_phone(cell: str) -> bool:
    """Tell cheaply whether a cell is meant as a number: what finds the delimiter, and rows that are no header."""
    text = _tidy(cell)
    if _EXPONENT.fullmatch(text):
        return True
    return _SPELLING.fullmatch(text) is not None and SHORTEST < len(_NOT_A_DIGIT.sub("", text)) <= LONGEST + 1


def _tidy(spelled: str) -> str:
    text = _IGNORED.sub("", spelled).strip()
    kept = _TEXT_CELL.fullmatch(text)
    if kept is not None:
        text = (kept.group(1) or kept.group(2) or "").strip()
    return text


def _holds_two(text: str) -> bool:
    counts = [len(_NOT_A_DIGIT.sub("", part)) for part in _BETWEEN_NUMBERS.split(text)]
    if sum(count >= _LEAST_OF_TWO for count in counts) > 1:
        return True
    # Only blanks between them: each alone would be a whole number.
    return sum(len(_NOT_A_DIGIT.sub("", part)) >= SHORTEST + 2 for part in text.split()) > 1


def _assigned(text: str, region: str | None) -> str | None:
    """Return the digits where the number plan has such a number."""
    # Imported late: it costs 70 ms, and a list of plain numbers never needs it.
    from phonenumbers import NumberParseException, is_valid_number, national_significant_number, parse

    try:
        number = parse(text, region)
    except NumberParseException:
        return None
    return f"{number.country_code}{national_significant_number(number)}" if is_valid_number(number) else None
