"""What time it is for an account: asked of the provider, and turned into an offset from UTC."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit, urlunsplit

from worker.errors import Unreadable
from worker.gateway.client import Gateway
from worker.gateway.document import Credentials, enquiry
from worker.gateway.reply import read_document

ROUND_TO_MINUTES = 15
"""Zones differ by quarters of an hour; the rest is the journey and the provider's own clock. Source: protocol.md 15."""

_HALF_A_DAY = 12 * 60


def ask_offset_minutes(
    gateway: Gateway,
    gateway_url: str,
    credentials: Credentials,
    now: datetime,
    *,
    connect_timeout_seconds: float,
    read_timeout_seconds: float,
) -> int:
    """Ask the provider for the account's time and return its offset from UTC in minutes, to the quarter of an hour.

    Raises:
        GatewayError: no answer.
        Unreadable: an answer without a time; its error text is in the message.
    """
    raw, charset = gateway.ask(
        time_url(gateway_url),
        enquiry(credentials),
        connect_timeout_seconds=connect_timeout_seconds,
        read_timeout_seconds=read_timeout_seconds,
    )
    root = read_document(raw, charset)
    shown = (root.findtext("time") or "").strip()
    try:
        return offset_minutes(shown, now)
    except ValueError:
        said = (root.findtext("error") or shown or "nothing").strip()[:160]
        raise Unreadable(f'the provider tells no time, it says "{said}"', raw=raw) from None


def time_url(gateway_url: str) -> str:
    """Return where the account's time is asked for: beside the address that documents are posted to."""
    parts = urlsplit(gateway_url)
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/") + "/time.php", "", ""))


def offset_minutes(shown: str, now: datetime) -> int:
    """Return the offset of a clock that shows `HH:MM:SS` or `YYYY-MM-DD HH:MM:SS` at the aware moment `now`.

    Without a date the nearest day is taken.

    Raises:
        ValueError: it shows neither.
    """
    here = now.astimezone(UTC).replace(tzinfo=None)
    if len(shown) == len("YYYY-MM-DD HH:MM:SS"):
        minutes = (datetime.fromisoformat(shown) - here) / timedelta(minutes=1)
    else:
        time = datetime.strptime(shown, "%H:%M:%S").time()  # noqa: DTZ007
        minutes = (datetime.combine(here.date(), time) - here) / timedelta(minutes=1)
        minutes = (minutes + _HALF_A_DAY) % (2 * _HALF_A_DAY) - _HALF_A_DAY
    return round(minutes / ROUND_TO_MINUTES) * ROUND_TO_MINUTES
