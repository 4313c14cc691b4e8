"""Reading the simulator's ledger, where a gateway is the simulator.

A gateway is recognised by what it answers at `/bulkpost-simulator`; only then is the rest of that path used. So a real
one is asked that much, and only where the fence lets through to it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests

CONTROL_PATH = "/bulkpost-simulator"
PAGE = 20_000
TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Charge:
    """One message that the simulator charged."""

    send_key: str
    provider_message_id: str
    msisdn: str
    segments: int


def is_simulator(gateway_url: str) -> bool:
    """Say whether the gateway at this address is the simulator; False where nobody answers."""
    found = _get(gateway_url, "")
    return isinstance(found, dict) and "bulkpost-simulator" in str(found.get("name", ""))


def read_counters(gateway_url: str) -> dict[str, int]:
    """Return what the simulator has counted in this run; empty where it does not answer."""
    found = _get(gateway_url, "")
    return dict(found["counters"]) if isinstance(found, dict) else {}


def read_charges(gateway_url: str) -> Iterator[Charge]:
    """Yield everything that the simulator charged, a page in memory at a time."""
    after: int | None = 0
    while after is not None:
        page = _get(gateway_url, f"/ledger?after={after}&limit={PAGE}")
        for message in page["messages"]:
            yield Charge(
                send_key=message["client_id_sms"] or "",
                provider_message_id=str(message["id_sms"]),
                msisdn=str(message["phone"]),
                segments=int(message["parts"]),
            )
        after = page["next"]


def _get(gateway_url: str, path: str) -> Any:
    parts = urlsplit(gateway_url)
    root = urlunsplit((parts.scheme, parts.netloc, CONTROL_PATH, "", ""))
    try:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(root + path, timeout=TIMEOUT_SECONDS, allow_redirects=False)
        return answer.json() if answer.status_code == requests.codes.ok else None
    except (requests.RequestException, ValueError):
        return None
