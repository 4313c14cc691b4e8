"""What became of a POST that brought no readable answer, and in which words.

The words name the host, never the login in its URL, a body or a phone. Source: protocol.md 8.
"""

import re
from collections.abc import Iterator
from http.client import HTTPException, RemoteDisconnected
from socket import gaierror
from ssl import SSLCertVerificationError, SSLError
from urllib.parse import urlsplit

import requests
from urllib3.response import BaseHTTPResponse

from worker.errors import GatewayError, Misdirected, NotSent, Throttled, TooLarge, Unanswered

_MISDIRECTED = {
    401: "the gateway wants other credentials",
    403: "the gateway forbids it",
    404: "there is nothing at this address",
    405: "this address takes no documents",
    415: "this address takes no XML, or wants another Content-type",
}
_LONG_NUMBER = re.compile(r"\d{7,}")  # a phone, perhaps
_LONGEST_ADDRESS = 200


def not_answered(trouble: Exception, url: str, *, handed_over: bool) -> GatewayError:
    """Return the error of an exchange that ended before there was a status."""
    if not handed_over and isinstance(trouble, ValueError):  # raised while the request was put together
        return Misdirected("the gateway's address is no usable http or https URL")
    cause = _cause(trouble)
    where = _without_login(url)
    if not handed_over:
        return NotSent(f"{where}: {_before_sending(cause)}")
    return Unanswered(f"{where}: {_after_sending(cause)}", still_at_work=isinstance(cause, TimeoutError))


def cut_short(trouble: Exception, status: int, raw: bytes) -> GatewayError:
    """Return the error of an answer that ended in the middle."""
    cause = _cause(trouble)
    what = "the answer did not end in time" if isinstance(cause, TimeoutError) else "the answer was cut off"
    return Unanswered(
        f"HTTP {status}: {what}", http_status=status, raw=raw, still_at_work=isinstance(cause, TimeoutError)
    )


def refusal(response: BaseHTTPResponse, raw: bytes, retry_after_seconds: float | None) -> GatewayError | None:
    """Return what the status alone says, None for one that leaves it to the body."""
    status = response.status
    wait = retry_after_seconds
    if status == 413:
        return TooLarge("HTTP 413: the document is too large", http_status=status, raw=raw)
    if status == 429:
        return Throttled(
            "HTTP 429: too many requests", http_status=status, raw=raw, retry_after_seconds=retry_after_seconds
        )
    if 300 <= status < 400:
        target = _without_login(response.headers.get("Location", "")) or "nowhere"
        return Misdirected(f"HTTP {status}: redirected to {target}, not followed", http_status=status, raw=raw)
    if status in _MISDIRECTED:
        return Misdirected(f"HTTP {status}: {_MISDIRECTED[status]}", http_status=status, raw=raw)
    if status == 408 or status >= 500:
        return Unanswered(
            f"HTTP {status}: no answer",
            http_status=status,
            raw=raw,
            retry_after_seconds=wait,
            still_at_work=status == 504,
        )
    return None


def _cause(trouble: BaseException) -> BaseException:
    """Return the first error of socket or protocol behind what `requests` and `urllib3` made of it."""
    for error in _each_behind(trouble):
        if isinstance(error, (OSError, HTTPException)) and not isinstance(error, requests.RequestException):
            return error
    return trouble


def _each_behind(trouble: BaseException) -> Iterator[BaseException]:
    error: BaseException | None = trouble
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _before_sending(cause: BaseException) -> str:
    if isinstance(cause, gaierror):
        return "the name does not resolve"
    if isinstance(cause, SSLCertVerificationError):
        return f"its certificate is not trusted: {cause.verify_message}"
    if isinstance(cause, SSLError):
        return f"no TLS: {cause.reason or 'the handshake failed'}"
    if isinstance(cause, TimeoutError):
        return "no connection in time"
    if isinstance(cause, OSError) and cause.strerror:
        return f"no connection: {cause.strerror}"
    return f"no connection: {type(cause).__name__}"


def _after_sending(cause: BaseException) -> str:
    if isinstance(cause, TimeoutError):
        return "no answer in time"
    if isinstance(cause, RemoteDisconnected):
        return "the connection was closed without an answer"
    if isinstance(cause, OSError) and cause.strerror:
        return f"no answer: {cause.strerror}"
    return f"no answer: {type(cause).__name__}"


def _without_login(url: str) -> str:
    """Return scheme, host and path: neither the login before the host nor the query."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "the gateway"
    plain = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
    if "@" in plain or not plain.isprintable():  # a password with a slash in it ends up in the path
        return "the gateway"
    return _LONG_NUMBER.sub("***", plain)[:_LONGEST_ADDRESS]
