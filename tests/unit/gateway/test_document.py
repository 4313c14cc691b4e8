"""Documents: golden bytes for every kind, what is escaped, what is refused, and what reads back."""

from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from models.content import (
    KINDS,
    Content,
    FlashSms,
    Silence,
    Sms,
    SmsViber,
    VCard,
    Viber,
    ViberSms,
    WapPush,
    to_json,
)
from models.wording import Wordings
from tests.support.submissions import submission_of
from worker.core.messages import Line, Lines, Message, Submission
from worker.errors import ConfigurationError, RenderError
from worker.gateway.document import Credentials, build, masked

GOLDEN = Path(__file__).parents[2] / "data" / "gateway" / "requests"
LOGIN = Credentials(login="LOGIN", password="PASSWORD")
TOKEN = Credentials(token="TOKEN")

VIBER_LEG = {
    "sender_viber": "Shop",
    "text_viber": "Hello",
    "button_viber": "Open",
    "action_viber": "https://example.com/?a=1&b=2",
    "image_viber": "https://example.com/a.png",
}
CONTENTS: dict[str, Content] = {
    "sms": Sms("SHOP", "Line one\nline two: <\"Tom\" & 'Jerry'> Привет 👋"),
    "flashsms": FlashSms("SHOP", "Look"),
    "silence": Silence("SHOP"),
    "wappush": WapPush("SHOP", "Our site", "https://example.com/?a=1&b=2"),
    "vcard": VCard(
        "SHOP",
        name='Ann "A" Lee',
        url="https://example.com",
        cell="79000000003",
        work="79000000004",
        fax="79000000005",
        email="ann@example.com",
        position="Head",
        organization="Lee & Sons",
        post_office_box="12",
        street="Main <street>",
        city="Town",
        region="Region",
        postal_code="101000",
        country="Country",
        additional="More\r\nof it",
    ),
    "viber": Viber(**VIBER_LEG),
    "viber-sms": ViberSms(sender="SHOP", text="Hello by SMS", **VIBER_LEG),
    "sms-viber": SmsViber(sender="SHOP", text="Hello by SMS", sender_viber="Shop", text_viber="Hello"),
}


def line(number: int, msisdn: str = "79000000001", send_key: str = "5000001") -> Line:
    return Line(number=number, position=number, msisdn=msisdn, send_key=send_key)


def one(content: Content, *lines: Line) -> Submission:
    return submission_of(Message(content, lines or (line(1),)))


def text_of(content: Content, credentials: Credentials = LOGIN) -> str:
    return build(one(content), credentials).decode()


@pytest.mark.parametrize("kind", KINDS)
def test_document_of_each_kind_is_the_golden_one(kind: str) -> None:
    two = (line(1), line(2, "79000000002", "5000002"))
    built = build(one(CONTENTS[kind], *two), LOGIN)
    assert built == (GOLDEN / f"{kind}.xml").read_bytes().rstrip(b"\n")


def test_document_with_several_messages_and_a_token_is_the_golden_one() -> None:
    submission = submission_of(
        Message(Sms("SHOP", "Hello Ann"), (line(1), line(2, "79000000002", "5000002"))),
        Message(Sms("SHOP", "Hello Bob"), (line(3, "79000000003", "5000003"),)),
    )
    assert build(submission, TOKEN) == (GOLDEN / "personalised.xml").read_bytes().rstrip(b"\n")


@pytest.mark.parametrize("line_break", ["\r\n", "\r", "\n", "\u0085", "\u2028", "\u2029"])
def test_line_break_travels_as_backslash_n_and_the_document_is_one_line(line_break: str) -> None:
    for content in (
        Sms("SHOP", f"one{line_break}two"),
        VCard("SHOP", name="Ann", city=f"one{line_break}two"),
        VCard("SHOP", name="Ann", cell=f"one{line_break}two"),
    ):
        document = text_of(content)
        assert r"one\ntwo" in document
        assert len(document.splitlines()) == 1


def test_line_break_at_the_end_is_not_lost() -> None:
    assert r"<text>one\n\n</text>" in text_of(Sms("SHOP", "one\n\n"))


def test_text_cannot_pose_as_markup() -> None:
    document = text_of(Sms("<abonent/>", '<abonent/></text><abonent phone="1"/>&#10;'))
    assert document.count("<abonent") == 1


@pytest.mark.parametrize("bad", ["\0", "\x07", "\x0b", "\ud800", "\ufffe", "\uffff"])
def test_character_that_xml_cannot_carry_builds_nothing(bad: str) -> None:
    with pytest.raises(RenderError) as caught:
        build(submission_of(Message(Sms("SHOP", "fine"), (line(1),)), Message(Sms("SHOP", bad), (line(2),))), LOGIN)
    assert bad not in str(caught.value)


