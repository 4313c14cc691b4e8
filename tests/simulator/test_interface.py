"""What the provider documents, over real sockets. Source: protocol.md 1, 2, 3, 5, 10, 11, 15."""

from re import fullmatch
from xml.etree import ElementTree

import pytest

from tests.simulator.wire import (
    PROLOG,
    SECURITY,
    connected,
    document,
    exchange,
    get,
    line,
    message,
    post,
    raw_post,
    read_all,
    read_answer,
    request,
)
from worker.simulator.running import RunningSimulator, running_simulator


@pytest.mark.parametrize("path", ["/xml", "/xml/"])
def test_a_document_is_answered_line_by_line(simulator: RunningSimulator, path: str) -> None:
    answer = post(simulator.url.removesuffix("/xml") + path, document(3))
    assert answer.status == 200
    assert [(number, parts, text) for number, _, parts, text in answer.entries] == [
        ("1", "1", "send"),
        ("2", "1", "send"),
        ("3", "1", "send"),
    ]
    assert len(set(answer.ids)) == 3
    assert simulator.requests()[-1]["findings"] == []


def test_ids_need_more_than_32_bits_and_fewer_than_53(simulator: RunningSimulator) -> None:
    (id_sms,) = post(simulator.url, document()).ids
    assert id_sms is not None
    assert 2**32 < int(id_sms) < 2**53


def test_several_messages_share_a_document_and_each_has_its_text(simulator: RunningSimulator) -> None:
    post(simulator.url, request(message([line(1)], "Hello Ann"), message([line(2), line(3)], "Hello all & < sundry")))
    texts = [(each["client_id_sms"], each["text"]) for each in simulator.ledger()["messages"]]
    assert texts == [("500001", "Hello Ann"), ("500002", "Hello all & < sundry"), ("500003", "Hello all & < sundry")]


def test_security_may_come_first_or_last(simulator: RunningSimulator) -> None:
    first = f"{PROLOG}<request>{SECURITY}{message([line(1)])}</request>"
    assert post(simulator.url, first).texts == ["send"]
    assert simulator.requests()[-1]["findings"] == []


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("", "POST data is missing"),
        ("<request>", "Incorrect XML document format"),
        ("no xml at all", "Incorrect XML document format"),
        (f"{PROLOG}<request>{SECURITY}</request>", "Incorrect XML document format"),
        (f"{PROLOG}<reply>{SECURITY}</reply>", "Incorrect XML document format"),
        (f'{PROLOG}<!DOCTYPE request [<!ENTITY a "b">]><request>{SECURITY}</request>', "Incorrect XML document format"),
        (request(message([line(1)]), security=""), "Incorrect login or password"),
        (request(message([line(1)]), security="<security></security>"), "Incorrect login or password"),
        (request(message([line(1)], attributes='type_send_1="pigeon"')), "Incorrect XML document format"),
        (request(message([line(1)], attributes='type_send_1="sms" type="fax"')), "Incorrect XML document format"),
    ],
)
def test_a_document_that_cannot_be_used_is_refused_whole(simulator: RunningSimulator, body: str, error: str) -> None:
    answer = post(simulator.url, body)
    assert (answer.status, answer.error, answer.entries) == (400, error, [])
    assert simulator.ledger()["charged"] == 0
    assert simulator.requests()[-1]["findings"]


def test_no_finding_quotes_the_document(simulator: RunningSimulator) -> None:
    post(simulator.url, document().replace('value="secret"', 'value="secret'))
    post(simulator.url, document().replace("79030000001", "79030000001x"))
    assert not any("secret" in finding or "7903" in finding for r in simulator.requests() for finding in r["findings"])


def test_only_the_configured_credentials_are_admitted() -> None:
    token = '<security><token value="t0ken"/></security>'
    with running_simulator(login="shop", password="secret", token="t0ken") as simulator:
        assert post(simulator.url, request(message([line(1)]))).texts == ["send"]
        by_token = post(simulator.url, request(message([line(1)]), security=token))
        wrong = post(simulator.url, document(2).replace('"secret"', '"guess"'))
        assert by_token.texts == ["send"]
        assert (wrong.status, wrong.error) == (400, "Incorrect login or password")
        ledger = simulator.ledger()
    # Login and token open the same account, so the second document was a repeat.
    assert (ledger["charged"], ledger["repeats"]) == (1, 1)


def test_a_token_is_shown_nowhere(simulator: RunningSimulator) -> None:
    post(simulator.url, request(message([line(1)]), security='<security><token value="t0ken"/></security>'))
    (charged,) = simulator.ledger()["messages"]
    assert charged["account"].startswith("token-")
    assert "t0ken" not in str(simulator.ledger()) + str(simulator.requests())


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/xml", 405),
        ("PUT", "/xml", 405),
        ("GET", "/xml/state.php", 405),
        ("POST", "/bulkpost-simulator", 405),
        ("PUT", "/bulkpost-simulator/ledger", 405),
        ("GET", "/", 404),
        ("POST", "/xml/originator.php", 404),
        ("POST", "/xmlx", 404),
    ],
)
def test_wrong_method_and_unknown_path(simulator: RunningSimulator, method: str, path: str, status: int) -> None:
    body = document().encode() if method != "GET" else None
    assert exchange(method, simulator.url.removesuffix("/xml") + path, body).status == status
    assert simulator.ledger()["charged"] == 0


