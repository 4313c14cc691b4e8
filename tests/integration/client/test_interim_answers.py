"""The client against real sockets: what comes before the answer is none, and must not answer the next document."""

import socket
from collections.abc import Callable

import pytest

from tests.support.loopback import ACCEPTED, Host, answer, drips, failure, post, says
from worker.core.messages import Pace
from worker.errors import Unanswered
from worker.gateway.client import Gateway

STALE = ACCEPTED.replace(b'"7"', b'"6"')
LATER = b'<response><information number_sms="1" id_sms="8" parts="1">send</information></response>'


@pytest.mark.parametrize("status", ["100 Continue", "102 Processing", "103 Early Hints", "199 Strange"])
@pytest.mark.parametrize("headers", [b"", b"Link: </a>; rel=preload\r\nX: y\r\n"])
def test_interim_answer_is_passed_over(
    start: Callable[..., Host], gateway: Gateway, status: str, headers: bytes
) -> None:
    interim = b"HTTP/1.1 " + status.encode() + b"\r\n" + headers + b"\r\n"
    host = start(says(interim + interim + answer(), answer(LATER)))
    assert post(gateway, host.url).raw == ACCEPTED
    assert post(gateway, host.url).raw == LATER
    assert host.connection_count == 1


def test_answer_that_comes_late_never_answers_the_next_document(start: Callable[..., Host], gateway: Gateway) -> None:
    """Two documents number their lines alike: the wrong answer would look like the right one."""

    def scene(connection: socket.socket, host: Host) -> None:
        host.read_request(connection)
        connection.sendall(b"HTTP/1.1 102 Processing\r\n\r\n")
        host.read_request(connection)
        connection.sendall(answer())

    host = start(scene, says(answer(LATER)))
    assert type(failure(gateway, host.url, connect=0.1, read=0.2)) is Unanswered
    assert post(gateway, host.url).raw == LATER


def test_interim_answers_without_end_are_too_late(start: Callable[..., Host], gateway: Gateway) -> None:
    error = failure(gateway, start(drips(b"", b"HTTP/1.1 102 Processing\r\n\r\n")).url, connect=0.2, read=0.3)
    assert (type(error), error.pace) == (Unanswered, Pace.PATIENT)


def test_second_answer_to_one_document_never_answers_the_next(start: Callable[..., Host], gateway: Gateway) -> None:
    host = start(says(answer() + answer(STALE), answer(LATER)), says(answer(LATER)))
    post(gateway, host.url)
    assert post(gateway, host.url).raw == LATER


def test_answer_without_content_that_has_some_never_answers_the_next(
    start: Callable[..., Host], gateway: Gateway
) -> None:
    host = start(says(b"HTTP/1.1 204 No Content\r\n\r\n" + answer(STALE), answer(LATER)), says(answer(LATER)))
    failure(gateway, host.url)
    assert post(gateway, host.url).raw == LATER


def test_switch_of_protocols_is_no_answer(start: Callable[..., Host], gateway: Gateway) -> None:
    switched = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"
    host = start(says(switched + answer(STALE), answer(LATER)), says(answer(LATER)))
    assert isinstance(failure(gateway, host.url), Unanswered)
    assert post(gateway, host.url).raw == LATER
