"""What is said of a document that is not as the provider documents it. Source: protocol.md 2, 3, 4, 7.2, 9."""

import pytest

from tests.simulator.wire import PROLOG, SECURITY, document, line, message, post, request
from worker.simulator.running import RunningSimulator, running_simulator

CARD = (
    '<message type_send_1="sms" type="vcard"><sender>Shop</sender>{fields}'
    '<abonent phone="79030000001" number_sms="1" client_id_sms="1"/></message>'
)
VIBER = '<message type_send_1="viber">{fields}<abonent phone="79030000001" number_sms="1" client_id_sms="1"/></message>'
EVERYTHING = request(
    '<message type_send_1="viber" type_send_2="sms" type="vcard">'
    "<sender_viber>Shop</sender_viber><text_viber>Hello</text_viber><button_viber>Go</button_viber>"
    "<action_viber>http://a.example</action_viber><image_viber>http://a.example/i.png</image_viber>"
    "<sender>Shop</sender><text>Hello</text><url>http://a.example</url><name>Ann</name>"
    '<phone cell="79030000001" work="79030000002" fax="79030000003"/><email>a@a.example</email>'
    "<position>Chief</position><organization>Shop</organization>"
    '<address post_office_box="1" street="S" city="C" region="R" postal_code="101000" country="RU"/>'
    "<additional>More</additional>"
    '<abonent phone="79030000001" number_sms="1" client_id_sms="1" time_send="2031-12-31 12:34:54" '
    'validity_period="2031-12-31 15:34" validity_period_viber="2031-12-31 15:34:54"/></message>'
)


def findings_of(simulator: RunningSimulator) -> list[str]:
    return list(simulator.requests()[-1]["findings"])


@pytest.mark.parametrize(
    ("body", "finding"),
    [
        (document().removeprefix(PROLOG), "the document does not begin with an XML prolog"),
        (document().replace("><", ">\n<"), "the document has line breaks"),
        (
            document().replace("/><sec", "/>.<sec").replace("</message>", "</message>."),
            "there is text between elements",
        ),
        (
            document().replace("Hello", "Hel\nlo"),
            "message 1: a text holds a line break that is not the two characters \\n",
        ),
        (document().replace('number_sms="1"', ""), "number_sms is missing: line 1"),
        (document().replace('number_sms="1"', 'number_sms="one"'), "number_sms is not digits: line 1"),
        (request(message([line(1), line(2), line(1, 7, 790)])), "number_sms is repeated: line 1, 3"),
        (request(message([line(1)]), message([line(2, 500001)])), "client_id_sms is repeated: line 1, 2"),
        (request(message([line(1), line(2, phone=79030000001)])), "phone is repeated: line 1, 2"),
        (document().replace('client_id_sms="500001"', ""), "client_id_sms is missing: line 1"),
        (document().replace('"500001"', '"A500001"'), "client_id_sms is not digits: line 1"),
        (document().replace('"500001"', '"0500001"'), "client_id_sms has a leading zero: line 1"),
        (
            document().replace('"500001"', '"9223372036854775808"'),
            "client_id_sms is larger than 9223372036854775807: line 1",
        ),
        (document().replace("number_sms=", 'vip="1" number_sms='), "attribute vip is unknown: line 1"),
        (
            document().replace("number_sms=", 'time_send="31.12.2031" number_sms='),
            "time_send is not YYYY-MM-DD HH:MM: line 1",
        ),
        (
            document().replace("number_sms=", 'time_send="2031-02-30 10:00" number_sms='),
            "time_send is not YYYY-MM-DD HH:MM: line 1",
        ),
        (
            document().replace(
                "number_sms=", 'time_send="2031-02-03 10:00" validity_period="2031-02-03 10:00" number_sms='
            ),
            "validity_period is not after time_send: line 1",
        ),
        (request(message([line(1)], attributes='type="sms"')), "message 1: type_send_1 is missing"),
        (request(message([line(1)], attributes='type_send_1="sms"')), "message 1: type is missing"),
        (
            request(message([line(1)], attributes='type_send_1="sms" type_send_2="sms" type="sms"')),
            "message 1: type_send_2 repeats type_send_1",
        ),
        (
            request(message([line(1)], attributes='type_send_1="sms" type="sms" lang="ru"')),
            "message 1: attribute lang of message is unknown",
        ),
        (
            document().replace("<text>", "<name_delivery>x</name_delivery><text>"),
            "message 1: element name_delivery is unknown",
        ),
        (document().replace("<text>", "<url>x</url><text>"), "message 1: element url has no meaning in sms"),
        (
            request(VIBER.format(fields="<text_viber>T</text_viber><sender_viber>S</sender_viber>")),
            "message 1: element sender_viber is out of order",
        ),
        (
            document(text="").replace('type="sms"', 'type="silence"'),
            "message 1: silence has no text, and nobody says whether that is allowed",
        ),
        (document().replace("<text>", "<text>First</text><text>"), "message 1: element text is repeated"),
        (document().replace("<text>", '<text size="2">'), "message 1: element text holds other than text"),
        (
            request(message([line(1)]).replace("</message>", "<text>Late</text></message>")),
            "message 1: element text comes after an abonent",
        ),
        (
            document().replace(">Shop<", ">Лавка<"),
            "message 1: sender has other than Latin letters, digits, blanks and punctuation",
        ),
        (
            request(
                VIBER.format(
                    fields="<sender_viber>S</sender_viber><text_viber>T</text_viber><button_viber>Go</button_viber>"
                )
            ),
            "message 1: button_viber and action_viber go together",
        ),
        (
            request(
                message([line(1)]), "<message type_send_1='sms' type='sms'><sender>S</sender><text>T</text></message>"
            ),
            "message 2: no abonent",
        ),
        (
            f"{PROLOG}<request>{message([line(1)])}{SECURITY}{message([line(2)])}</request>",
            "security stands between messages",
        ),
        (request(message([line(1)]), "<extra/>"), "element extra is unknown"),
        (
            request(message([line(1)]), security=SECURITY.replace("</security>", '<token value="t"/></security>')),
            "security holds neither or both of token and login with password",
        ),
    ],
)
def test_a_tolerable_fault_is_told_and_charged(simulator: RunningSimulator, body: str, finding: str) -> None:
    answer = post(simulator.url, body)
    assert answer.status == 200
    assert set(answer.texts) == {"send"}
    assert finding in findings_of(simulator)


