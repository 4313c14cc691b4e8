"""Connections: who opens one must ask, whole and soon, and nobody is shut out by those who do not.

A connection holds nothing but itself until its request's head has come whole; then `web.guard` counts the request.
"""

from asyncio import TimerHandle
from typing import Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from web.door import Limits
from web.problems import Problem, to_response


class Connection(H11Protocol):
    """One connection of HTTP/1.1. While it is not answered anything it may be closed for a newer one."""

    limits: ClassVar[Limits]
    waiting: ClassVar[dict["Connection", None]]
    """Those that have asked nothing yet, or nothing more, the oldest first."""

    _deadline: TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._wait()
        self._set_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self.stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came. The first byte of a head begins its time; more of them win no more of it."""
        super().data_received(data)
        if self._is_answering():
            self.stop_waiting()
        elif self._deadline is None and not self.transport.is_closing():
            self._set_deadline()

    def on_response_complete(self) -> None:
        """Wait for the next request; uvicorn closes what stays silent."""
        super().on_response_complete()
        if not self._is_answering() and not self.transport.is_closing():
            self._wait()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP."""
        self._refuse(Problem(400, "this is no HTTP/1.1 request", mend="ask with a program that speaks it"))

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _wait(self) -> None:
        self.waiting[self] = None
        while len(self.waiting) > self.limits.waiting_connections:
            oldest = next(iter(self.waiting))
            oldest.stop_waiting()
            oldest.transport.abort()

    def stop_waiting(self) -> None:
        """Take it from those that may be closed."""
        self.waiting.pop(self, None)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _set_deadline(self) -> None:
        self._deadline = self.loop.call_later(self.limits.head_seconds, self._give_up)

    def _give_up(self) -> None:
        if not self.conn.trailing_data[0]:
            self.transport.close()  # nobody asked, so nobody is answered
            return
        seconds = f"{self.limits.head_seconds:g}"
        self._refuse(Problem(408, f"no whole request came within {seconds} seconds", mend="send it faster"))

    def _refuse(self, problem: Problem) -> None:
        """Tell a problem where nothing else was told, and close."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            told = to_response(problem)
            events = (
                h11.Response(status_code=told.status_code, headers=[*told.raw_headers, (b"connection", b"close")]),
                h11.Data(data=bytes(told.body)),
                h11.EndOfMessage(),
            )
            self.transport.write(b"".join(self.conn.send(event) or b"" for event in events))
        self.transport.close()


def within(limits: Limits) -> type[Connection]:
    """Return the connections of one server."""
    return type("Connection", (Connection,), {"limits": limits, "waiting": {}})
