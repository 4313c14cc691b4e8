"""What callers without a type checker pass: said at once in our words, not by whatever fails first inside."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import datetime
from types import NoneType
from typing import Any

from ..content import Content
from ..errors import LedgerError
from ..timing import Timing

_TEXT = (str, "a text")
_MAYBE_TEXT = (str | None, "a text or None")
_MAYBE_MOMENT = (datetime | None, "an aware datetime or None")
_WANTED: dict[str, tuple[Any, str]] = {
    "content": (Content, 'a content such as Sms(sender="Shop", text="Hello")'),
    "recipients": (Iterable, "a list of Recipient, or anything that yields them"),
    "key": _MAYBE_TEXT,
    "account": _TEXT,
    "at": _MAYBE_MOMENT,
    "name": _MAYBE_TEXT,
    "priority": (int, "a whole number from 0 to 9"),
    "latest": _MAYBE_MOMENT,
    "window": _MAYBE_TEXT,
    "time_zone": _MAYBE_TEXT,
    "max_segments": (int | None, "a whole number or None"),
    "timing": (Timing, "a Timing"),
    "actor": _TEXT,
}


def check_types(**given: object) -> None:
    """Refuse an argument of another type than it is declared with.

    Raises:
        LedgerError: it names the argument, the type, and what to pass.
    """
    for name, value in given.items():
        wanted, called = _WANTED[name]
        # Texts and mappings can be iterated, and true is a number: none of them is meant.
        if isinstance(value, bool) or not isinstance(value, wanted):
            raise _wrong(name, value, called)
        if name == "recipients" and isinstance(value, (str, bytes, Mapping)):
            raise _wrong(name, value, called)
        if isinstance(value, Timing):
            for field in fields(value):
                when = getattr(value, field.name)
                if not isinstance(when, datetime | str | None):
                    raise _wrong(f"timing.{field.name}", when, "an aware datetime, a column such as {when}, or None")


def _wrong(name: str, value: object, called: str) -> LedgerError:
    kind = "None" if isinstance(value, NoneType) else f"of type {type(value).__name__}"
    return LedgerError(f"{name} is {kind}: pass {called}")
