"""The client against real sockets: what is sent, and what counts as an answer."""

import gzip
from collections.abc import Callable

import pytest

from tests.support.loopback import ACCEPTED, BODY, Host, answer, failure, post, says
from worker.core.messages import Meaning, Pace
from worker.errors import (
    GatewayError,
    Misdirected,
    Throttled,
    TooLarge,
    Unanswered,
    Unreadable,
)
from worker.gateway.client import Gateway


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