@pytest.mark.parametrize("bad", ["", "+79000000001", "7900 000", '7"/><x y="', "٣", "²", "1" * 15, "79000000001\n"])
def test_phone_that_is_not_digits_builds_nothing(bad: str) -> None:
    with pytest.raises(RenderError, match="position 1") as caught:
        build(one(Sms("SHOP", "fine"), line(1, msisdn=bad)), LOGIN)
    assert not bad or bad not in str(caught.value)


@pytest.mark.parametrize("bad", ["", "a1", "1" * 20, "-1", "1 "])
def test_key_that_is_not_digits_builds_nothing(bad: str) -> None:
    with pytest.raises(RenderError, match="the key"):
        build(one(Sms("SHOP", "fine"), line(1, send_key=bad)), LOGIN)


def test_secrets_are_escaped_and_stand_last() -> None:
    document = text_of(Sms("SHOP", "fine"), Credentials(login='a"b', password="<&>"))
    assert document.endswith(
        '<security><login value="a&quot;b"/><password value="&lt;&amp;&gt;"/></security></request>'
    )


def test_masked_document_differs_in_its_secrets_only() -> None:
    for credentials, secrets in ((LOGIN, ("LOGIN", "PASSWORD")), (TOKEN, ("TOKEN",))):
        open_document = build(one(CONTENTS["sms"]), credentials).decode()
        for secret in secrets:
            open_document = open_document.replace(f'value="{secret}"', 'value="***"')
        assert masked(one(CONTENTS["sms"]), credentials).decode() == open_document


def test_credentials_hide_in_their_repr() -> None:
    assert "PASSWORD" not in repr(LOGIN) and "LOGIN" not in repr(LOGIN) and "TOKEN" not in repr(TOKEN)


def test_token_goes_before_login_and_password() -> None:
    document = text_of(CONTENTS["sms"], Credentials(login="LOGIN", password="PASSWORD", token="TOKEN"))
    assert "TOKEN" in document and "LOGIN" not in document


@pytest.mark.parametrize(
    "incomplete", [{}, {"login": "a"}, {"password": "a"}, {"login": "a", "password": ""}, {"token": ""}]
)
def test_incomplete_credentials_are_refused(incomplete: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="give a token, or a login with its password"):
        Credentials(**incomplete)


def test_credentials_that_xml_cannot_carry_are_refused_without_being_shown() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Credentials(login="a", password="secret\x07")
    assert "secret" not in str(caught.value)


TEXT = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff\u2028\u2029"), min_size=1
)
OPTIONAL = st.none() | TEXT


@st.composite
def contents(draw: st.DrawFn) -> Content:
    kind: type[Any] = draw(st.sampled_from(list(KINDS.values())))
    made: Content = kind(**{field.name: draw(TEXT if field.default is MISSING else OPTIONAL) for field in fields(kind)})
    return made


@given(content=contents(), count=st.integers(1, 3))
def test_whatever_can_be_sent_reads_back_as_it_was(content: Content, count: int) -> None:
    lines = tuple(line(n, str(79000000000 + n), str(5000000 + n)) for n in range(1, count + 1))
    root = etree.fromstring(build(one(content, *lines), LOGIN))
    message = root[0]
    found: dict[str, str | None] = {}
    for child in message:
        if child.tag in ("phone", "address"):
            found.update((str(name), str(value)) for name, value in child.attrib.items())
        elif child.tag != "abonent":
            found[child.tag] = child.text or ""
    assert found == to_json(content)
    assert [(a.get("phone"), a.get("number_sms"), a.get("client_id_sms")) for a in message.findall("abonent")] == [
        (each.msisdn, str(each.number), each.send_key) for each in lines
    ]
    assert root[-1].tag == "security"


@pytest.mark.parametrize("count", [99, 100, 101, 999, 1000, 1001, 2050])
@pytest.mark.parametrize("personal", [True, False])
def test_nobody_is_lost_between_the_pieces_of_a_large_document(count: int, personal: bool) -> None:
    numbers = range(1, count + 1)
    lines = Lines(numbers, [str(79000000000 + n) for n in numbers], [str(5000000 + n) for n in numbers])
    shared = Sms(sender="Shop", text="Привет & <всем>")
    texts = [f"Привет & <{n}>" for n in numbers] if personal else [shared.text]
    contents = Wordings(shared, {"text": texts} if personal else {})
    sizes = [1] * count if personal else [count]
    root = etree.fromstring(build(Submission(contents, sizes, lines), LOGIN))
    messages = root.findall("message")
    assert [message.findtext("text") for message in messages] == texts
    assert [(a.get("number_sms"), a.get("phone"), a.get("client_id_sms")) for a in root.iter("abonent")] == [
        (str(n), str(79000000000 + n), str(5000000 + n)) for n in numbers
    ]
    assert [len(message.findall("abonent")) for message in messages] == sizes
