"""HTTP/1.1 on one connection: keep-alive, a body only with Content-Length, one request after the other."""

from asyncio import BaseTransport, CancelledError, Protocol, Task, Transport, get_running_loop, sleep
from collections.abc import Callable
from http import HTTPStatus
from socket import SO_LINGER, SOL_SOCKET, socket
from struct import pack
from typing import Protocol as Interface
from typing import cast

from worker.simulator.exchange import Head, Request, Response

_LONGEST_HEAD = 64 * 1024
_LARGEST_BODY = 32 * 1024 * 1024
_LINGER_SECONDS = 2.0


class Exchange(Interface):
    """One request with what the server remembers of it between head and answer."""

    def refuse(self) -> Response | None:
        """Return an answer for which the body is not needed, if there is one; the connection ends with it."""

    async def answer(self, request: Request) -> Response:
        """Answer the whole request."""

    def end(self, ended: str) -> None:
        """Note that the exchange is over.

        `answered`, `cut` by the plan, `incomplete` if the body did not arrive, `gone` if the client did not wait for
        the answer, `stopped` or `failed` if it is the simulator that ended.
        """


Open = Callable[[Head], Exchange]


class Connection(Protocol):
    """Reads requests and writes responses. An answer goes on being made when the client has gone."""

    def __init__(self, open_exchange: Open, connections: set["Connection"]) -> None:
        self._open = open_exchange
        self._connections = connections
        self._buffer = bytearray()
        self._head: Head | None = None
        self._exchange: Exchange | None = None
        self._lost_body: str | None = None
        self._missing = 0  # bytes of the body that are still to come
        self._task: Task[None] | None = None
        self._is_lingering = False

    def connection_made(self, transport: BaseTransport) -> None:
        self._transport = cast(Transport, transport)
        self._connections.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._connections.discard(self)
        if self._task is None and self._exchange is not None:
            self._end("incomplete")

    def eof_received(self) -> bool:
        return self._task is not None  # half closed: the client still wants its answer

    def data_received(self, received: bytes) -> None:
        if self._is_lingering:
            return
        self._buffer += received
        if self._task is None:
            self._advance()
        elif len(self._buffer) > _LONGEST_HEAD:
            self._transport.pause_reading()

    def abort(self) -> None:
        """Close at once and give up an answer in the making."""
        if self._task is not None:
            self._task.cancel()
        self._transport.abort()

    def _advance(self) -> None:
        if self._head is None and not self._read_head():
            return
        if len(self._buffer) < self._missing or self._head is None or self._exchange is None:
            return
        body = bytes(self._buffer[: self._missing])
        del self._buffer[: self._missing]
        request = Request(self._head, body, self._lost_body)
        self._task = get_running_loop().create_task(self._answer(self._exchange, request))

    def _read_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > _LONGEST_HEAD:
                self._write(Response(431, b"the head is too long\n", closes=True))
            return False
        head = parse_head(bytes(self._buffer[:end]))
        del self._buffer[: end + 4]
        if head is None:
            self._write(Response(400, b"not an HTTP/1.1 request\n", closes=True))
            return False
        self._head = head
        self._missing, self._lost_body = measure_body(head)
        self._exchange = self._open(head)
        refused = self._exchange.refuse()
        if refused is None and self._missing > _LARGEST_BODY:
            refused = Response(413, b"the body is larger than 32 MiB\n", closes=True)
        if refused is not None:
            self._end("cut" if refused.cut else "answered")
            self._write(refused)
            return False
        return True

    async def _answer(self, exchange: Exchange, request: Request) -> None:
        try:
            response = await exchange.answer(request)
            wants_close = request.head.headers.get("connection", "").lower() == "close"
            closes = response.closes or request.lost_body is not None or wants_close
            if self._transport.is_closing():
                self._end("gone")
            else:
                self._end("cut" if response.cut else "answered")
                await self._write_slowly(response, closes) if response.drip else self._write(response, closes)
        except CancelledError:
            self._end("stopped")
            raise
        except Exception as error:  # noqa: BLE001 - one request must not end the others
            self._end("failed")
            self._write(Response(500, b"the simulator failed\n", closes=True))
            get_running_loop().call_exception_handler({"message": "the simulator failed", "exception": error})
        finally:
            self._task = None
        if not self._transport.is_closing() and not self._is_lingering:
            self._transport.resume_reading()
            if self._buffer:
                self._advance()

    def _end(self, ended: str) -> None:
        if self._exchange is not None:
            self._exchange.end(ended)
        self._exchange = self._head = None

    def _write(self, response: Response, closes: bool = False) -> None:
        if self._transport.is_closing():
            return
        if response.cut != "silent":
            self._transport.write(render(response, response.closes or closes))
        if response.cut:
            self._close(response.reset)
        elif response.closes or closes:
            self._linger()

    async def _write_slowly(self, response: Response, closes: bool) -> None:
        size, pause_seconds = response.drip or (1, 0.0)
        rendered = b"" if response.cut == "silent" else render(response, closes)
        for start in range(0, len(rendered), size):
            if self._transport.is_closing():
                return
            self._transport.write(rendered[start : start + size])
            await sleep(pause_seconds)
        if response.cut:
            self._close(response.reset)
        elif closes:
            self._linger()

    def _close(self, reset: bool) -> None:
        if reset:
            connected = cast(socket, self._transport.get_extra_info("socket"))
            connected.setsockopt(SOL_SOCKET, SO_LINGER, pack("ii", 1, 0))
        self._transport.close()

    def _linger(self) -> None:
        # Closing with bytes of the client unread would reset the connection, and the answer could be lost with it.
        self._is_lingering = True
        self._buffer.clear()
        self._transport.resume_reading()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        get_running_loop().call_later(_LINGER_SECONDS, self._transport.abort)


def parse_head(head: bytes) -> Head | None:
    """Parse what stands before the empty line; None if it is no HTTP/1 request."""
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        return None
    path, _, query = words[1].partition("?")
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            return None
        headers[name.strip().lower()] = value.strip()
    if words[2] == "HTTP/1.0":
        headers.setdefault("connection", "close")
    return Head(words[0], path, query, headers)


def measure_body(head: Head) -> tuple[int, str | None]:
    """Return the length of the body, and why it is lost if it is. Source: protocol.md 2, 19.20."""
    if head.headers.get("expect"):
        return 0, "header Expect loses the body"
    if "transfer-encoding" in head.headers:
        return 0, "a chunked body is lost"
    length = head.headers.get("content-length")
    if length is None:
        return 0, "header Content-Length is missing" if head.method in ("POST", "PUT") else None
    if not (length.isascii() and length.isdigit() and len(length) < 16):
        return 0, "header Content-Length is not a number"
    return int(length), None


def render(response: Response, closes: bool) -> bytes:
    """Render status line, headers and as much of the body as is to be sent."""
    try:
        phrase = HTTPStatus(response.status).phrase
    except ValueError:
        phrase = "Unassigned"
    headers = {
        "Content-Type": response.content_type,
        "Content-Length": str(len(response.body)),
        "Connection": "close" if closes else "keep-alive",
    } | response.headers
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    body = response.body[: len(response.body) // 2] if response.cut == "half" else response.body
    return f"HTTP/1.1 {response.status} {phrase}\r\n{lines}\r\n".encode("latin-1") + body
