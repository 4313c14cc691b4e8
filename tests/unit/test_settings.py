"""Settings: clocks that nest, every problem at once, secrets that do not show."""

from pathlib import Path

import pytest

from worker.errors import ConfigurationError
from worker.settings import LANE_SECONDS, SPARE_SECONDS, load_settings


def problems(**variables: str) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as refused:
        load_settings({f"BULKPOST_{name}": value for name, value in variables.items()})
    return refused.value.problems


def test_defaults_are_those_of_the_contract() -> None:
    settings = load_settings({})
    assert settings.database_url == "sqlite:///bulkpost.db"
    assert settings.broker_url == "memory://"
    assert settings.gateway_url == "http://lk.mysmpp.ru/xml"
    waits = (settings.connect_timeout_seconds, settings.read_timeout_seconds, settings.lease_seconds)
    assert (*waits, settings.retry_base_seconds, settings.max_attempts) == (10, 120, 180, 65, 8)
    assert (settings.doubt_limit_seconds, settings.tick_seconds, settings.default_region) == (86400, 1, "RU")


def test_clocks_nest_in_every_accepted_setting() -> None:
    for variables in ({}, {"BULKPOST_LEASE_SECONDS": "7200"}, {"BULKPOST_READ_TIMEOUT_SECONDS": "165"}):
        settings = load_settings(variables)
        posting = settings.connect_timeout_seconds + settings.read_timeout_seconds
        assert posting + SPARE_SECONDS <= settings.lease_seconds
        assert LANE_SECONDS + settings.lease_seconds < settings.task_limit_seconds
        assert 2 * settings.task_limit_seconds <= settings.visibility_timeout_seconds >= 3600


def test_lease_shorter_than_one_post_is_refused_with_the_least_that_will_do() -> None:
    (problem,) = problems(LEASE_SECONDS="134")
    assert problem.startswith("BULKPOST_LEASE_SECONDS is 134:")
    assert "at least 135" in problem


def test_quick_retry_is_refused_in_production_only() -> None:
    assert load_settings({"BULKPOST_RETRY_BASE_SECONDS": "1"}).retry_base_seconds == 1
    (problem,) = problems(RETRY_BASE_SECONDS="60.9", ENVIRONMENT="production")
    assert "BULKPOST_RETRY_BASE_SECONDS is 60.9" in problem


def test_every_wrong_value_is_named_at_once() -> None:
    found = problems(MAX_ATTEMPTS="many", TIME_ZONE="Moscow", LOG_LEVEL="loud")
    assert [problem.split(":")[0] for problem in found] == [
        "BULKPOST_MAX_ATTEMPTS",
        "BULKPOST_TIME_ZONE",
        "BULKPOST_LOG_LEVEL",
    ]


def test_account_default_reads_the_plain_variables_and_others_their_own() -> None:
    settings = load_settings(
        {
            "BULKPOST_LOGIN": "first",
            "BULKPOST_PASSWORD": "secret",
            "BULKPOST_ACCOUNT_NIGHT_SHIFT_TOKEN": "t0ken",
        }
    )
    default, night = settings.credentials("default"), settings.credentials("night-shift")
    assert default is not None
    assert (default.login, default.password) == ("first", "secret")
    assert night is not None
    assert night.token == "t0ken"
    assert settings.credentials("other") is None
    shown = repr(settings) + repr(default) + repr(night) + str(settings)
    assert "secret" not in shown
    assert "t0ken" not in shown


def test_secret_from_a_file_is_read_without_its_last_line_break(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("s3cret\n", encoding="utf-8")
    settings = load_settings({"BULKPOST_LOGIN": "me", "BULKPOST_PASSWORD_FILE": str(secret)})
    found = settings.credentials("default")
    assert found is not None
    assert found.password == "s3cret"


def test_missing_secret_file_is_named() -> None:
    (problem,) = problems(TOKEN_FILE="/nowhere/token")
    assert problem.startswith("BULKPOST_TOKEN_FILE names /nowhere/token, which cannot be read")


@pytest.mark.parametrize(
    ("url", "environment", "free"),
    [
        ("http://127.0.0.1:8080/xml", "development", True),
        ("http://[::1]:8080/xml", "development", True),
        ("http://localhost/xml", "staging", True),
        ("http://lk.mysmpp.ru/xml", "development", False),
        ("http://127.0.0.1.example.com/xml", "development", False),
        ("http://simulator:8080/xml", "development", True),
        ("http://lk.mysmpp.ru/xml", "production", True),
    ],
)
def test_fence_lets_out_only_to_loopback_allowed_gateways_and_in_production(
    url: str, environment: str, free: bool
) -> None:
    settings = load_settings({"BULKPOST_ENVIRONMENT": environment, "BULKPOST_ALLOWED_GATEWAYS": "Simulator, other"})
    fence = settings.fence(url)
    assert fence.allows("79030000001") is free
    assert fence.forbids_everything is not free


@pytest.mark.parametrize(
    "url",
    [
        "http://lk.mysmpp.ru\\@127.0.0.1/xml",
        "http://lk.mysmpp.ru:80\\@localhost:8080/xml",
        "http://lk.mysmpp.ru\t@127.0.0.1/xml",
        "http://[127.0.0.1/xml",
    ],
)
def test_fence_keeps_in_where_the_client_may_read_another_host_out_of_the_address(url: str) -> None:
    assert load_settings({}).fence(url).forbids_everything


def test_fence_lets_out_allowed_numbers_in_any_spelling() -> None:
    settings = load_settings({"BULKPOST_ALLOWED_NUMBERS": "+7 903 000-00-01, 79030000002"})
    fence = settings.fence("http://lk.mysmpp.ru/xml")
    assert [fence.allows(number) for number in ("79030000001", "79030000002", "79030000003")] == [True, True, False]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("CONNECT_TIMEOUT_SECONDS", "0", "must be a number above 0, 600 at most"),
        ("CONNECT_TIMEOUT_SECONDS", "nan", "must be a number above 0, 600 at most"),
        ("CONNECT_TIMEOUT_SECONDS", "soon", "must be a number above 0, 600 at most"),
        ("TICK_SECONDS", "0.01", "must be a number from 0.05, 60 at most"),
        ("MAX_ATTEMPTS", "0", "must be a whole number from 1 to 1000"),
        ("MAX_ATTEMPTS", "1.5", "must be a whole number from 1 to 1000"),
        ("DEFAULT_REGION", "ru", "must be two capital letters"),
        ("ENVIRONMENT", "staging\n", "must be a short word in lower case"),
        ("LOG_FORMAT", "JSON", "must be one of auto, json, text"),
        ("TIME_ZONE", "Europe", "is not a time zone: use a name such as Europe/Moscow"),
    ],
)
def test_value_out_of_its_range_is_told_with_the_range(name: str, value: str, words: str) -> None:
    assert problems(**{name: value}) == (f'BULKPOST_{name}: "{value}": {words}',)


def test_secret_that_is_too_short_is_refused_and_not_shown() -> None:
    (problem,) = problems(WEBHOOK_SECRET="hunter2")
    assert problem.startswith("BULKPOST_WEBHOOK_SECRET: is too short to keep a secret")


def test_what_overrides_is_checked_too() -> None:
    assert load_settings({"BULKPOST_LOG_LEVEL": "info"}, log_level="error").log_level == "ERROR"
    with pytest.raises(ConfigurationError, match="BULKPOST_TICK_SECONDS"):
        load_settings({}, tick_seconds=0)
