"""Keys: sixteen digits that no two recipients share, whatever the sizes of their campaigns."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.campaign import LARGEST_CAMPAIGN
from models.ledger.keys import KEY_DIGITS, new_prefix, read_key, send_key

totals = st.integers(1, LARGEST_CAMPAIGN) | st.sampled_from([1, 9, 10, 99, 100, 999_999, 1_000_000, LARGEST_CAMPAIGN])


@st.composite
def campaigns(draw: st.DrawFn) -> tuple[str, int]:
    """A prefix as `new_prefix` draws it (any digits it could have drawn), and a position of the campaign."""
    total = draw(totals)
    width = len(str(total))
    digits = KEY_DIGITS - 1 - width
    prefix = f"{width}{draw(st.integers(0, 10**digits - 1)):0{digits}d}"
    return prefix, draw(st.integers(1, total))


@given(campaigns(), campaigns())
def test_two_recipients_share_a_key_only_if_they_are_one(one: tuple[str, int], other: tuple[str, int]) -> None:
    assert (send_key(*one) == send_key(*other)) == (one == other)


@given(totals, st.data())
def test_a_key_has_sixteen_digits_that_a_float_holds(total: int, data: st.DataObject) -> None:
    key = send_key(new_prefix(total), data.draw(st.integers(1, total)))
    assert len(key) == KEY_DIGITS
    assert key.isascii()
    assert key.isdecimal()
    assert int(key) < 2**53
    assert int(float(key)) == int(key)
    assert str(int(key)) == key


@given(campaigns())
def test_a_key_tells_campaign_and_position(one: tuple[str, int]) -> None:
    assert read_key(send_key(*one)) == one


@given(st.text("0123456789", max_size=20) | st.text(max_size=20))
def test_what_is_read_is_what_was_written(key: str) -> None:
    found = read_key(key)
    if found is not None:
        assert send_key(*found) == key


@pytest.mark.parametrize("foreign", ["", "1", "0" * 16, "8" * 16, "1" * 15, "1" * 17, "1" * 15 + "x", "1" * 15 + "٣"])
def test_a_caller_s_own_key_is_not_read_as_ours(foreign: str) -> None:
    assert read_key(foreign) is None


@pytest.mark.parametrize("total", [0, -1, LARGEST_CAMPAIGN + 1])
def test_a_campaign_that_cannot_be_has_no_keys(total: int) -> None:
    with pytest.raises(ValueError, match=f"a campaign of {total} recipients has no keys"):
        new_prefix(total)


def test_the_prefix_leaves_as_many_digits_as_the_last_position_needs() -> None:
    assert [len(new_prefix(total)) for total in (9, 10, LARGEST_CAMPAIGN)] == [15, 14, 9]
    assert [new_prefix(total)[0] for total in (9, 10, LARGEST_CAMPAIGN)] == ["1", "2", "7"]


def test_two_campaigns_of_one_size_draw_different_prefixes() -> None:
    assert len({new_prefix(1000) for _ in range(200)}) == 200
