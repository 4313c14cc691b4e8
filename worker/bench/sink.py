"""A gateway that accepts everybody as fast as it can, as a program: `python -m worker.bench.sink LATENCY_MS`.

What it answers has the documented shape, and no id comes twice. It knows neither keys nor faults, checks no document
and keeps nothing but two counters and when the last document came, because the simulator, which does all that, would
be what is measured.
Shares no code with the client side. Source: protocol.md 4 and 5.
"""

import json
import re
import sys
from asyncio import AbstractEventLoop, Protocol, Runner, Transport, get_running_loop
from itertools import count
from typing import cast

from worker.clock import utc_now

POST_PATH = "/xml"
COUNTERS_PATH = "/counters"
REACHED_PATH = "/reached/"
LAST_PATH = "/last"
SAYS = "sink listening on "

_LINE = re.compile(rb'number_sms="(\d+)"')
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_FIRST_ID = 2_000_000_000
_PROLOG = b'<?xml version="1.0" encoding="utf-8"?><response>'


class Counters:
    """What has arrived; whoever waits for a number of recipients is told when it is reached."""

    def __init__(self) -> None:
        self.documents = 0
        self.recipients = 0
        self.ids = count(_FIRST_ID)
        self.last_at = utc_now()
        self._waiting: list[tuple[int, Sink]] = []

    def add(self, recipients: int) -> None:
        """Count one document."""
        self.documents += 1
        self.recipients += recipients
        self.tell()

    def wait(self, recipients: int, sink: "Sink") -> None:
        """Answer a connection as soon as so many recipients have arrived."""
        self._waiting.append((recipients, sink))
        self.tell()

    def tell(self) -> None:
        """Answer those who wait for what is reached."""
        if not self._waiting:
            return
        for wanted, sink in self._waiting:
            if wanted <= self.recipients:
                sink.say(200, self.shown())
        self._waiting = [(wanted, sink) for wanted, sink in self._waiting if wanted > self.recipients]

    def shown(self) -> bytes:
        """Return the counters as JSON."""
        return json.dumps({"documents": self.documents, "recipients": self.recipients}).encode()


class Sink(Protocol):
    """One connection; requests come one after another."""

    def __init__(self, counters: Counters, latency_seconds: float, loop: AbstractEventLoop) -> None:
        self._counters = counters
        self._latency_seconds = latency_seconds
        self._loop = loop
        self._buffer = bytearray()
        self._wanted: int | None = None
        self._path = ""

    def connection_made(self, transport: object) -> None:
        """Keep the way back."""
        self._transport = cast(Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Answer as soon as a request is complete."""
        self._buffer += data
        while self._take_one():
            pass

    def _take_one(self) -> bool:
        if self._wanted is None:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return False
            head = bytes(self._buffer[:end])
            length = _LENGTH.search(head)
            self._path = head.split(b" ", 2)[1].decode("ascii", "replace")
            self._wanted = int(length[1]) if length else 0
            del self._buffer[: end + 4]
        if len(self._buffer) < self._wanted:
            return False
        body = bytes(self._buffer[: self._wanted])
        del self._buffer[: self._wanted]
        self._wanted = None
        self._answer(body)
        return True

    def _answer(self, body: bytes) -> None:
        if self._path == POST_PATH:
            self._accept(_LINE.findall(body))
        elif self._path == COUNTERS_PATH:
            self.say(200, self._counters.shown())
        elif self._path == LAST_PATH:
            self.say(200, json.dumps(self._counters.last_at.isoformat()).encode())
        elif self._path.startswith(REACHED_PATH):
            self._counters.wait(int(self._path.removeprefix(REACHED_PATH)), self)
        else:
            self.say(404, b"nothing here")

    def _accept(self, lines: list[bytes]) -> None:
        self._counters.last_at = utc_now()
        ids = self._counters.ids
        said = b"".join(
            [b'<information number_sms="%b" id_sms="%d" parts="1">send</information>' % (n, next(ids)) for n in lines]
        )
        reply = _PROLOG + said + b"</response>"
        if self._latency_seconds:
            self._loop.call_later(self._latency_seconds, self.say, 200, reply)
        else:
            self.say(200, reply)
        self._counters.add(len(lines))

    def say(self, status: int, body: bytes) -> None:
        """Write one answer, unless whoever asked has gone."""
        if not self._transport.is_closing():
            head = b"HTTP/1.1 %d Said\r\nContent-Type: text/xml; charset=utf-8\r\nContent-Length: %d\r\n\r\n"
            self._transport.write(head % (status, len(body)) + body)


async def _serve(latency_seconds: float) -> None:
    loop, counters = get_running_loop(), Counters()
    server = await loop.create_server(lambda: Sink(counters, latency_seconds, loop), "127.0.0.1", 0, backlog=512)
    sys.stdout.write(f"{SAYS}{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    with Runner() as runner:
        runner.run(_serve(float(sys.argv[1]) / 1000))
