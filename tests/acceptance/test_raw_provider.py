"""A provider by hand, for answers that the simulator does not give; it knows nothing of ours but protocol.md."""

import gzip
import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from socket import socket

import pytest

from models.ledger.control import set_account
from models.session import transaction
from tests.acceptance.answering import Mailing
from tests.support.driving import create, quick_settings
from tests.support.loopback import Host, answer, hosts_stopped
from worker.proof import prove
from worker.runtime import open_runtime
from worker.simulator.running import running_simulator

ABONENT = re.compile(rb'<abonent phone="(\d+)" number_sms="(\d+)" client_id_sms="(\d+)"/>')
Says = Callable[[list[bytes]], bytes]


def entries(numbers: list[bytes], attributes: str = "", text: str = "send") -> bytes:
    """The usual reply; `{n}` in the attributes is the number of the line."""
    told = attributes or 'id_sms="9{n}" parts="1"'
    each = "".join(
        f'<information number_sms="{int(n)}" {told.replace("{n}", str(int(n)))}>{text}</information>' for n in numbers
    )
    return f"<response>{each}</response>".encode()


def chunked(body: bytes) -> bytes:
    pieces = b"".join(b"%x\r\n%s\r\n" % (len(body[n : n + 7]), body[n : n + 7]) for n in range(0, len(body), 7))
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + pieces + b"0\r\n\r\n"


@contextmanager
def told_by_hand(database_url: str, says: Says, count: int = 8) -> Iterator[tuple[Mailing, list[bytes]]]:
    """Send a campaign in one document to a provider that answers `says(numbers)`; yield the keys it was given too."""
    keys: list[bytes] = []

    def scene(connection: socket, host: Host) -> None:
        while True:
            host.read_request(connection)
            lines = ABONENT.findall(host.requests[-1])
            keys.extend(key for _, _, key in lines)
            asked = host.requests[-1].startswith(b"POST")
            connection.sendall(says([number for _, number, _ in lines]) if asked else answer(b"", "404 No"))

    with hosts_stopped() as start, running_simulator() as unused:
        host = start(*[scene] * 40)
        runtime = open_runtime(quick_settings(database_url, connect_timeout_seconds=1, read_timeout_seconds=1))
        try:
            with transaction(runtime.sessions) as session:
                set_account(session, "default", {"gateway_url": host.url}, actor="test")
            yield Mailing(runtime, unused, create(runtime, count)), keys
        finally:
            runtime.close()


@pytest.mark.parametrize(
    "says",
    [
        pytest.param(lambda numbers: answer(entries(numbers), "500 Oops"), id="500"),
        pytest.param(lambda numbers: answer(entries(numbers), "404 Not Found"), id="404"),
        pytest.param(lambda numbers: answer(entries(numbers), "413 Too Large"), id="413"),
        pytest.param(lambda numbers: answer(entries(numbers), "429 Slow", "Retry-After: 9"), id="429"),
        pytest.param(lambda numbers: answer(entries(numbers), "302 Found", "Location: /xml/"), id="302"),
        pytest.param(lambda numbers: answer(entries(numbers), "202 Accepted"), id="202"),
        pytest.param(lambda numbers: b"HTTP/1.1 100 Continue\r\n\r\n" + answer(entries(numbers)), id="100 first"),
        pytest.param(lambda numbers: b"HTTP/1.1 103 Hints\r\nA: b\r\n\r\n" + answer(entries(numbers)), id="103 first"),
        pytest.param(lambda numbers: chunked(entries(numbers)), id="chunked"),
        pytest.param(
            lambda numbers: answer(gzip.compress(entries(numbers)), "200 OK", "Content-Encoding: gzip"), id="gzip"
        ),
        pytest.param(lambda numbers: answer(entries(numbers) + b"\n<!-- 0.1 s -->\n"), id="a comment behind"),
        pytest.param(
            lambda numbers: answer(entries(numbers).replace(b'number_sms="1"', b'number_sms="&#49;"')), id="references"
        ),
        pytest.param(
            lambda numbers: answer(entries(numbers).replace(b"send<", b"<![CDATA[send]]> \n<")), id="cdata, blanks"
        ),
    ],
)
def test_readable_entries_count_whatever_carries_them(says: Says, sqlite_url: str) -> None:
    with told_by_hand(sqlite_url, says) as (work, keys):
        assert work.work_until_ended() == {"accepted": 8}
        assert [row.id_sms for row in work.rows()] == [f"9{n}" for n in range(1, 9)]
        assert sorted(keys) == [row.client_id_sms.encode() for row in work.rows()]
        assert prove(work.runtime.sessions).breaches == ()


def test_parts_that_are_no_number_are_not_counted(database_url: str) -> None:
    odd = ["", "0x2", "-1", "two", "99999999999999999999", "1.0", " 3 ", "2"]
    told = "".join(
        f'<information number_sms="{number}" id_sms="9{number}" parts="{parts}">send</information>'
        for number, parts in enumerate(odd, 1)
    )
    with told_by_hand(database_url, lambda _: answer(f"<response>{told}</response>".encode())) as (work, _):
        assert work.work_until_ended() == {"accepted": 8}
        assert [row.parts for row in work.rows()] == [None] * 6 + [3, 2]


def test_page_of_text_in_place_of_an_id_is_no_id(database_url: str) -> None:
    page = "".join(random.Random(7).choices("0123456789abcdef", k=20_000))
    with told_by_hand(database_url, lambda numbers: answer(entries(numbers, f'id_sms="{page}{{n}}"'))) as (work, _):
        assert work.work_until_ended() == {"accepted": 8}
        assert {(row.id_sms, row.reason) for row in work.rows()} == {(None, "accepted without an id")}


def test_text_of_any_size_is_kept_word_for_word(database_url: str) -> None:
    text = "Отказ\u2028 \"':%s:{x} 😀 \\x00 " + "ы" * 60_000
    with told_by_hand(database_url, lambda numbers: answer(entries(numbers, "", text).replace(b" id_sms", b" x"))) as (
        work,
        _,
    ):
        assert work.work_until_ended() == {"unknown": 8}
        assert {row.provider_text for row in work.rows()} == {text}
        assert {row.attempts for row in work.rows()} == {3}


@pytest.mark.parametrize(
    "target", ["http://elsewhere/\0", "http://a\x85b/", "/79030000001/x", "http://u:p@h/", "\x7f" * 9000]
)
def test_redirect_to_nonsense_pauses_the_account_in_one_line(target: str, database_url: str) -> None:
    head = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + target.encode("latin-1") + b"\r\n\r\n"
    with told_by_hand(database_url, lambda _numbers: head) as (work, _):
        reason = work.work_until_paused()
        assert reason.isprintable() and len(reason) < 400
        assert "redirected" in reason and "7903" not in reason and "u:p" not in reason
        assert work.shown()["counts"]["pending"] == 8
        assert {attempt.outcome for attempt in work.attempts()} == {"refused"}
