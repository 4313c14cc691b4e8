"""The client against real sockets: sizes, and connections kept, made anew and closed."""

import gzip
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

from tests.support.loopback import ACCEPTED, Host, answer, drips, failure, post, says, waits_for_the_client_to_leave
from worker.errors import (
    Misdirected,
    Unanswered,
    Unreadable,
)
from worker.gateway.client import Gateway


class TestSize:
    def test_noise_is_read_up_to_the_limit_only(self, start: Callable[..., Host], gateway: Gateway) -> None:
        host = start(drips(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", b"noise" * 100_000))
        error = failure(gateway, host.url, connect=10, read=20)
        assert type(error) is Unreadable
        assert len(error.raw) == 2**16

    def test_gzip_bomb_is_counted_unpacked(self, start: Callable[..., Host], gateway: Gateway) -> None:
        bomb = gzip.compress(b"\0" * 60_000_000)
        error = failure(gateway, start(says(answer(bomb, "200 OK", "Content-Encoding: gzip"))).url)
        assert type(error) is Unreadable
        assert len(error.raw) == 2**16

    def test_status_is_believed_although_its_page_is_too_long(
        self, start: Callable[..., Host], gateway: Gateway
    ) -> None:
        error = failure(gateway, start(says(answer(b"x" * 5_000_000, "404 Not Found"))).url)
        assert type(error) is Misdirected

    def test_limit_grows_with_the_document(self, start: Callable[..., Host], gateway: Gateway) -> None:
        entries = b"".join(b'<information number_sms="%d">send</information>' % n for n in range(50_000))
        said = answer(b"<response>" + entries + b"</response>")
        assert len(said) > 2**20
        exchange = post(gateway, start(says(said)).url, b"x" * 200_000)
        assert len(exchange.reply.entries) == 50_000


class TestConnection:
    def test_two_lengths_are_no_answer_and_the_next_document_finds_another_connection(
        self, start: Callable[..., Host], gateway: Gateway
    ) -> None:
        host = start(says(answer(ACCEPTED, "200 OK", "Content-Length: 6")), says(answer()))
        assert type(failure(gateway, host.url)) is Unanswered
        assert post(gateway, host.url).reply.entries

    def test_gateway_that_was_closed_connects_anew(self, start: Callable[..., Host], gateway: Gateway) -> None:
        host = start(says(answer()), says(answer()))
        post(gateway, host.url)
        gateway.close()
        assert post(gateway, host.url).reply.entries

    def test_connection_is_kept_for_the_next_document(self, start: Callable[..., Host], gateway: Gateway) -> None:
        host = start(says(answer(), answer(b"<html>", "500 Oops"), answer()))
        post(gateway, host.url)
        failure(gateway, host.url)
        post(gateway, host.url)
        assert (host.connection_count, len(host.requests)) == (1, 3)

    def test_connection_closed_while_idle_is_made_anew(self, start: Callable[..., Host], gateway: Gateway) -> None:
        host = start(says(answer()), says(answer()))
        post(gateway, host.url)
        assert host.scene_over.wait(10)
        assert post(gateway, host.url).http_status == 200
        assert host.connection_count == 2

    def test_kept_connection_that_dies_under_a_document_leaves_doubt(
        self, start: Callable[..., Host], gateway: Gateway
    ) -> None:
        host = start(says(answer(), b""))
        post(gateway, host.url)
        error = failure(gateway, host.url)
        assert type(error) is Unanswered
        assert len(host.requests) == 2

    def test_next_document_has_its_own_deadline(self, start: Callable[..., Host], gateway: Gateway) -> None:
        host = start(waits_for_the_client_to_leave, says(answer()))
        failure(gateway, host.url, connect=0.1, read=0.1)
        assert post(gateway, host.url).http_status == 200

    def test_answer_that_was_not_read_to_its_end_does_not_spoil_the_next(
        self, start: Callable[..., Host], gateway: Gateway
    ) -> None:
        host = start(says(answer(b"x" * 5_000_000)), says(answer()))
        failure(gateway, host.url)
        assert post(gateway, host.url).http_status == 200

    def test_next_address_of_a_name_is_tried_where_one_refuses(
        self, start: Callable[..., Host], gateway: Gateway
    ) -> None:
        host = start(says(answer()))  # on 127.0.0.1 only; the name may have ::1 as well
        assert post(gateway, host.url.replace("127.0.0.1", "localhost")).http_status == 200

    def test_threads_do_not_share_connections(self, start: Callable[..., Host], gateway: Gateway) -> None:
        host = start(says(answer(), answer()), says(answer(), answer()))
        post(gateway, host.url)
        other = Thread(target=post, args=(gateway, host.url))
        other.start()
        other.join()
        post(gateway, host.url)
        assert (host.connection_count, len(host.requests)) == (2, 3)

    def test_closed_gateway_leaves_no_connection(self, start: Callable[..., Host]) -> None:
        gone = Event()

        def watches(connection: socket.socket, host: Host) -> None:
            host.read_request(connection)
            connection.sendall(answer())
            if connection.recv(1) == b"":
                gone.set()

        host, gateway = start(watches), Gateway()
        post(gateway, host.url)
        gateway.close()
        assert gone.wait(10)

    def test_document_goes_over_tls_that_is_trusted(
        self, start: Callable[..., Host], tls: ssl.SSLContext, certificate: Path
    ) -> None:
        host = start(says(answer(), answer()), context=tls)
        gateway = Gateway(ca_bundle=str(certificate))
        post(gateway, host.url)
        assert post(gateway, host.url).raw == ACCEPTED
        gateway.close()
        assert host.connection_count == 1

    def test_tls_connection_closed_without_an_answer_leaves_doubt(
        self, start: Callable[..., Host], tls: ssl.SSLContext, certificate: Path
    ) -> None:
        host = start(says(b""), context=tls)
        gateway = Gateway(ca_bundle=str(certificate))
        error = failure(gateway, host.url)
        gateway.close()
        assert type(error) is Unanswered
