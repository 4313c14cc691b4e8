"""Templates: what they take, what they refuse, and that no recipient gets a hole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ContentError, MissingValue, UnsendableText
from models.template import Template, unsendable

SENDABLE = st.text(st.characters(exclude_categories=["Cs"])).filter(lambda text: unsendable(text) is None)


def test_a_template_takes_the_recipients_values() -> None:
    template = Template("{name}, код {code}: {name}!")

    assert template.names == ("name", "code")
    assert template.render({"name": "Анна", "code": "7", "city": "Омск"}) == "Анна, код 7: Анна!"


def test_a_name_may_be_any_column_header() -> None:
    assert Template("{Имя клиента}").render({"Имя клиента": "Анна"}) == "Анна"
    assert Template("{ name }").names == ("name",)


def test_doubled_braces_are_braces_and_percent_signs_are_themselves() -> None:
    assert Template("{{100%}} %s %(x)s {a}").render({"a": "5%"}) == "{100%} %s %(x)s 5%"


def test_a_value_is_not_a_template_itself() -> None:
    assert Template("{a}").render({"a": "{b} %s"}) == "{b} %s"


@pytest.mark.parametrize("value", ["", " ", "\t\n", "\u00a0"])
def test_a_blank_value_is_no_value(value: str) -> None:
    with pytest.raises(MissingValue) as caught:
        Template("Hi {name}").render({"name": value})

    assert caught.value.name == "name"


def test_an_absent_value_is_named() -> None:
    with pytest.raises(MissingValue, match=r"^no value for \{name\}$"):
        Template("Hi {name}").render({"city": "Омск"})


@pytest.mark.parametrize("text", ["{a.b}", "{a[0]}", "{a!r}", "{a:>10}", "{}", "{ }", "{a{b}}", "{a[}"])
def test_only_plain_names_may_stand_in_braces(text: str) -> None:
    with pytest.raises(ContentError, match=r"^text has "):
        Template(text)


@pytest.mark.parametrize(
    ("text", "place"),
    [("Hi {name", 'character 4, "{name"'), ("Hi name}", 'character 8, "}"'), ("{a}}", 'character 4, "}"')],
)
def test_a_brace_without_its_partner_is_shown_with_its_place(text: str, place: str) -> None:
    with pytest.raises(ContentError, match=r"^text_viber has a brace without its partner") as caught:
        Template(text, field="text_viber")

    assert place in str(caught.value)


@pytest.mark.parametrize("character", ["\0", "\x0b", "\x1f", "\ud83d", "\udc00", "\ufffe", "\uffff"])
def test_what_xml_cannot_carry_is_refused_without_showing_the_value(character: str) -> None:
    with pytest.raises(UnsendableText, match=f"U\\+{ord(character):04X} at character 7") as caught:
        Template("Hi {a}").render({"a": "Yes" + character})

    assert "Yes" not in str(caught.value)


@pytest.mark.parametrize("character", ["\t", "\n", "\r", "\x85", "\u2028", "\ufffd", "😀"])
def test_what_xml_can_carry_is_kept(character: str) -> None:
    assert Template("Hi {a}").render({"a": "Yes" + character}) == "Hi Yes" + character


def test_a_value_inside_a_link_cannot_break_it() -> None:
    link = Template("https://shop.example/{order}?name={name}", url=True)

    assert link.render({"order": "5/6", "name": "Анна & Ко"}) == (
        "https://shop.example/5%2F6?name=%D0%90%D0%BD%D0%BD%D0%B0%20%26%20%D0%9A%D0%BE"
    )


def test_a_value_that_is_the_whole_link_stays_a_link() -> None:
    link = Template("{link}&from={city}", url=True)

    assert link.render({"link": " https://shop.example/a?b=c%20d#e ", "city": "a&b"}) == (
        "https://shop.example/a?b=c%20d#e&from=a%26b"
    )


def test_encoding_does_not_disguise_what_cannot_be_sent() -> None:
    with pytest.raises(UnsendableText, match="U\\+D800"):
        Template("https://shop.example/{a}", url=True).render({"a": "\ud800"})


@given(SENDABLE, st.dictionaries(st.sampled_from(["a", "b", "имя"]), SENDABLE.filter(str.strip), min_size=3))
def test_any_text_around_any_values_comes_out_as_written(text: str, values: dict[str, str]) -> None:
    escaped = text.replace("{", "{{").replace("}", "}}")

    rendered = Template(f"{escaped}{{a}}{escaped}{{имя}}{{b}}").render(values)

    assert rendered == f"{text}{values['a']}{text}{values['имя']}{values['b']}"


@given(st.text(st.sampled_from("{}ab.[]!: "), max_size=12))
def test_any_text_at_all_is_a_template_or_a_content_error(text: str) -> None:
    try:
        template = Template(text)
    except ContentError as error:
        assert "\n" not in str(error)
    else:
        template.render(dict.fromkeys(template.names, "x"))
