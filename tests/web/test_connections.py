"""Connections that ask nothing, or not wholly, shut nobody out; what is refused before it is a request is a problem."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.web.calling import NDJSON, WAIT_SECONDS, Caller, a_door, lines
from web.door import Limits

HALF_A_HEAD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
WHOLE_HEAD = HALF_A_HEAD + b"\r\n"
QUICK = Limits(head_seconds=0.3)
PATIENT = Limits(head_seconds=3_600, waiting_connections=20)


@pytest.fixture
def quick_door(sqlite_url: str) -> Iterator[Caller]:
    """A door that waits for a head no longer than a moment."""
    with a_door(sqlite_url, QUICK) as caller:
        yield caller


def connected(caller: Caller) -> socket.socket:
    parts = urlsplit(caller.url)
    return socket.create_connection((parts.hostname or "", parts.port or 0), timeout=WAIT_SECONDS)


def said_until_closed(connection: socket.socket) -> bytes:
    said = b""
    while piece := connection.recv(65_536):
        said += piece
    return said


def answer_of(connection: socket.socket) -> bytes:
    said = b""
    while not said.endswith(b"}"):
        said += connection.recv(65_536)
    return said


def problem_of(said: bytes) -> Any:
    head, _, body = said.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head.lower()
    return json.loads(body)


def test_a_head_that_never_comes_whole_is_refused_and_its_connection_closed(quick_door: Caller) -> None:
    with connected(quick_door) as connection:
        connection.sendall(HALF_A_HEAD)
        problem = problem_of(said_until_closed(connection))
    assert (problem["status"], problem["mend"]) == (408, "send it faster")


def test_a_connection_that_says_nothing_is_closed_without_a_word(quick_door: Caller) -> None:
    with connected(quick_door) as connection:
        assert said_until_closed(connection) == b""


def test_a_head_that_trickles_in_wins_no_time(quick_door: Caller) -> None:
    with connected(quick_door) as connection:
        connection.sendall(HALF_A_HEAD + b"X: ")
        connection.settimeout(0.05)
        ended = False
        with suppress(ConnectionError):  # a byte may cross the refusal
            while not ended:
                try:
                    ended = connection.recv(65_536) == b""
                except TimeoutError:
                    connection.sendall(b"y")
    assert quick_door.get("/healthz") == {"status": "ok"}


def test_the_second_head_of_a_connection_has_its_time_too(quick_door: Caller) -> None:
    with connected(quick_door) as connection:
        connection.sendall(WHOLE_HEAD)
        assert answer_of(connection).startswith(b"HTTP/1.1 200")
        connection.sendall(HALF_A_HEAD)
        assert problem_of(said_until_closed(connection))["status"] == 408


def test_a_body_that_trickles_in_behind_its_answer_ends_with_its_connection(quick_door: Caller) -> None:
    with connected(quick_door) as connection:
        connection.sendall(HALF_A_HEAD + b"Content-Length: 1000\r\n\r\n")
        assert answer_of(connection).startswith(b"HTTP/1.1 200")
        connection.sendall(b"x")
        assert said_until_closed(connection) == b""


def test_a_list_may_take_longer_than_a_head(quick_door: Caller) -> None:
    id_ = quick_door.draft()
    body = lines(3)
    with connected(quick_door) as connection, connected(quick_door) as clock:
        connection.sendall(
            f"POST /v1/campaigns/{id_}/recipients HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {quick_door.key}\r\n"
            f"Content-Type: {NDJSON}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
            + body[:10]
        )
        said_until_closed(clock)  # as long as a head may take
        connection.sendall(body[10:])
        assert said_until_closed(connection).startswith(b"HTTP/1.1 200")


def test_half_open_connections_shut_nobody_out(sqlite_url: str) -> None:
    with a_door(sqlite_url, PATIENT) as caller, ExitStack() as all_of_them:
        half_open = [all_of_them.enter_context(connected(caller)) for _ in range(60)]
        for connection in half_open:
            connection.sendall(HALF_A_HEAD)
        assert caller.create()["id"]
        # The oldest made room; the newest may still ask.
        with suppress(ConnectionError):
            assert said_until_closed(half_open[0]) == b""
        half_open[-1].sendall(b"\r\n")
        assert half_open[-1].recv(65_536).startswith(b"HTTP/1.1 200")


def test_idle_connections_that_asked_once_make_room_too(sqlite_url: str) -> None:
    with a_door(sqlite_url, PATIENT) as caller, ExitStack() as all_of_them:
        idle = []
        for _ in range(30):
            idle.append(all_of_them.enter_context(connected(caller)))
            idle[-1].sendall(WHOLE_HEAD)
            assert answer_of(idle[-1]).startswith(b"HTTP/1.1 200")
        assert caller.create()["id"]
        assert said_until_closed(idle[0]) == b""
        idle[-1].sendall(WHOLE_HEAD)
        assert answer_of(idle[-1]).startswith(b"HTTP/1.1 200")


def test_too_many_requests_at_once_are_told_so_as_a_problem(sqlite_url: str) -> None:
    with a_door(sqlite_url, Limits(requests_at_once=1)) as caller, connected(caller) as connection:
        connection.sendall(
            f"POST /v1/campaigns HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {caller.key}\r\n"
            "Content-Type: application/json\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n".encode()
        )
        assert connection.recv(65_536).startswith(b"HTTP/1.1 100")  # it is under way, and its body awaited
        problem = caller.refusal("GET", "/v1/campaigns", 503)
        assert problem["mend"] == "ask again in a moment"
        assert caller.get("/healthz") == {"status": "ok"}
        connection.sendall(b"{}")
        assert connection.recv(65_536).startswith(b"HTTP/1.1 422")
        assert caller.get("/v1/campaigns")["campaigns"] == []


@pytest.mark.parametrize(
    "garbage", [b"\x00\x01\x02\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n"]
)
def test_what_is_no_http_is_told_so_as_a_problem(quick_caller: Caller, garbage: bytes) -> None:
    with connected(quick_caller) as connection:
        connection.sendall(garbage)
        assert problem_of(said_until_closed(connection))["status"] == 400
