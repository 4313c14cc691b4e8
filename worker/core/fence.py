"""The fence around every environment but production: who may be posted to through which gateway."""

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

NOT_ALLOWED = "not allowed in {environment}"
GATEWAYS_AT_ONCE = 64
"""Of how many gateways a process remembers what is allowed on them: every batch asks."""


@dataclass(frozen=True, slots=True)
class Fence:
    """What one environment allows on one gateway. `only` is None where everybody may be posted to."""

    environment: str
    gateway_host: str
    only: frozenset[str] | None

    @property
    def forbids_everything(self) -> bool:
        """Whether nobody at all may be posted to."""
        return self.only is not None and not self.only

    def allows(self, msisdn: str) -> bool:
        """Say whether this number may be posted to."""
        return self.only is None or msisdn in self.only

    @property
    def is_local(self) -> bool:
        """Whether the gateway runs on this machine."""
        return is_loopback(self.gateway_host)

    @property
    def reason(self) -> str:
        """Return why a recipient is skipped."""
        return NOT_ALLOWED.format(environment=self.environment)

    def mend(self, account: str) -> str:
        """Return the one line that says what forbids this gateway and how to allow it."""
        return (
            f"account {account} posts to {self.gateway_host or 'an unclear address'}, which environment "
            f"{self.environment} does not allow: set "
            "BULKPOST_ENVIRONMENT=production to send to everybody, BULKPOST_ALLOWED_NUMBERS to send to your own "
            f"numbers, BULKPOST_ALLOWED_GATEWAYS={self.gateway_host} if it is a test gateway, or "
            f"bulkpost account set {account} --gateway-url http://127.0.0.1:8080/xml for the simulator"
        )


@lru_cache(maxsize=GATEWAYS_AT_ONCE)
def fence(
    environment: str, gateway_url: str, *, allowed_numbers: frozenset[str], allowed_gateways: frozenset[str]
) -> Fence:
    """Return what `environment` allows on the gateway at `gateway_url`.

    Production allows everything; any other environment everything on loopback and on `allowed_gateways`, and on other
    gateways `allowed_numbers` only.
    """
    host = _host(gateway_url)
    free = environment == "production" or is_loopback(host) or host in allowed_gateways
    return Fence(environment, host, None if free else allowed_numbers)


def _host(url: str) -> str:
    """Return the host that a URL names; an empty one where two readers may see two different hosts in it."""
    # Before the "@" of http://provider\@127.0.0.1/ the standard library sees a user, and the client the host. Other
    # programs write the account's row too, so what account set refuses may still stand there.
    if any(character == "\\" or character <= " " for character in url):
        return ""
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def is_loopback(host: str) -> bool:
    """Say whether `host` is this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
