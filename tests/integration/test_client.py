"""The client against real sockets: what is certain after each way in which a POST can go wrong."""

import gzip
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from subprocess import run
from threading import Event, Thread

import pytest

from worker.core.messages import Exchange, Meaning, Pace
from worker.errors import (
    ConfigurationError,
    GatewayError,
    Misdirected,
    NotSent,
    Throttled,
    TooLarge,
    Unanswered,
    Unreadable,
)
from worker.gateway.client import Gateway

BODY = b'<?xml version="1.0" encoding="utf-8"?><request><security><token value="secret-token"/></security></request>'
ACCEPTED = b'<response><information number_sms="1" id_sms="7" parts="1">send</information></response>'

Scene = Callable[[socket.socket, "Host"], None]


class Host:
    """A server that plays one scene per connection, in order, and keeps every request it could read."""

    def __init__(self, scenes: list[Scene], context: ssl.SSLContext | None = None) -> None:
        self.requests: list[bytes] = []
        self.connection_count = 0
        self.scene_over = Event()
        self._context = context
        self._scenes = scenes
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = Thread(target=self._serve)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"{'https' if self._context else 'http'}://127.0.0.1:{self.port}/xml"

    def _serve(self) -> None:
        for scene in self._scenes:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # stopped, with a scene left that nobody asked for
                return
            self.connection_count += 1
            with connection:
                connection.settimeout(30)
                with suppress(OSError):  # the client is gone, as some scenes want
                    self._play(scene, connection)
            self.scene_over.set()

    def _play(self, scene: Scene, connection: socket.socket) -> None:
        if self._context is None:
            scene(connection, self)
            return
        with self._context.wrap_socket(connection, server_side=True) as tls:
            scene(tls, self)

    def read_request(self, connection: socket.socket) -> None:
        """Read one request to its end by its Content-Length. Raises: OSError when the client leaves before."""
        received = b""
        while True:
            head, found, body = received.partition(b"\r\n\r\n")
            if found and len(body) >= content_length(head):
                break
            piece = connection.recv(2**16)
            if not piece:
                raise OSError("the client left")
            received += piece
        self.requests.append(received)

    def stop(self) -> None:
        """End the thread, whatever it waits for, once its clients are gone."""
        self.scene_over.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()


def content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def answer(body: bytes = ACCEPTED, status: str = "200 OK", *headers: str) -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def says(*answers: bytes) -> Scene:
    """One connection on which one request after another gets its answer; then it is closed."""

    def scene(connection: socket.socket, host: Host) -> None:
        for each in answers:
            host.read_request(connection)
            connection.sendall(each)

    return scene


def then_resets(before: Scene) -> Scene:
    def scene(connection: socket.socket, host: Host) -> None:
        before(connection, host)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return scene


def drips(start: bytes, drop: bytes) -> Scene:
    """Answer without end, a drop at a time: each of them in good time for a timeout per read."""

    def scene(connection: socket.socket, host: Host) -> None:
        host.read_request(connection)
        connection.sendall(start)
        pause = Event()
        while True:
            connection.sendall(drop)
            pause.wait(0.02)

    return scene


def waits_for_the_client_to_leave(connection: socket.socket, host: Host) -> None:
    host.read_request(connection)
    while connection.recv(2**16):
        pass


def reads_a_little(connection: socket.socket, _host: Host) -> None:
    connection.recv(10)


def reads_nothing(_connection: socket.socket, host: Host) -> None:
    host.scene_over.wait(30)


@pytest.fixture
def start() -> Iterator[Callable[..., Host]]:
    hosts: list[Host] = []

    def start_host(*scenes: Scene, context: ssl.SSLContext | None = None) -> Host:
        hosts.append(Host(list(scenes), context))
        return hosts[-1]

    yield start_host
    for host in hosts:
        host.stop()


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    made = Gateway()
    yield made
    made.close()


def post(gateway: Gateway, url: str, body: bytes = BODY, connect: float = 5, read: float = 5) -> Exchange:
    return gateway.post(url, body, connect_timeout_seconds=connect, read_timeout_seconds=read)


def failure(gateway: Gateway, url: str, body: bytes = BODY, connect: float = 5, read: float = 5) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        post(gateway, url, body, connect, read)
    return caught.value


