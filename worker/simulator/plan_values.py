"""What the fields of a fault rule may hold: each check returns the value, or raises ValueError with "must be ..."."""

from codecs import lookup
from collections.abc import Callable
from json import dumps
from math import isfinite


def _refuse(expected: str, value: object) -> ValueError:
    shown = dumps(value, ensure_ascii=False)
    return ValueError(f"must be {expected}, not {shown if len(shown) <= 60 else shown[:60] + '…'}")


def text(value: object, may_be_empty: bool = False) -> str:
    """Accept a text."""
    if not isinstance(value, str) or not (value or may_be_empty):
        raise _refuse("a text", value)
    return value


def flag(value: object) -> bool:
    """Accept true or false."""
    if not isinstance(value, bool):
        raise _refuse("true or false", value)
    return value


def whole(lowest: int, highest: int | None = None) -> Callable[[object], int]:
    """Accept a whole number of a range."""
    expected = f"a whole number of at least {lowest}" if highest is None else f"a whole number {lowest} to {highest}"

    def check(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise _refuse(expected, value)
        if value < lowest or (highest is not None and value > highest):
            raise _refuse(expected, value)
        return value

    return check


def number(lowest: float, highest: float | None = None) -> Callable[[object], float]:
    """Accept a number of a range."""
    expected = f"a number of at least {lowest:g}" if highest is None else f"a number {lowest:g} to {highest:g}"

    def check(value: object) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool) or not isfinite(value):
            raise _refuse(expected, value)
        if value < lowest or (highest is not None and value > highest):
            raise _refuse(expected, value)
        return float(value)

    return check


def whole_numbers(lowest: int) -> Callable[[object], tuple[int, ...]]:
    """Accept a list of whole numbers."""
    one = whole(lowest)

    def check(value: object) -> tuple[int, ...]:
        if not isinstance(value, list) or not value:
            raise _refuse(f"a list of whole numbers of at least {lowest}", value)
        return tuple(map(one, value))

    return check


def choice(*allowed: str) -> Callable[[object], str]:
    """Accept one of some words."""

    def check(value: object) -> str:
        if value not in allowed:
            raise _refuse("one of " + ", ".join(allowed), value)
        return str(value)

    return check


def choices(*allowed: str) -> Callable[[object], frozenset[str]]:
    """Accept a list of some words."""
    one = choice(*allowed)

    def check(value: object) -> frozenset[str]:
        if not isinstance(value, list) or not value:
            raise _refuse("a list of " + ", ".join(allowed), value)
        return frozenset(map(one, value))

    return check


def digits(value: object) -> str:
    """Accept a text of decimal digits."""
    if not (isinstance(value, str) and value.isascii() and value.isdigit()):
        raise _refuse("a text of digits", value)
    return value


def phone_list(value: object) -> frozenset[str]:
    """Accept a list of phones as digits. A refused one is not repeated in the error."""
    if not isinstance(value, list) or not value:
        raise ValueError("must be a list of phones")
    for ordinal, phone in enumerate(value, 1):
        if not (isinstance(phone, str) and phone.isascii() and phone.isdigit()):
            raise ValueError(f"must be digits in quotes, and number {ordinal} is not")
    return frozenset(value)


def text_map(value: object) -> dict[str, str]:
    """Accept an object of texts that fit into HTTP headers."""
    if not isinstance(value, dict) or not value:
        raise _refuse("an object of texts", value)
    for name, content in value.items():
        if not isinstance(content, str) or not (name + content).isascii() or not (name + content).isprintable():
            raise _refuse("an object of texts in printable ASCII", value)
    return value


def codec(value: object) -> str:
    """Accept the name of an encoding."""
    try:
        lookup(text(value))
        "send".encode(str(value))
    except (LookupError, ValueError):
        raise _refuse("the name of a text encoding", value) from None
    return str(value)
