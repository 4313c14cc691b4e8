"""Signatures: the reference library takes ours, and a receiver's secret is its own."""

from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from models.session import database_clock, open_engine, open_sessions
from worker.errors import ConfigurationError
from worker.webhooks.signing import sign, signing_secret

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
OURS = "0123456789abcdef"


def now() -> datetime:
    with open_sessions(open_engine("sqlite://"))() as session:
        return database_clock(session)


def test_the_reference_library_verifies_what_was_signed() -> None:
    secret = signing_secret(OURS, 1, NOON)
    headers = sign(secret, "msg_1", now(), '{"name":"Анна"}')
    assert Webhook(secret).verify('{"name":"Анна"}'.encode(), headers) == {"name": "Анна"}


def test_a_body_that_was_changed_is_not_verified() -> None:
    secret = signing_secret(OURS, 1, NOON)
    headers = sign(secret, "msg_1", now(), "{}")
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(b"[]", headers)


def test_every_webhook_has_a_secret_of_its_own() -> None:
    secrets = {
        signing_secret(ours, webhook_id, at)
        for ours in (OURS, f"{OURS}0")
        for webhook_id in (1, 2)
        for at in (NOON, NOON + timedelta(microseconds=1))
    }
    assert len(secrets) == 8
    assert all(one.startswith("whsec_") for one in secrets)


def test_without_the_installations_secret_nothing_is_signed() -> None:
    with pytest.raises(ConfigurationError, match="BULKPOST_WEBHOOK_SECRET is not set"):
        signing_secret("", 1, NOON)