class TestRequest:
    def test_document_goes_out_as_it_is_with_the_headers_of_the_manual(
        self, start: Callable[..., Host], gateway: Gateway
    ) -> None:
        host = start(says(answer()))
        post(gateway, host.url)
        head, _, body = host.requests[0].partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        assert body == BODY
        assert lines[0] == "POST /xml HTTP/1.1"
        assert "Content-type: text/xml; charset=utf-8;" in lines
        assert f"Content-Length: {len(BODY)}" in lines
        assert "Accept-Encoding: identity" in lines
        names = [line.partition(":")[0].lower() for line in lines[1:]]
        assert not {"expect", "transfer-encoding", "cookie", "authorization"} & set(names)
        assert len(names) == len(set(names))

    def test_content_type_can_be_set(self, start: Callable[..., Host]) -> None:
        host = start(says(answer()))
        gateway = Gateway(content_type="text/xml; charset=utf-8")
        post(gateway, host.url)
        gateway.close()
        assert b"Content-type: text/xml; charset=utf-8\r\n" in host.requests[0]

    def test_cookies_are_not_returned(self, start: Callable[..., Host], gateway: Gateway) -> None:
        host = start(says(answer(ACCEPTED, "200 OK", "Set-Cookie: PHPSESSID=1; path=/"), answer()))
        post(gateway, host.url)
        post(gateway, host.url)
        assert b"cookie" not in host.requests[1].lower()

    def test_environment_decides_nothing(
        self, start: Callable[..., Host], gateway: Gateway, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        host = start(says(answer()))
        assert post(gateway, host.url).http_status == 200

    def test_large_document_arrives_whole(self, start: Callable[..., Host], gateway: Gateway) -> None:
        host = start(says(answer()))
        body = b"<request>" + b"x" * 3_000_000 + b"</request>"
        post(gateway, host.url, body)
        assert host.requests[0].endswith(b"\r\n\r\n" + body)


class TestAnswer:
    def test_answer_is_read_and_kept(self, start: Callable[..., Host], gateway: Gateway) -> None:
        exchange = post(gateway, start(says(answer())).url)
        assert exchange.http_status == 200
        assert exchange.raw == ACCEPTED
        assert [entry.provider_message_id for entry in exchange.reply.entries] == ["7"]

    @pytest.mark.parametrize("status", ["400 Bad Request", "200 OK", "500 Internal Server Error", "404 Not Found"])
    def test_documented_error_wins_whatever_the_status(
        self, start: Callable[..., Host], gateway: Gateway, status: str
    ) -> None:
        body = b"<response><error>Incorrect login or password</error></response>"
        exchange = post(gateway, start(says(answer(body, status))).url)
        assert exchange.reply.error_meaning is Meaning.CREDENTIALS

    def test_entries_win_over_a_server_error(self, start: Callable[..., Host], gateway: Gateway) -> None:
        exchange = post(gateway, start(says(answer(ACCEPTED, "502 Bad Gateway"))).url)
        assert exchange.reply.entries[0].meaning is Meaning.ACCEPTED

    @pytest.mark.parametrize(
        ("status", "expected"),
        [("429 Slow", Throttled), ("413 Large", TooLarge), ("403 No", Misdirected), ("500 Oops", Unanswered)],
    )
    def test_undocumented_error_leaves_the_verdict_to_the_status(
        self, start: Callable[..., Host], gateway: Gateway, status: str, expected: type[GatewayError]
    ) -> None:
        body = b"<response><error>Something new</error></response>"
        error = failure(gateway, start(says(answer(body, status))).url)
        assert type(error) is expected
        assert error.raw == body

    def test_undocumented_error_with_400_is_an_answer(self, start: Callable[..., Host], gateway: Gateway) -> None:
        body = b"<response><error>Something new</error></response>"
        assert post(gateway, start(says(answer(body, "400 Bad Request"))).url).reply.error_text == "Something new"

    def test_charset_of_the_header_is_honoured(self, start: Callable[..., Host], gateway: Gateway) -> None:
        body = "<response><error>Неправильный логин или пароль</error></response>".encode("koi8-r")
        said = answer(body, "200 OK", 'Content-Type: text/xml; charset="KOI8-R"')
        assert post(gateway, start(says(said)).url).reply.error_meaning is Meaning.CREDENTIALS

    def test_chunked_answer_is_read(self, start: Callable[..., Host], gateway: Gateway) -> None:
        chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in ACCEPTED) + b"0\r\n\r\n"
        said = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
        assert post(gateway, start(says(said)).url).raw == ACCEPTED

    def test_answer_that_ends_with_the_connection_is_read(self, start: Callable[..., Host], gateway: Gateway) -> None:
        assert post(gateway, start(says(b"HTTP/1.0 200 OK\r\n\r\n" + ACCEPTED)).url).raw == ACCEPTED

    def test_whole_document_counts_although_more_was_announced(
        self, start: Callable[..., Host], gateway: Gateway
    ) -> None:
        said = b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + ACCEPTED
        assert post(gateway, start(says(said)).url).raw == ACCEPTED

    def test_compressed_answer_is_read_although_none_was_asked_for(
        self, start: Callable[..., Host], gateway: Gateway
    ) -> None:
        said = answer(gzip.compress(ACCEPTED), "200 OK", "Content-Encoding: gzip")
        assert post(gateway, start(says(said)).url).raw == ACCEPTED

    def test_retry_after_of_a_readable_answer_is_kept(self, start: Callable[..., Host], gateway: Gateway) -> None:
        assert post(gateway, start(says(answer(ACCEPTED, "200 OK", "Retry-After: 9"))).url).retry_after_seconds == 9