def test_a_strict_simulator_refuses_what_others_tolerate() -> None:
    with running_simulator(strict=True) as simulator:
        answer = post(simulator.url, document().replace('number_sms="1"', ""))
        assert (answer.status, answer.error) == (400, "Incorrect XML document format")
        assert simulator.ledger()["charged"] == 0
        assert post(simulator.url, EVERYTHING).texts == ["send"]


def test_the_header_of_the_seed_is_wanted(simulator: RunningSimulator) -> None:
    for header in ("text/xml; charset=utf-8;", "text/xml; charset=utf-8", "Text/XML;charset=UTF-8"):
        post(simulator.url, document(), {"Content-Type": header})
        assert findings_of(simulator) == []
    post(simulator.url, document(), {"Content-Type": "application/x-www-form-urlencoded"})
    assert findings_of(simulator) == ["header Content-type is not text/xml; charset=utf-8;"]


def test_every_field_of_the_seed_is_known_and_kept(simulator: RunningSimulator) -> None:
    assert post(simulator.url, EVERYTHING).texts == ["send"]
    assert findings_of(simulator) == []
    (charged,) = simulator.ledger()["messages"]
    assert (charged["kind"], charged["sender"], charged["text"]) == ("viber-sms", "Shop", "Hello")
    assert charged["fields"]["text_viber"] == "Hello"
    assert charged["fields"]["phone.fax"] == "79030000003"
    assert charged["fields"]["address.postal_code"] == "101000"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (document().replace('phone="79030000001"', 'phone=""'), "Specify phone number"),
        (document().replace('phone="79030000001"', ""), "Specify phone number"),
        (document().replace('"79030000001"', '"+79030000001"'), "Specify phone number"),
        (document().replace('"79030000001"', '"790300000012345"'), "Phone number must be less than 15 characters"),
        (request(message([line(1)], sender="")), "No sender"),
        (
            request(message([line(1)], sender="TwelveLetter")),
            "The sender must not exceed 15 characters for numeric numbers and 11 characters for alphanumeric numbers",
        ),
        (
            request(message([line(1)], sender="1234567890123456")),
            "The sender must not exceed 15 characters for numeric numbers and 11 characters for alphanumeric numbers",
        ),
        (document(text=""), "No message text"),
        (document(text="  "), "No message text"),
        (document().replace('type="sms"', 'type="wappush"'), "No link"),
        (
            request(CARD.format(fields="<name>Ann</name>")),
            "Provide the contact name and at least one parameter for a business card",
        ),
        (
            request(CARD.format(fields="<email>a@a.example</email>")),
            "Provide the contact name and at least one parameter for a business card",
        ),
        (request(VIBER.format(fields="<text_viber>T</text_viber>")), "No sender"),
        (request(VIBER.format(fields="<sender_viber>S</sender_viber>")), "No message text"),
    ],
)
def test_a_line_that_cannot_be_sent_is_refused_and_not_charged(
    simulator: RunningSimulator, body: str, text: str
) -> None:
    answer = post(simulator.url, body)
    assert answer.status == 200
    assert answer.entries == [("1", None, None, text)]
    assert simulator.ledger()["charged"] == 0


@pytest.mark.parametrize(
    "body",
    [
        request(message([line(1)], sender="123456789012345")),
        request(message([line(1)], sender="Elevenchars")),
        document().replace('type="sms"', 'type="flashsms"'),
        document().replace('type="sms"', 'type="silence"'),
        document().replace('type="sms"', 'type="wappush"').replace("</text>", "</text><url>http://a.example</url>"),
        request(CARD.format(fields='<name>Ann</name><phone cell="79030000001"/>')),
        request(VIBER.format(fields="<sender_viber>S</sender_viber><text_viber>T</text_viber>")),
        document().replace('"79030000001"', '"79030000001234"'),
        document().replace('"500001"', '"9223372036854775807"'),
        document(text='Line one\\nline two & < > " 😀'),
        document().replace("number_sms=", 'time_send="" number_sms='),
        document().replace("number_sms=", 'time_send="2031-12-31 12:34" number_sms='),
    ],
)
def test_what_the_provider_documents_has_no_finding(simulator: RunningSimulator, body: str) -> None:
    assert post(simulator.url, body).texts == ["send"]
    assert findings_of(simulator) == []


def test_one_bad_line_does_not_stop_the_others(simulator: RunningSimulator) -> None:
    answer = post(simulator.url, document(3).replace('"79030000002"', '"no number"'))
    assert answer.texts == ["send", "Specify phone number", "send"]
    assert simulator.ledger()["charged"] == 2


def test_the_log_has_one_line_per_document_and_no_phone() -> None:
    told: list[str] = []
    with running_simulator(tell=told.append) as simulator:
        post(simulator.url, document(30).replace("client_id_sms", "id").replace('phone="7', 'phone="+7'))
    (only,) = told
    assert only.startswith("request 1 send: ")
    assert "line 1, 2, 3, 4, 5 and 25 more" in only
    assert "7903" not in only
