"""One POST to a receiver: to an address that was checked, within one total time, whatever drips in.

Redirects are not followed and no proxy is used: both would lead to addresses that nobody has checked.
"""

import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from threading import Timer

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from worker.clock import monotonic
from worker.webhooks.addresses import AddressRefused, Resolve, Target, find_addresses

TOTAL_SECONDS = 15.0
ANSWER_BYTES = 1024
"""Of an answer this much is taken off the connection, and nothing is looked at but its status."""
_ANSWER_SECONDS = 1.0
_GONE = 410


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one POST. `problem` is None where the receiver took it; `gone`: it wants nothing more."""

    problem: str | None = None
    gone: bool = False


class _Overdue(OSError):
    """Raised when no time is left."""


@dataclass(frozen=True)
class Poster:
    """Posts messages; `context` and `resolve` are for tests and for receivers with certificates of their own."""

    total_seconds: float = TOTAL_SECONDS
    context: ssl.SSLContext | None = None
    resolve: Resolve | None = None

    def post(self, target: Target, body: bytes, headers: Mapping[str, str]) -> Delivery:
        """Post once and say what became of it; raises nothing that a receiver could cause.

        Resolving a name cannot be interrupted; its time counts.
        """
        ends = monotonic() + self.total_seconds
        try:
            status = self._exchange(target, body, headers, ends)
        except AddressRefused as refused:
            return Delivery(str(refused))
        except (OSError, HTTPException, ValueError) as error:
            overdue = monotonic() >= ends
            return Delivery(f"no answer within {self.total_seconds:g} seconds" if overdue else _words(error))
        if 200 <= status < 300:
            return Delivery()
        if status == _GONE:
            return Delivery("the receiver answered 410: it wants nothing more", gone=True)
        redirected = ", a redirect, which is not followed" if 300 <= status < 400 else ""
        return Delivery(f"the receiver answered {status}{redirected}")

    def _exchange(self, target: Target, body: bytes, headers: Mapping[str, str], ends: float) -> int:
        with self._connected(target, ends) as plain, _cut_off(plain, ends), self._secured(target, plain) as sock:
            # With its socket set it opens none itself, and looks at no address.
            connection = HTTPConnection(target.host, target.port, timeout=_left(ends))
            connection.sock = sock
            connection.auto_open = 0
            connection.request("POST", target.path, body, {"Host": _host(target), **_HEADERS, **headers})
            response = connection.getresponse()
            _left(ends)  # a head that was cut off when the time was over looks like a whole one
            with suppress(OSError, HTTPException, ValueError):
                sock.settimeout(min(_ANSWER_SECONDS, _left(ends)))
                response.read1(ANSWER_BYTES)
            return response.status

    @contextmanager
    def _connected(self, target: Target, ends: float) -> Iterator[socket.socket]:
        addresses = find_addresses(target, self.resolve)
        failed: OSError = OSError("the name has no address")
        for tried, address in enumerate(addresses):
            try:
                sock = socket.create_connection((address, target.port), _left(ends) / (len(addresses) - tried))
            except OSError as error:
                failed = error
                continue
            with sock:
                sock.settimeout(_left(ends))
                yield sock
            return
        raise failed

    @contextmanager
    def _secured(self, target: Target, sock: socket.socket) -> Iterator[socket.socket]:
        if target.scheme == "http":
            yield sock
            return
        context = self.context or ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)
        with context.wrap_socket(sock, server_hostname=target.host) as tls:
            yield tls


_HEADERS = {"Content-Type": "application/json", "User-Agent": "bulkpost", "Connection": "close"}


@contextmanager
def _cut_off(sock: socket.socket, ends: float) -> Iterator[None]:
    """Cut the connection when the time is over: a timeout per read lets a slow drip of bytes last for ever."""
    descriptor = socket.socket(fileno=socket.dup(sock.fileno()))  # TLS takes the first one over

    def cut() -> None:
        with suppress(OSError):
            descriptor.shutdown(socket.SHUT_RDWR)

    timer = Timer(_left(ends), cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        descriptor.close()


def _left(ends: float) -> float:
    left = ends - monotonic()
    if left <= 0:
        raise _Overdue("no time is left")
    return left


def _host(target: Target) -> str:
    host = f"[{target.host}]" if ":" in target.host else target.host
    usual = {"http": 80, "https": 443}[target.scheme]
    return host if target.port == usual else f"{host}:{target.port}"


def _words(error: Exception) -> str:
    """Say what went wrong without quoting what the receiver sent."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the receiver's certificate is not good: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"no secure connection: {error.reason or 'TLS failed'}"
    if isinstance(error, socket.gaierror):
        return f"its name cannot be resolved: {error.strerror}"
    if isinstance(error, HTTPException):
        return f"the receiver did not answer in HTTP ({type(error).__name__})"
    return f"the receiver cannot be reached: {getattr(error, 'strerror', None) or type(error).__name__}"
