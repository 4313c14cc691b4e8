"""The two headers of an answer that matter. Whatever they hold, reading them raises nothing."""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

_CHARSET = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9._-]+)""", re.IGNORECASE)
_SECONDS = re.compile(r"[0-9]{1,9}")


def charset_of(headers: Mapping[str, str]) -> str | None:
    """Return the encoding that the Content-Type names."""
    named = _CHARSET.search(headers.get("Content-Type", ""))
    return named.group(1) if named else None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that Retry-After asks to wait, given as such or as a date.

    A date is measured from the answer's own Date, so that nobody's clock matters; without one it is ignored.
    """
    value = headers.get("Retry-After", "").strip()
    if _SECONDS.fullmatch(value):
        return float(value)
    try:
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("Date", ""))
    except (ValueError, TypeError, OverflowError):  # no dates, or one of them without a zone
        return None
    return max(wait.total_seconds(), 0.0)
