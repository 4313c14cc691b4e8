"""Segments: the network's arithmetic at its edges."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.segments import GSM, UCS2, count, count_parts_each


@pytest.mark.parametrize(
    ("text", "encoding", "units", "parts"),
    [
        ("", GSM, 0, 1),
        ("a" * 160, GSM, 160, 1),
        ("a" * 161, GSM, 161, 2),
        ("a" * 306, GSM, 306, 2),
        ("a" * 307, GSM, 307, 3),
        ("€" * 80, GSM, 160, 1),
        ("@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà", GSM, 42, 1),
        ("^{}\\[~]|€", GSM, 18, 1),
        ("я" * 70, UCS2, 70, 1),
        ("я" * 71, UCS2, 71, 2),
        ("я" * 134, UCS2, 134, 2),
        ("я" * 135, UCS2, 135, 3),
        ("😀" * 35, UCS2, 70, 1),
        ("😀" * 36, UCS2, 72, 2),
        ("a\tb", UCS2, 3, 1),
        ("`", UCS2, 1, 1),
    ],
)
def test_a_text_is_counted_as_the_network_counts_it(text: str, encoding: str, units: int, parts: int) -> None:
    counted = count(text)

    assert (counted.encoding, counted.units, counted.parts) == (encoding, units, parts)


def test_an_escape_is_not_split_between_two_parts() -> None:
    assert count("a" * 152 + "€" + "a" * 152).parts == 3  # 306 units that would fill two parts, were it split
    assert count("a" * 151 + "€" + "a" * 153).parts == 2


def test_a_surrogate_pair_is_not_split_between_two_parts() -> None:
    assert count("я" * 66 + "😀" + "я" * 66).parts == 3
    assert count("я" * 65 + "😀" + "я" * 67).parts == 2


@pytest.mark.parametrize("written", ["\n", "\r\n", "\r", "\x85", "\u2028", "\u2029", "\\n"])
def test_a_line_break_is_one_character_in_every_spelling(written: str) -> None:
    assert count(f"a{written}b") == count("a\nb")
    assert count(f"a{written}b").units == 3


def test_the_character_that_forced_unicode_is_named_with_its_cost() -> None:
    counted = count("a" * 100 + "—" + "b" * 20 + "“")

    assert counted.forced_by == "—"
    assert (counted.parts, counted.parts_without) == (2, 1)


def test_a_text_in_another_script_has_no_cheaper_form() -> None:
    counted = count("Здравствуйте! Ваш заказ готов, его можно забрать до конца недели в любое время. Ждём!")

    assert counted.forced_by == "З"
    assert (counted.parts, counted.parts_without) == (2, None)


def test_a_plain_text_was_not_forced() -> None:
    assert count("Hello").forced_by is None


@given(st.text())
def test_parts_have_room_for_all_units_and_none_to_spare(text: str) -> None:
    counted = count(text)

    whole, room = (160, 153) if counted.encoding == GSM else (70, 67)
    assert counted.parts >= 1
    assert (counted.parts == 1) == (counted.units <= whole)
    if counted.parts > 1:
        # A pair that would be split leaves at most one unit of a part empty.
        assert counted.units <= counted.parts * room
        assert counted.units > (counted.parts - 1) * (room - 1)


@given(st.text(st.sampled_from("aя€\n😀"), max_size=400), st.sampled_from("aя€\n"))
def test_a_longer_text_never_costs_less(text: str, more: str) -> None:
    assert count(text + more).parts >= count(text).parts


@given(st.lists(st.text(st.sampled_from("aя€\n\r\u2028\\n😀"), max_size=160)))
@example(["a" * 160, "a" * 161, "я" * 70, "я" * 71, "я" * 135])
@example(["\\", "n" * 160])
def test_many_texts_cost_together_what_each_costs_alone(texts: list[str]) -> None:
    assert count_parts_each(texts) == [count(text).parts for text in texts]
