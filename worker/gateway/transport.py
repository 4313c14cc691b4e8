"""The socket under one exchange: its deadline, and whether a byte of ours was ever handed over.

A timeout per read lets a slow drip of bytes last for ever, and `requests` raises the same error before and after the
body has left. Both are known for certain in one place only: at the socket. So the connections that the adapter opens
wrap theirs, and every send and receive goes through the `Watch` of the exchange that is going on.
"""

import io
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from http import client
from http.client import CONTINUE, SWITCHING_PROTOCOLS
from time import monotonic
from typing import Any, cast

from requests import PreparedRequest, Request
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import BaseHTTPResponse, HTTPResponse

_MOST_HOSTS = 4
"""With how many a thread keeps a connection."""


class Watch:
    """One exchange's time, on the monotonic clock, and whether its document may have left."""

    def __init__(self, connect_timeout_seconds: float, read_timeout_seconds: float) -> None:
        began = monotonic()
        self._connected_by = began + connect_timeout_seconds
        self._deadline = began + connect_timeout_seconds + read_timeout_seconds
        self.handed_over = False

    def left_to_connect(self) -> float:
        """Return the seconds left for addresses and TLS. Raises: TimeoutError when there are none."""
        return _left(self._connected_by)

    def left(self) -> float:
        """Return the seconds left for everything. Raises: TimeoutError when there are none."""
        return _left(self._deadline)


_current: ContextVar[Watch] = ContextVar("exchange")


@contextmanager
def watching(connect_timeout_seconds: float, read_timeout_seconds: float) -> Iterator[Watch]:
    """Put whatever this thread sends and receives under one deadline: the sum of both, from now on."""
    watch = Watch(connect_timeout_seconds, read_timeout_seconds)
    token = _current.set(watch)
    try:
        yield watch
    finally:
        _current.reset(token)


class WatchedAdapter(HTTPAdapter):
    """Open only connections whose sockets are watched; keep one per host, retry nothing."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__(max_retries=0, pool_connections=_MOST_HOSTS, pool_maxsize=1)
        self._headers = headers
        self._requests: dict[str, PreparedRequest] = {}
        self._pools: dict[tuple[object, object], HTTPConnectionPool] = {}

    def post(self, url: str, body: bytes, timeout: tuple[float, float], verify: bool | str) -> BaseHTTPResponse:
        """Post a body; return what is answered as `urllib3` has it, not yet read. Raises: as `send`.

        Whatever is the same for all bodies is prepared once for an address.
        """
        request = self._requests.get(url)
        if request is None:
            request = self._requests[url] = Request("POST", url, headers=self._headers).prepare()
        request.body, request.headers["Content-Length"] = body, str(len(body))
        try:
            return cast(BaseHTTPResponse, self.send(request, stream=True, timeout=timeout, verify=verify))
        finally:
            request.body = None  # a document is large

    def get_connection_with_tls_context(
        self, request: PreparedRequest, verify: Any, proxies: Any = None, cert: Any = None
    ) -> HTTPConnectionPool:
        """Return the connections to the address of a request, as the base does, which looks closely at it each time."""
        place = (request.url, verify)
        if place not in self._pools:
            if len(self._pools) == _MOST_HOSTS:
                self._pools.clear()  # the base keeps those of its own that were used last, and closes others
            pool = super().get_connection_with_tls_context(request, verify, proxies, cert)
            self._pools[place] = cast(HTTPConnectionPool, pool)
        return self._pools[place]

    def build_response(self, _request: PreparedRequest, answer: Any) -> Any:
        """Make nothing of an answer: nobody asks for its cookies, its history or its text."""
        return answer

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any) -> None:
        """Make the pools, as the base does, with our connections."""
        super().init_poolmanager(connections, maxsize, block, **pool_kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}

    def close(self) -> None:
        """Close idle connections at once; the base leaves that to the garbage collector."""
        pools = self.poolmanager.pools
        for key in pools.keys():  # noqa: SIM118 - a container of urllib3's own, which refuses to be iterated
            if (pool := pools.get(key)) is not None:
                pool.close()
        self._pools.clear()
        super().close()


class _FinalAnswer(client.HTTPResponse):
    """Pass over every interim answer; the base knows only 100 as one.

    Taken for the answer, it would leave the real one on the connection, to be read as that to the next document.
    """

    def _read_status(self) -> tuple[str, int, str]:
        version, status, reason = super()._read_status()  # type: ignore[misc]  # the stubs leave it out
        interim = CONTINUE < status < 200 and status != SWITCHING_PROTOCOLS
        return version, CONTINUE if interim else status, reason


class _WatchedConnection(HTTPConnection):
    response_class = _FinalAnswer

    def _new_conn(self) -> socket.socket:
        return _open(self._dns_host, self.port)

    def connect(self) -> None:
        super().connect()
        self.sock = cast(socket.socket, _WatchedSocket(self.sock))

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as in urllib3, which replaces the type
        sock = cast(_WatchedSocket, self.sock)
        try:
            return super().getresponse()
        except BaseException:
            # urllib3 forgets the reader where a header makes no sense, and with it the connection. It still knows of
            # the answer, which has to be closed before its reader is.
            self.close()
            sock.drop()
            raise


class _WatchedTLSConnection(_WatchedConnection, HTTPSConnection):
    pass


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _WatchedConnection


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedTLSConnection


class _WatchedSocket:
    """What `http.client` and `urllib3` use of a socket, under the watch of the exchange that is going on."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._reader: io.BufferedReader | None = None
        self.fileno = sock.fileno  # asked whether the peer has closed an idle connection
        self.shutdown = sock.shutdown
        self.close = sock.close

    def settimeout(self, _seconds: float | None) -> None:
        """Ignore what others think about time: the watch decides."""

    def sendall(self, content: bytes) -> None:
        """Send everything before the deadline. From here on the provider may have it, whatever is raised."""
        watch = _current.get()
        self._sock.settimeout(watch.left())
        watch.handed_over = True
        self._sock.sendall(content)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return the reader of one response."""
        self._reader = io.BufferedReader(_WatchedReader(self._sock))
        return self._reader

    def drop(self) -> None:
        """Close the socket although a response was being read from it."""
        if self._reader is not None:
            self._reader.close()
        self.close()


class _WatchedReader(io.RawIOBase):
    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)  # holds the socket open until it is closed itself

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(_current.get().left())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


def _open(host: str, port: int) -> socket.socket:
    """Connect to the first address that answers; what is left of the time is shared among those not tried yet.

    Its timeout is what remains for the TLS handshake. Raises: OSError. Resolving a name cannot be interrupted; its time
    counts.
    """
    watch = _current.get()
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    failed: OSError = OSError("the name has no address")
    for tried, (family, kind, protocol, _, address) in enumerate(addresses):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(watch.left_to_connect() / (len(addresses) - tried))
            sock.connect(address)
            sock.settimeout(watch.left_to_connect())
        except OSError as error:
            sock.close()
            failed = error
        else:
            return sock
    raise failed


def _left(until: float) -> float:
    left = until - monotonic()
    if left <= 0:
        raise TimeoutError("the time of this exchange is over")
    return left