class TestStatus:
    @pytest.mark.parametrize("status", [301, 302, 303, 304, 307, 308, 401, 403, 404, 405, 415])
    def test_address_that_takes_no_documents(self, start: Callable[..., Host], gateway: Gateway, status: int) -> None:
        error = failure(gateway, start(says(answer(b"", f"{status} No"))).url)
        assert type(error) is Misdirected
        assert (error.http_status, error.in_doubt, error.pauses_account) == (status, False, True)

    def test_redirect_is_not_followed_nor_its_secrets_shown(self, start: Callable[..., Host], gateway: Gateway) -> None:
        target = "http://user:pass@127.0.0.1:1/xml/?token=t"
        host = start(says(answer(b"<html>", "302 Found", f"Location: {target}"), answer()))
        error = failure(gateway, host.url)
        assert type(error) is Misdirected
        assert "http://127.0.0.1:1/xml/" in str(error)
        assert "pass" not in str(error) and "token" not in str(error)
        assert len(host.requests) == 1

    def test_document_too_large_is_said_to_be(self, start: Callable[..., Host], gateway: Gateway) -> None:
        error = failure(gateway, start(says(answer(b"<html>", "413 Too Large"))).url)
        assert type(error) is TooLarge and error.splits and not error.in_doubt

    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ((), None),
            (("Retry-After: 17",), 17),
            (("Date: Sun, 22 Nov 2026 10:00:00 GMT", "Retry-After: Sun, 22 Nov 2026 10:01:30 GMT"), 90),
            (("Date: Sun, 22 Nov 2026 10:00:00 GMT", "Retry-After: Sun, 22 Nov 2026 09:00:00 GMT"), 0),
            (("Retry-After: Sun, 22 Nov 2026 10:01:30 GMT",), None),
            (("Retry-After: -5",), None),
            (("Retry-After: soon",), None),
            (("Retry-After: 99999999999999",), None),
        ],
    )
    @pytest.mark.parametrize(("status", "expected"), [(429, Throttled), (503, Unanswered)])
    def test_retry_after_is_seconds_or_a_date(
        self,
        start: Callable[..., Host],
        gateway: Gateway,
        headers: tuple[str, ...],
        seconds: float | None,
        status: int,
        expected: type[GatewayError],
    ) -> None:
        error = failure(gateway, start(says(answer(b"", f"{status} Wait", *headers))).url)
        assert type(error) is expected
        assert error.retry_after_seconds == seconds

    @pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 599])
    def test_server_error_leaves_doubt(self, start: Callable[..., Host], gateway: Gateway, status: int) -> None:
        error = failure(gateway, start(says(answer(b"<html>", f"{status} Oops"))).url)
        assert type(error) is Unanswered
        assert (error.http_status, error.in_doubt, error.raw) == (status, True, b"<html>")
        assert error.pace is (Pace.PATIENT if status == 504 else Pace.BACKOFF)

    @pytest.mark.parametrize(
        ("status", "body"),
        [
            ("200 OK", b""),
            ("200 OK", b"<html><body>maintenance</body></html>"),
            ("200 OK", b"<!DOCTYPE html><html></html>"),
            ("200 OK", b"{}"),
            ("200 OK", ACCEPTED[:-5]),
            ("202 Accepted", b"ok"),
            ("400 Bad Request", b"<html>"),
            ("409 Conflict", b"<html>"),
            ("418 Teapot", b""),
        ],
    )
    def test_answer_that_is_none_leaves_doubt(
        self, start: Callable[..., Host], gateway: Gateway, status: str, body: bytes
    ) -> None:
        error = failure(gateway, start(says(answer(body, status))).url)
        assert type(error) is Unreadable
        assert error.in_doubt and error.keep_request
        assert error.raw == body

    def test_no_content_leaves_doubt(self, start: Callable[..., Host], gateway: Gateway) -> None:
        error = failure(gateway, start(says(b"HTTP/1.1 204 No Content\r\n\r\n")).url)
        assert type(error) is Unreadable and error.http_status == 204


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

    def test_threads_do_not_share_connections(self, start: Callable[..., Host], gateway: Gateway) -> None:
        host = start(says(answer()), says(answer()))
        post(gateway, host.url)
        other = Thread(target=post, args=(gateway, host.url))
        gateway_closed_by_first = host.scene_over.wait(10)
        other.start()
        other.join()
        assert gateway_closed_by_first and host.connection_count == 2

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


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that signs itself, its key beside it."""
    directory = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-keyout", "key.pem", "-out", "certificate.pem"]
    run(command, cwd=directory, check=True, capture_output=True)
    return directory / "certificate.pem"


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    return context
