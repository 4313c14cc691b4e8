"""Where a webhook may lead: to public addresses over https, unless the installation allows a private one.

A name is resolved once, each of its addresses is judged, and the connection goes to exactly such an address: a name
that leads elsewhere a moment later leads nobody astray.
"""

import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from worker.errors import DispatchError

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], list[str]]

ALLOWED_ALL = "allowed"
LONGEST_URL = 2_000
_SHARED = ip_network("100.64.0.0/10")  # between a provider and its customers (CGNAT)
_INNER = frozenset({ip_address("168.63.129.16")})
"""Looks public and is not: in every network of Azure this is the platform's own service."""
_TRANSLATED = ip_network("64:ff9b::/96")  # an IPv4 address in its last four bytes (NAT64)
_NOT_IN_A_HOST = re.compile(r"[^a-z0-9._:\[\]-]")


class AddressRefused(DispatchError):
    """Raised for a URL that nothing may be told to; one line with the mend."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL, taken apart; `host` is in lower case and as the certificate must name it."""

    scheme: str
    host: str
    port: int
    path: str
    private_allowed: bool


def read_target(url: str, private_addresses: str) -> Target:
    """Take a URL apart; `private_addresses` is the setting: empty, `allowed`, or hosts.

    Raises:
        AddressRefused: it is no web address, holds a user or a fragment, or is plain http to an address not allowed.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
        host = host if ":" in host else host.encode("idna").decode().lower()
    except (ValueError, UnicodeError):
        host, port = "", None
    bad = not host or _NOT_IN_A_HOST.search(host) or port == 0 or any(not 32 < ord(one) < 127 for one in url)
    if bad or parts.scheme not in ("http", "https") or len(url) > LONGEST_URL:
        raise AddressRefused("the URL of a webhook is no web address: use one like https://example.org/webhook")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise AddressRefused(f"the URL of a webhook on {host} holds a user, a password or a fragment: leave them out")
    allowed = private_addresses == ALLOWED_ALL or host in read_hosts(private_addresses)
    if parts.scheme == "http" and not allowed:
        raise AddressRefused(
            f"the URL of a webhook on {host} is plain http: use https, or name the host in "
            "BULKPOST_WEBHOOK_PRIVATE_ADDRESSES"
        )
    query = f"?{parts.query}" if parts.query else ""
    default = 443 if parts.scheme == "https" else 80
    return Target(parts.scheme, host, port or default, f"{parts.path or '/'}{query}", allowed)


def read_hosts(private_addresses: str) -> frozenset[str]:
    """Return the hosts of the setting, in lower case."""
    return frozenset(re.split(r"[,;\s]+", private_addresses.strip().lower())) - {""}


def find_addresses(target: Target, resolve: Resolve | None = None) -> list[str]:
    """Resolve the host once, and return its addresses; all of them must be such that something may be told to them.

    Raises:
        AddressRefused: one of them is private, and that is not allowed, or is no address of a single host.
        OSError: the name cannot be resolved.
    """
    found = (resolve or resolve_name)(target.host, target.port)
    for address in found:
        reason = find_objection(ip_address(address.partition("%")[0]))
        if reason is None and target.scheme == "http":
            raise AddressRefused(f"{target.host} has a public address: tell it over https, not plain http")
        if reason is not None:
            # Addresses that nobody can connect to stay refused, whatever is allowed.
            if target.private_allowed and reason != _NOBODY:
                continue
            raise AddressRefused(
                f"{target.host} leads to {reason}: nothing is told there unless "
                "BULKPOST_WEBHOOK_PRIVATE_ADDRESSES names the host"
            )
    return found


_NOBODY = "no address of a single host"


def find_objection(address: Address) -> str | None:
    """Say what is wrong with an address for telling something to it, or None: it is a public one of one host."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _TRANSLATED:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return find_objection(inner)
        if address.teredo is not None:
            return "a private address"
    if address.is_multicast or address.is_unspecified or address == IPv4Address("255.255.255.255"):
        return _NOBODY
    if address in _INNER or address in _SHARED or not address.is_global or address.is_reserved or address.is_link_local:
        return "a private address"
    if isinstance(address, IPv6Address) and address.is_site_local:
        return "a private address"
    return None


def read_address(host: str, port: int) -> list[str]:
    """Return the address that a host is, in any of its spellings (`0x7f.1`); asks no name server.

    Raises:
        OSError: it is a name.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    return [str(found[0][4][0])]


def resolve_name(host: str, port: int) -> list[str]:
    """Return the addresses of a host, in the system's order."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
