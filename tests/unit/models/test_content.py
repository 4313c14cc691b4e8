"""Contents: what is refused before the provider can, and what rendering makes of the rest."""

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    check,
    expected_segments,
    from_json,
    to_json,
    variable_names,
    warnings,
)
from models.errors import ContentError, MissingValue, UnsendableText
from models.wording import compile_content

GOOD: list[Content] = [
    Sms("Shop", "Hello"),
    Sms("123456789012345", "Hello"),
    Sms("Shop & Co", "Hello"),
    FlashSms("Shop", "Hello {name}"),
    Silence("Shop"),
    Silence("Shop", "x"),
    WapPush("Shop", "Look", "https://shop.example/{id}"),
    VCard("Shop", "Anna", cell="79000000001"),
    Viber("Shop", "Hello"),
    Viber("Shop", "Hello", "Open", "https://shop.example"),
    ViberSms("Shop", "Hello", "Shop", "Hello", "Open", "https://shop.example", "https://shop.example/a.png"),
    SmsViber("Shop", "Hello", "Shop", "Hello"),
]


@pytest.mark.parametrize("content", GOOD, ids=lambda content: content.kind)
def test_what_the_provider_would_take_is_taken(content: Content) -> None:
    check(content)


@pytest.mark.parametrize(
    ("content", "field", "mend"),
    [
        (Sms("", "Hello"), "sender is empty", "up to 11 characters"),
        (Sms("SuperLongSender", "Hello"), 'sender "SuperLongSender" has 15 characters', "shorten it"),
        (Sms("1234567890123456", "Hello"), 'sender "1234567890123456" has 16 characters', "15 if all are digits"),
        (Sms("+79000000001", "Hello"), 'sender "+79000000001" has 12 characters', "shorten it"),
        (Sms("{shop}", "Hello"), 'sender "{shop}" has a brace', "write it out"),
        (Sms(" Shop", "Hello"), "sender ' Shop' has a blank", "remove it"),
        (Sms("Sh\nop", "Hello"), "sender 'Sh\\nop'", "remove it"),
        (Sms("Shop", ""), "text is empty", "write what the message says"),
        (Sms("Shop", " \n"), "text is empty", "write what the message says"),
        (Sms("Shop", "Hello {name"), "text has a brace", "{name}"),
        (Sms("Shop", "a\0"), "text has U+0000 at character 2", "remove it"),
        (Silence("", ""), "sender is empty", "name who"),
        (WapPush("Shop", "Look", ""), "url is empty", "give the link"),
        (WapPush("Shop", "", "https://shop.example"), "text is empty", "write"),
        (VCard("Shop", ""), "name is empty", "give the name"),
        (VCard("Shop", "Anna"), "needs one more field", "add cell or email"),
        (VCard("Shop", "Anna", email=" "), "email is empty", "leave it out"),
        (Viber("", "Hello"), "sender_viber is empty", "name who"),
        (Viber("Shop", ""), "text_viber is empty", "write"),
        (Viber("Shop", "Hello", button_viber="Open"), 'button_viber "Open" opens nothing', "action_viber"),
        (Viber("Shop", "Hello", action_viber="https://a"), 'action_viber "https://a" has no button', "button_viber"),
        (ViberSms("Shop", "Hello", "Shop", ""), "text is empty", "write"),
        (SmsViber("Shop", "Hello", "", "Hello"), "sender_viber is empty", "name who"),
    ],
)
def test_what_the_provider_would_refuse_is_refused_in_one_line(content: Content, field: str, mend: str) -> None:
    with pytest.raises(ContentError) as caught:
        check(content)

    assert str(caught.value).startswith(field) or field in str(caught.value)
    assert mend in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_viber_sender_has_no_limit_of_sms() -> None:
    check(Viber("A shop with a long name", "Hello"))


def test_what_is_known_of_other_installations_only_warns() -> None:
    content = Viber("Shop", "a" * 1001, "a" * 20, "https://a", "https://b")

    check(content)
    assert len(warnings(content)) == 2
    assert "picture" in warnings(Viber("Shop", "Hello", image_viber="https://a"))[0]
    assert warnings(Sms("Shop", "Hello")) == ()


@pytest.mark.parametrize("content", GOOD, ids=lambda content: content.kind)
def test_a_content_survives_json(content: Content) -> None:
    assert from_json(content.kind, json.loads(json.dumps(to_json(content)))) == content


