"""The account's clock: from what it shows to its offset from UTC."""

from datetime import UTC, datetime

import pytest

from worker.gateway.clock import offset_minutes, time_url

NOW = datetime(2026, 11, 22, 23, 30, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("shown", "minutes"),
    [
        ("2026-11-23 02:30:05", 180),
        ("02:30:40", 180),
        ("23:30:12", 0),
        ("05:00:00", 330),
        ("2026-11-22 18:30:00", -300),
        ("18:29:00", -300),
        ("2026-11-23 02:36:00", 180),
    ],
)
def test_offset_is_rounded_to_a_quarter_of_an_hour(shown: str, minutes: int) -> None:
    assert offset_minutes(shown, NOW) == minutes


@pytest.mark.parametrize("shown", ["", "noon", "2026-11-22"])
def test_what_shows_no_time_is_refused(shown: str) -> None:
    with pytest.raises(ValueError):
        offset_minutes(shown, NOW)


def test_time_is_asked_for_beside_the_address_of_documents() -> None:
    assert time_url("https://host:8443/xml/") == time_url("https://host:8443/xml") == "https://host:8443/xml/time.php"
