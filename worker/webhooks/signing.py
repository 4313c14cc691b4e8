"""Signatures as Standard Webhooks has them, and the secrets that they are made with.

No secret is kept: each is derived from BULKPOST_WEBHOOK_SECRET and what is fixed about the webhook.
"""

import hashlib
import hmac
from base64 import b64encode
from datetime import datetime

from standardwebhooks import Webhook

from worker.errors import ConfigurationError


def signing_secret(installation_secret: str, webhook_id: int, created_at: datetime) -> str:
    """Return the secret of one webhook, as its receiver is given it: whsec_ and base64.

    Raises:
        ConfigurationError: the installation has no secret.
    """
    if not installation_secret:
        raise ConfigurationError(
            "BULKPOST_WEBHOOK_SECRET is not set, and webhooks are signed with it: set it to a long random text, such "
            "as openssl rand -base64 32 prints, for this command and for every worker"
        )
    # The moment too: SQLite gives the number of a removed webhook to a new one.
    words = f"bulkpost webhook {webhook_id} {int(created_at.timestamp() * 1_000_000)}"
    derived = hmac.new(installation_secret.encode(), words.encode(), hashlib.sha256).digest()
    return f"whsec_{b64encode(derived).decode()}"


def sign(secret: str, message_id: str, at: datetime, body: str) -> dict[str, str]:
    """Return the headers that prove who sent a body, and when."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, at, body),
    }