def test_a_connection_carries_many_requests(simulator: RunningSimulator) -> None:
    with connected(simulator.url) as raw:
        for number in (1, 2, 3):
            raw.sendall(raw_post(document(1, number)))
            assert read_answer(raw).texts == ["send"]
        raw.sendall(raw_post(document(1, 4)) + raw_post(document(1, 5)))
        assert [read_answer(raw).texts, read_answer(raw).texts] == [["send"], ["send"]]
    assert simulator.ledger()["charged"] == 5


def test_a_document_may_arrive_in_pieces(simulator: RunningSimulator) -> None:
    whole = raw_post(document(50))
    with connected(simulator.url) as raw:
        for start in range(0, len(whole), 700):
            raw.sendall(whole[start : start + 700])
        assert len(read_answer(raw).entries) == 50


@pytest.mark.parametrize(
    "headers",
    [
        {"Expect": "100-continue"},
        {"Content-Length": "", "Transfer-Encoding": "chunked"},
        {"Content-Length": ""},
        {"Content-Length": "many"},
    ],
)
def test_scenario_20_a_body_without_a_plain_length_is_lost(
    simulator: RunningSimulator, headers: dict[str, str]
) -> None:
    with connected(simulator.url) as raw:
        raw.sendall(raw_post(document(), **headers))
        answer = read_answer(raw)
        assert (answer.status, answer.error) == (400, "POST data is missing")
        assert read_all(raw) == b""
    assert simulator.ledger()["charged"] == 0


def test_an_empty_expect_header_is_no_expectation(simulator: RunningSimulator) -> None:
    assert post(simulator.url, document(), {"Expect": ""}).texts == ["send"]


def test_what_is_too_large_is_refused_before_it_is_read(simulator: RunningSimulator) -> None:
    with connected(simulator.url) as raw:
        raw.sendall(raw_post("", **{"Content-Length": str(33 * 1024 * 1024)}))
        assert read_answer(raw).status == 413
    with connected(simulator.url) as raw:
        raw.sendall(b"POST /xml HTTP/1.1\r\n" + b"X-Filler: 1234567890\r\n" * 4000)
        assert read_answer(raw).status == 431


def test_what_is_not_http_gets_a_400(simulator: RunningSimulator) -> None:
    with connected(simulator.url) as raw:
        raw.sendall(b"\x16\x03\x01\x02\x00 hello\r\n\r\n")
        assert read_answer(raw).status == 400


def test_a_document_that_stops_half_way_charges_nobody(simulator: RunningSimulator) -> None:
    with connected(simulator.url) as raw:
        raw.sendall(raw_post(document(10))[:-40])
    assert post(simulator.url, document(1, 20)).texts == ["send"]
    assert [each["ended"] for each in simulator.requests()] == ["incomplete", "answered"]
    assert simulator.ledger()["charged"] == 1


def states(simulator: RunningSimulator, *ids: str | None) -> list[dict[str, str | None]]:
    asked = "".join(f"<id_sms>{id_sms}</id_sms>" for id_sms in ids)
    answer = post(simulator.url + "/state.php", f"{PROLOG}<request>{SECURITY}<get_state>{asked}</get_state></request>")
    return [{**element.attrib, "text": element.text} for element in ElementTree.fromstring(answer.body)]


def test_state_of_known_and_unknown_ids(simulator: RunningSimulator) -> None:
    (id_sms,) = post(simulator.url, document()).ids
    known, unknown = states(simulator, id_sms, "12345")
    assert (known["id_sms"], known["sms"], known["text"]) == (id_sms, "deliver", "deliver")
    assert fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", known["time"] or "")
    assert unknown == {"id_sms": "12345", "time": "", "text": "Сообщение с таким ID не принималось"}


def test_another_account_does_not_know_the_id(simulator: RunningSimulator) -> None:
    (id_sms,) = post(simulator.url, document().replace('"shop"', '"other"')).ids
    assert states(simulator, id_sms)[0]["time"] == ""


def test_balance_falls_with_every_segment(simulator: RunningSimulator) -> None:
    def money() -> str | None:
        answer = post(simulator.url + "/balance.php", f"{PROLOG}<request>{SECURITY}</request>")
        return ElementTree.fromstring(answer.body).findtext("money")

    before = money()
    post(simulator.url, document(3, text="я" * 71))
    after = money()
    assert before is not None
    assert after is not None
    assert float(before) - float(after) == 6


def test_time_is_that_of_moscow() -> None:
    with running_simulator(clock=lambda: 1_700_000_000.0) as simulator:  # 2023-11-14 22:13:20 UTC
        answer = post(simulator.url + "/time.php", f"{PROLOG}<request>{SECURITY}</request>")
    assert ElementTree.fromstring(answer.body).findtext("time") == "2023-11-15 01:13:20"


def test_russian_when_asked() -> None:
    with running_simulator(language="ru") as simulator:
        assert post(simulator.url, "").error == "POST данные отсутствуют"
        assert post(simulator.url, document(text=" ")).texts == ["Нет текста сообщения."]


def test_it_is_recognised_and_counts(simulator: RunningSimulator) -> None:
    post(simulator.url, document(3))
    post(simulator.url, document(4))
    shown = get(simulator.control_url)
    assert (shown["name"], shown["version"], shown["protocol"]) == ("bulkpost-simulator", 1, "webcom-xml")
    assert shown["run"]
    counters = shown["counters"]
    assert (counters["documents"], counters["lines"], counters["charged"], counters["repeats"]) == (2, 7, 4, 3)
