"""One POST to a receiver: what counts as taken, where it goes, and that its time is bounded."""

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.loopback import (
    Host,
    answer,
    drips,
    hosts_stopped,
    make_certificate,
    reads_nothing,
    says,
    waits_for_the_client_to_leave,
)
from worker.webhooks.addresses import read_target
from worker.webhooks.posting import Delivery, Poster

StartHost = Callable[..., Host]
BODY = b'{"type":"webhook.test"}'
OVERDUE = Delivery("no answer within 0.3 seconds")


@pytest.fixture
def start_host() -> Iterator[StartHost]:
    """What starts a receiver."""
    with hosts_stopped() as start:
        yield start


def post(host: Host, poster: Poster | None = None, name: str = "127.0.0.1", private: str = "allowed") -> Delivery:
    scheme = host.url.partition(":")[0]
    target = read_target(f"{scheme}://{name}:{host.port}/hook?a=b", private)
    return (poster or Poster(total_seconds=5)).post(target, BODY, {"webhook-id": "msg_1"})


def to_loopback(_host: str, _port: int) -> list[str]:
    return ["127.0.0.1"]


def test_a_message_is_posted_as_json_with_its_headers(start_host: StartHost) -> None:
    host = start_host(says(answer(b"", "204 No Content")))
    assert post(host) == Delivery()
    head, _, body = host.requests[0].partition(b"\r\n\r\n")
    assert body == BODY
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /hook?a=b HTTP/1.1"
    assert {f"Host: 127.0.0.1:{host.port}", "Content-Type: application/json", "webhook-id: msg_1"} <= set(lines)
    assert len([one for one in lines if one.lower().startswith("host:")]) == 1


@pytest.mark.parametrize("status", ["400 Bad", "401 No", "404 No", "429 Slow", "500 Oops", "503 Busy"])
def test_only_2xx_is_taken(start_host: StartHost, status: str) -> None:
    assert post(start_host(says(answer(b"secret", status)))) == Delivery(f"the receiver answered {status[:3]}")


def test_410_means_that_nothing_more_is_wanted(start_host: StartHost) -> None:
    assert post(start_host(says(answer(b"", "410 Gone")))).gone


def test_a_redirect_is_not_followed(start_host: StartHost) -> None:
    inner = start_host(says(answer()))
    host = start_host(says(answer(b"", "307 Temporary Redirect", f"Location: {inner.url}")))
    assert post(host) == Delivery("the receiver answered 307, a redirect, which is not followed")
    assert inner.connection_count == 0


def test_an_answer_without_end_is_left_unread(start_host: StartHost) -> None:
    endless = drips(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"400\r\n" + b"x" * 1024 + b"\r\n")
    assert post(start_host(endless)) == Delivery()


@pytest.mark.parametrize(
    "scene",
    [
        waits_for_the_client_to_leave,
        reads_nothing,
        drips(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        drips(b"", b"H"),
    ],
)
def test_a_receiver_that_hangs_or_drips_is_cut_off(start_host: StartHost, scene: object) -> None:
    found = post(start_host(scene), Poster(total_seconds=0.3))
    assert found == OVERDUE or "did not answer in HTTP" in (found.problem or "")


def test_a_tls_handshake_that_never_ends_is_cut_off(start_host: StartHost) -> None:
    host = start_host(reads_nothing)
    target = read_target(f"https://127.0.0.1:{host.port}/", "allowed")
    assert Poster(total_seconds=0.3).post(target, BODY, {}) == OVERDUE


@pytest.mark.parametrize("said", [b"nonsense\r\n\r\n", b"", b"HTTP/1.1 99999 x\r\n\r\n"])
def test_what_is_no_http_is_a_problem_that_quotes_nothing(start_host: StartHost, said: bytes) -> None:
    problem = post(start_host(says(said))).problem
    assert problem is not None
    assert "nonsense" not in problem


def test_nobody_there_is_a_problem(start_host: StartHost) -> None:
    host = start_host()
    host.stop()
    assert post(host) == Delivery("the receiver cannot be reached: Connection refused")


def test_a_private_address_is_never_connected_to(start_host: StartHost) -> None:
    host = start_host(says(answer()), context=None)
    target = read_target(f"https://shop.example:{host.port}/", "")
    found = Poster(resolve=to_loopback).post(target, BODY, {})
    assert (found.problem or "").startswith("shop.example leads to a private address")
    assert host.connection_count == 0


def test_a_name_is_resolved_once_and_connected_to_where_it_was_checked(start_host: StartHost) -> None:
    """A second look at the name could lead elsewhere (DNS rebinding)."""
    host = start_host(says(answer()))
    asked: list[str] = []

    def resolve(name: str, _port: int) -> list[str]:
        asked.append(name)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    assert post(host, Poster(resolve=resolve), name="shop.invalid") == Delivery()
    assert asked == ["shop.invalid"]
    assert f"Host: shop.invalid:{host.port}".encode() in host.requests[0]


def certified(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    certificate = make_certificate(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, tmp_path / "key.pem")
    return server, ssl.create_default_context(cafile=str(certificate))


def test_tls_is_verified_by_the_name_of_the_url(start_host: StartHost, tmp_path: Path) -> None:
    server, client = certified(tmp_path)
    host = start_host(says(answer()), says(answer()), context=server)
    assert post(host, Poster(context=client)) == Delivery()
    found = post(host, Poster(context=client, resolve=to_loopback), name="shop.invalid")
    assert (found.problem or "").startswith("the receiver's certificate is not good")
    assert len(host.requests) == 1


def test_a_certificate_that_nobody_vouches_for_is_refused(start_host: StartHost, tmp_path: Path) -> None:
    server, _ = certified(tmp_path)
    found = post(start_host(says(answer()), context=server))
    assert (found.problem or "").startswith("the receiver's certificate is not good")
