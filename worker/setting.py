"""One setting: its default, and how it is read from what stands in a variable.

A reader returns the value, or raises ValueError with what is wrong and the mend; it never shows the value.
"""

import re
from collections.abc import Callable
from dataclasses import field
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

Reader = Callable[[object], Any]
READ = "read"
BROKERS = ("memory", "redis", "rediss", "redis+socket", "sentinel", "amqp", "amqps", "pyamqp")
SHORTEST_SECRET = 16


def setting(default: Any, read: Reader = str, *, shown: bool = True) -> Any:
    """Return the field of a setting; one that is not `shown` appears neither in a repr nor in an error."""
    return field(default=default, repr=shown, metadata={READ: read})


def number(least: float = 0, *, most: float, above: float | None = None) -> Reader:
    """Return the reader of a number from `least` (or above `above`) to `most`."""
    words = f"must be a number {f'from {least:g}' if above is None else f'above {above:g}'}, {most:g} at most"

    def read(value: object) -> float:
        try:
            found = float(str(value))
        except ValueError:
            raise ValueError(words) from None
        # Not a number is in no range.
        if not (least <= found <= most and (above is None or found > above)):
            raise ValueError(words)
        return found

    return read


def whole(least: int, most: int) -> Reader:
    """Return the reader of a whole number."""
    words = f"must be a whole number from {least} to {most}"

    def read(value: object) -> int:
        try:
            found = int(str(value))
        except ValueError:
            raise ValueError(words) from None
        if not least <= found <= most:
            raise ValueError(words)
        return found

    return read


def like(pattern: str, words: str) -> Reader:
    """Return the reader of a text that a pattern describes, and `words` too."""

    def read(value: object) -> str:
        if re.fullmatch(pattern, str(value)) is None:
            raise ValueError(f"must be {words}")
        return str(value)

    return read


def one_of(*choice: str, upper: bool = False) -> Reader:
    """Return the reader of one of several words; `upper` takes them in any case."""

    def read(value: object) -> str:
        found = str(value).upper() if upper else str(value)
        if found not in choice:
            raise ValueError(f"must be one of {', '.join(choice)}")
        return found

    return read


def zone(value: object) -> str:
    """Read a time zone."""
    try:
        ZoneInfo(str(value))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("is not a time zone: use a name such as Europe/Moscow") from None
    return str(value)


def long_secret(value: object) -> str:
    """Read a secret that can keep one; empty is none."""
    if value and len(str(value)) < SHORTEST_SECRET:
        raise ValueError(f"is too short to keep a secret: give at least {SHORTEST_SECRET} random characters")
    return str(value)


def broker(value: object) -> str:
    """Read a broker's URL, or several to fail over to."""
    mend = "write redis://host:6379/0 or amqp://host//, or unset it for bulkpost up"
    for url in str(value).split(";"):
        try:
            parts = urlsplit(url)
            parts.port  # noqa: B018
        except ValueError:
            raise ValueError(f"its port is no number: {mend}") from None
        if parts.scheme not in BROKERS or "://" not in url:
            raise ValueError(f"is no broker: {mend}")
    return str(value)


def gateway(value: object) -> str:
    """Read a gateway's address."""
    if (problem := gateway_problem(str(value))) is not None:
        raise ValueError(problem)
    return str(value)


def gateway_problem(url: str) -> str | None:
    """Say why documents cannot be posted to a URL, or must not be kept with it; None where nothing is wrong."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        return "is no web address: use one like https://host/xml"
    if parts.username is not None or parts.password is not None:
        return "holds a user or a password: set BULKPOST_LOGIN and BULKPOST_PASSWORD instead"
    return None