@pytest.mark.parametrize(
    ("kind", "mapping", "message"),
    [
        ("smss", {}, 'there is no kind "smss" (did you mean "sms"?)'),
        ("sms", {"sendr": "Shop"}, 'no field "sendr" (did you mean "sender"?)'),
        ("sms", {"sender": "Shop"}, "text is missing: write what"),
        ("sms", {"sender": "Shop", "text": None}, "text is missing: write what"),
        ("sms", {"sender": 5, "text": "Hello"}, "sender is not a text but int"),
        ("vcard", {"sender": "Shop", "name": "Anna", "url": ["a"]}, "url is not a text but list"),
    ],
)
def test_wrong_json_is_named(kind: str, mapping: dict[str, object], message: str) -> None:
    with pytest.raises(ContentError) as caught:
        from_json(kind, mapping)

    assert message in str(caught.value)


def test_an_optional_field_that_is_null_is_left_out() -> None:
    given_null = from_json("viber", {"sender_viber": "Shop", "text_viber": "Hello", "button_viber": None})

    assert given_null == Viber("Shop", "Hello")
    assert "button_viber" not in to_json(given_null)


def test_the_names_of_all_fields_are_found_once_in_order() -> None:
    content = ViberSms("Shop", "{b} {a}", "Shop", "{a} {c}", "{d}", "https://shop.example/{b}")

    assert variable_names(content) == ("b", "a", "c", "d")


def test_rendering_fills_every_field_and_encodes_links_only() -> None:
    content = WapPush("Shop", "Look, {name}", "https://shop.example/{name}")

    assert compile_content(content).render({"name": "a b"}) == WapPush(
        "Shop", "Look, a b", "https://shop.example/a%20b"
    )


def test_a_content_without_names_is_one_object_for_everybody() -> None:
    compiled = compile_content(Sms("Shop", "50 {{%}}"))

    first = compiled.render({})
    assert first == Sms("Shop", "50 {%}")
    assert compiled.render({"name": "Anna"}) is first


def test_a_recipient_without_a_value_is_refused_and_the_next_is_not() -> None:
    compiled = compile_content(Sms("Shop", "Hello {name}"))

    with pytest.raises(MissingValue):
        compiled.render({"name": " "})
    with pytest.raises(UnsendableText):
        compiled.render({"name": "\0"})
    assert compiled.render({"name": "Anna"}) == Sms("Shop", "Hello Anna")


def test_segments_are_forecast_for_the_sms_leg_only() -> None:
    assert expected_segments(Sms("Shop", "a" * 161)) == 2
    assert expected_segments(Silence("Shop")) == 1
    assert expected_segments(ViberSms("Shop", "a" * 500, "Shop", "Hello")) == 1
    assert expected_segments(Viber("Shop", "Hello")) is None
    assert expected_segments(VCard("Shop", "Anna", cell="79000000001")) is None


def test_every_kind_has_the_fields_of_the_contract() -> None:
    names = {field.name for kind in KINDS.values() for field in fields(kind)}

    assert names == {
        *("sender", "text", "url", "name", "cell", "work", "fax", "email", "position", "organization"),
        *("post_office_box", "street", "city", "region", "postal_code", "country", "additional"),
        *("sender_viber", "text_viber", "button_viber", "action_viber", "image_viber"),
    }
    assert list(KINDS) == ["sms", "flashsms", "silence", "wappush", "vcard", "viber", "viber-sms", "sms-viber"]


TEXTS = st.text(st.sampled_from("aя {}%&<\0\n1"), max_size=20)


@given(st.data(), st.sampled_from(list(KINDS.values())))
def test_what_check_passes_can_be_rendered(data: st.DataObject, kind: Any) -> None:
    content = kind(*[data.draw(TEXTS) for _ in fields(kind)])
    try:
        check(content)
    except ContentError:
        return
    compiled = compile_content(content)
    rendered = compiled.render(dict.fromkeys(compiled.names, "x"))

    assert from_json(content.kind, to_json(content)) == content
    assert rendered.kind == content.kind
    assert all(value.strip() or name == "text" for name, value in to_json(rendered).items())


def test_contents_are_values() -> None:
    assert replace(Sms("Shop", "Hello"), text="Bye") == Sms("Shop", "Bye")
    assert len({Sms("Shop", "Hello"), Sms("Shop", "Hello")}) == 1
