"""The client against real sockets: what is certain after each way in which a POST can go wrong."""

import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.loopback import (
    ACCEPTED,
    Host,
    answer,
    drips,
    failure,
    post,
    reads_a_little,
    reads_nothing,
    says,
    then_resets,
    waits_for_the_client_to_leave,
)
from worker.core.messages import Pace
from worker.errors import ConfigurationError, GatewayError, Misdirected, NotSent, Unanswered
from worker.gateway.client import Gateway


class TestCertainlyNotSent:
    def certain(self, error: GatewayError) -> None:
        assert type(error) is NotSent
        assert not error.in_doubt and error.transport_failed

    def test_name_that_does_not_resolve(self, gateway: Gateway) -> None:
        self.certain(failure(gateway, "http://nosuch.invalid/xml"))

    def test_connection_refused(self, gateway: Gateway) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        error = failure(gateway, f"http://127.0.0.1:{port}/xml")
        self.certain(error)
        assert "refused" in str(error)

    def test_connect_timeout(self, gateway: Gateway) -> None:
        with socket.socket() as full:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            queued = [socket.socket() for _ in range(4)]
            for each in queued:
                each.setblocking(False)
                each.connect_ex(full.getsockname())
            error = failure(gateway, f"http://127.0.0.1:{full.getsockname()[1]}/xml", connect=0.3, read=30)
            for each in queued:
                each.close()
        self.certain(error)
        assert "in time" in str(error)

    def test_certificate_that_nobody_trusts(
        self, start: Callable[..., Host], gateway: Gateway, tls: ssl.SSLContext
    ) -> None:
        host = start(says(answer()), context=tls)
        error = failure(gateway, host.url)
        self.certain(error)
        assert "certificate" in str(error)
        assert host.requests == []

    def test_server_that_does_not_speak_tls(self, start: Callable[..., Host], gateway: Gateway) -> None:
        host = start(lambda connection, _: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
        self.certain(failure(gateway, host.url.replace("http:", "https:")))

    def test_handshake_that_never_ends(self, start: Callable[..., Host], gateway: Gateway) -> None:
        host = start(reads_nothing)
        self.certain(failure(gateway, host.url.replace("http:", "https:"), connect=0.3, read=30))

    def test_no_time_at_all(self, start: Callable[..., Host], gateway: Gateway) -> None:
        host = start(says(answer()))
        self.certain(failure(gateway, host.url, connect=1e-9, read=1e-9))
        assert host.requests == []


class TestAddress:
    @pytest.mark.parametrize(
        "url", ["", "gateway.example/xml", "ftp://gateway.example/", "http://", "http://[::1/", f"http://{'a' * 70}.b/"]
    )
    def test_unusable_address_pauses_the_account(self, gateway: Gateway, url: str) -> None:
        error = failure(gateway, url)
        assert type(error) is Misdirected
        assert "address" in str(error)

    def test_missing_bundle_of_certificates_is_refused_at_once(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match=r"nowhere\.pem"):
            Gateway(ca_bundle=str(tmp_path / "nowhere.pem"))

    @pytest.mark.parametrize("login", ["user:pa55word@", "pa55word@", "user:pa55/word@"])
    def test_login_in_the_address_is_never_shown(self, gateway: Gateway, login: str) -> None:
        error = failure(gateway, f"http://{login}nosuch.invalid/xml?key=pa55word")
        assert "pa55" not in str(error) and "word" not in str(error)


class TestDoubt:
    def in_doubt(self, error: GatewayError, pace: Pace = Pace.BACKOFF) -> None:
        assert type(error) is Unanswered
        assert error.in_doubt and error.transport_failed
        assert error.pace is pace
        assert "secret-token" not in str(error)

    def test_connection_closed_without_an_answer(self, start: Callable[..., Host], gateway: Gateway) -> None:
        self.in_doubt(failure(gateway, start(says(b"")).url))

    def test_connection_reset_before_the_body_was_read(self, start: Callable[..., Host], gateway: Gateway) -> None:
        host = start(then_resets(reads_a_little))
        self.in_doubt(failure(gateway, host.url, b"x" * 5_000_000))

    def test_connection_reset_after_the_body_was_read(self, start: Callable[..., Host], gateway: Gateway) -> None:
        self.in_doubt(failure(gateway, start(then_resets(says(b""))).url))

    def test_answer_cut_in_its_headers(self, start: Callable[..., Host], gateway: Gateway) -> None:
        self.in_doubt(failure(gateway, start(says(b"HTTP/1.1 2")).url))

    def test_answer_cut_after_its_headers(self, start: Callable[..., Host], gateway: Gateway) -> None:
        error = failure(gateway, start(says(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")).url)
        self.in_doubt(error)
        assert error.http_status == 200

    def test_answer_cut_in_its_body(self, start: Callable[..., Host], gateway: Gateway) -> None:
        error = failure(gateway, start(says(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n<response>")).url)
        self.in_doubt(error)
        assert error.raw == b"<response>"

    def test_answer_reset_in_its_body(self, start: Callable[..., Host], gateway: Gateway) -> None:
        said = says(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n<response>")
        self.in_doubt(failure(gateway, start(then_resets(said)).url))

    def test_bad_chunk(self, start: Callable[..., Host], gateway: Gateway) -> None:
        said = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n<response>"
        self.in_doubt(failure(gateway, start(says(said)).url))

    def test_damaged_compression(self, start: Callable[..., Host], gateway: Gateway) -> None:
        said = answer(b"no gzip at all", "200 OK", "Content-Encoding: gzip")
        self.in_doubt(failure(gateway, start(says(said)).url))

    @pytest.mark.parametrize(
        "said",
        [
            b"\x00\xff\r\n\r\n",
            b"HTTP/1.1 abc\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n",
            b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70_000 + b"\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\nab",
        ],
    )
    def test_answer_that_is_no_http(self, start: Callable[..., Host], gateway: Gateway, said: bytes) -> None:
        error = failure(gateway, start(says(said)).url)
        assert isinstance(error, Unanswered)
        assert error.in_doubt


class TestDeadline:
    """No scene here ends by itself: whoever waits for it waits for ever."""

    def late(self, error: GatewayError) -> None:
        assert type(error) is Unanswered
        assert error.pace is Pace.PATIENT
        assert "time" in str(error)

    def test_silence(self, start: Callable[..., Host], gateway: Gateway) -> None:
        self.late(failure(gateway, start(waits_for_the_client_to_leave).url, connect=0.2, read=0.2))

    def test_drip_in_the_headers(self, start: Callable[..., Host], gateway: Gateway) -> None:
        host = start(drips(b"HTTP/1.1 200 OK\r\nX-A: ", b"a"))
        self.late(failure(gateway, host.url, connect=0.2, read=0.3))

    def test_drip_in_the_body(self, start: Callable[..., Host], gateway: Gateway) -> None:
        host = start(drips(b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n", b" "))
        error = failure(gateway, host.url, connect=0.2, read=0.3)
        self.late(error)
        assert error.http_status == 200

    def test_drip_in_chunks(self, start: Callable[..., Host], gateway: Gateway) -> None:
        host = start(drips(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"))
        self.late(failure(gateway, host.url, connect=0.2, read=0.3))

    def test_drip_over_tls(self, start: Callable[..., Host], tls: ssl.SSLContext, certificate: Path) -> None:
        host = start(drips(b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n", b" "), context=tls)
        gateway = Gateway(ca_bundle=str(certificate))
        self.late(failure(gateway, host.url, connect=1, read=0.3))
        gateway.close()

    def test_provider_that_does_not_read(self, start: Callable[..., Host], gateway: Gateway) -> None:
        error = failure(gateway, start(reads_nothing).url, b"x" * 30_000_000, connect=0.2, read=0.3)
        self.late(error)

    def test_complete_answer_counts_although_the_connection_hangs(
        self, start: Callable[..., Host], gateway: Gateway
    ) -> None:
        host = start(drips(b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n" + ACCEPTED, b" "))
        assert post(gateway, host.url, connect=0.2, read=0.3).reply.entries[0].provider_message_id == "7"
