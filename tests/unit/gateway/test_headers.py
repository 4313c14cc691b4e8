"""Headers: whatever a server writes into them, reading them raises nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from worker.gateway.headers import charset_of, retry_after


@pytest.mark.parametrize(
    ("content_type", "charset"),
    [
        ("text/xml; charset=utf-8", "utf-8"),
        ("text/xml; charset=utf-8;", "utf-8"),
        ('text/xml;CHARSET = "windows-1251"', "windows-1251"),
        ("text/xml", None),
        ("", None),
        ("text/xml; charset=", None),
    ],
)
def test_charset_is_what_the_content_type_names(content_type: str, charset: str | None) -> None:
    assert charset_of(CaseInsensitiveDict({"content-type": content_type})) == charset


@given(wait=st.text(), date=st.text())
def test_any_retry_after_is_a_wait_or_none(wait: str, date: str) -> None:
    seconds = retry_after({"Retry-After": wait, "Date": date})
    assert seconds is None or seconds >= 0


@pytest.mark.parametrize(
    "date", ["Sun, 22 Nov 2026 10:00:00", "Sun, 22 Nov 99999 10:00:00 GMT", "Sun, 22 Nov 2026 25:00:00 GMT", "1e9"]
)
def test_date_that_is_none_is_ignored(date: str) -> None:
    good = "Sun, 22 Nov 2026 10:00:00 GMT"
    assert retry_after({"Retry-After": date, "Date": good}) is None
    assert retry_after({"Retry-After": good, "Date": date}) is None
