"""Phone numbers in the spellings that people and spreadsheets use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.intake.phones import (
    NO_NUMBER,
    NOT_A_NUMBER,
    TOO_LONG,
    TOO_SHORT,
    TWO_NUMBERS,
    UNASSIGNED,
    PhoneReader,
)

RUSSIA = PhoneReader("RU")


@pytest.mark.parametrize(
    "spelled",
    [
        "79033256699",
        "+79033256699",
        "+7 903 325-66-99",
        "8 (903) 325-66-99",
        "89033256699",
        "9033256699",
        "(903) 325 66 99",
        "8.903.325.66.99",
        "(+7) 903 325-66-99",
        "( +7 903) 325-66-99",
        "8-903-325-66-99",
        "+7\u00a0903\u00a0325‑66–99",
        "\u202a+7 903 325 66 99\u202c",
        "\ufeff79033256699",
        " 79033256699\t",
        "0079033256699",
        "79033256699.0",
        "79033256699,00",
        "9033256699.0",
        '="79033256699"',
        '="+7 (903) 325-66-99"',
        "'79033256699",
        "7.9033256699E+10",
        "7,9033256699e+10",
        "+7.9033256699E10",
    ],
)
def test_every_spelling_of_a_number_is_the_same_number(spelled: str) -> None:
    assert RUSSIA.read(spelled) == ("79033256699", None)


@pytest.mark.parametrize(
    ("spelled", "digits"),
    [
        ("+375 29 123-45-67", "375291234567"),
        ("380501234567", "380501234567"),
        ("+7 701 123 45 67", "77011234567"),
        ("8 (495) 123-45-67", "74951234567"),
        ("8 (863) 212-34-56", "78632123456"),
        ("+49 30 1234567", "49301234567"),
        ("00 44 7911 123456", "447911123456"),
        ("810 380 50 123 45 67", "380501234567"),
    ],
)
def test_numbers_of_other_countries_are_read_too(spelled: str, digits: str) -> None:
    assert RUSSIA.read(spelled) == (digits, None)


@pytest.mark.parametrize(
    ("spelled", "problem"),
    [
        ("", NO_NUMBER),
        (" \u00a0", NO_NUMBER),
        ("нет", NOT_A_NUMBER),
        ("8-800-FLOWERS", NOT_A_NUMBER),
        ("8 903 325 66 99 доб. 12", NOT_A_NUMBER),
        ("7903325669O", NOT_A_NUMBER),
        ("-", NOT_A_NUMBER),
        ("７９０３３２５６６９９", NOT_A_NUMBER),
        ("12345", TOO_SHORT),
        ("3256699", TOO_SHORT),
        ("7903325669", UNASSIGNED),
        ("71111111111", UNASSIGNED),
        ("790332566999", UNASSIGNED),
        ("790332566991234", TOO_LONG),
        ("79033256699, 79033256698", TWO_NUMBERS),
        ("79033256699;79033256698", TWO_NUMBERS),
        ("79033256699/79033256698", TWO_NUMBERS),
        ("79033256699\n79033256698", TWO_NUMBERS),
        ("79033256699 79033256698", TWO_NUMBERS),
        ("+79033256699+79033256698", TWO_NUMBERS),
        ("8 (903) 325-66-99 или 8 (903) 325-66-98", TWO_NUMBERS),
        ("8 903 325 66 99 8 903 325 66 98", TWO_NUMBERS),
        ("79033256699.5", NOT_A_NUMBER),
        ("903325669.5", NOT_A_NUMBER),
    ],
)
def test_what_is_not_one_number_is_refused_with_the_reason(spelled: str, problem: str) -> None:
    assert RUSSIA.read(spelled) == (None, problem)


@pytest.mark.parametrize("spelled", ["7.90300E+10", "7,903E+10", "7.90332566E+10", "7E+10", "7.903e10", "7,903Е+10"])
def test_a_number_that_lost_digits_in_a_spreadsheet_is_never_guessed(spelled: str) -> None:
    msisdn, problem = RUSSIA.read(spelled)

    assert msisdn is None
    assert problem == f"spreadsheet damage: the number lost its digits ({spelled})"


def test_the_default_region_decides_what_a_number_without_country_is() -> None:
    assert PhoneReader("DE").read("030 1234567") == ("49301234567", None)
    assert PhoneReader("us").read("(202) 555-0123") == ("12025550123", None)
    assert PhoneReader("KZ").read("8 701 123 45 67") == ("77011234567", None)


def test_plain_digits_are_not_taken_for_russian_where_they_are_a_number_of_the_region() -> None:
    assert not PhoneReader("DE").are_plain(["79033256699"])
    assert PhoneReader("DE").read("+79033256699") == ("79033256699", None)
    assert PhoneReader("BY").are_plain(["79033256699"])


@pytest.mark.parametrize(
    "odd", ["", "7903325669", "790332566999", "89033256699", "+79033256699", "79033256699 ", "7903325669९"]
)
def test_cells_are_plain_only_if_each_of_them_is(odd: str) -> None:
    assert RUSSIA.are_plain(["79033256699", "79033256600"])
    assert not RUSSIA.are_plain(["79033256699", odd])


def test_a_cell_with_two_plain_numbers_is_not_plain() -> None:
    assert not RUSSIA.are_plain(["79033256699\n79033256600"])
    assert not RUSSIA.are_plain(["79033256699\n79033256600", ""])


@given(st.integers(min_value=9_000_000_000, max_value=9_999_999_999), st.data())
def test_punctuation_never_changes_which_number_is_meant(national: int, data: st.DataObject) -> None:
    between = st.sampled_from(["", " ", "-", ".", "\u00a0"])
    spelled = data.draw(st.sampled_from(["+7", "8", "7", ""]))
    spelled += "".join(data.draw(between) + digit for digit in str(national))

    assert RUSSIA.read(spelled)[0] in (f"7{national}", None)
    assert RUSSIA.read(spelled.replace(".", " "))[0] == f"7{national}"


@given(st.text())
def test_any_cell_at_all_is_a_number_or_a_reason(cell: str) -> None:
    msisdn, problem = RUSSIA.read(cell)

    assert (msisdn is None) != (problem is None)
    assert msisdn is None or (msisdn.isascii() and msisdn.isdigit() and 8 <= len(msisdn) <= 14)


@given(st.text(st.sampled_from("0123456789+-() .,eE/;"), max_size=30))
def test_any_mixture_of_digits_and_signs_is_a_number_or_a_reason(cell: str) -> None:
    msisdn, problem = RUSSIA.read(cell)

    assert (msisdn is None) != (problem is None)
