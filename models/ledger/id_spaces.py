"""Where an id of the provider is unique: on one gateway. Pure."""

from hashlib import sha256
from urllib.parse import urlsplit


def id_space(gateway_url: str) -> int:
    """Return a number of 31 bits for the host and port of a gateway: path, login and scheme give no ids of their own.

    Two gateways share one once in two thousand million pairs; then an id that both give is taken for a collision.
    """
    try:
        host = urlsplit(gateway_url).netloc.rpartition("@")[2].lower()
    except ValueError:
        host = gateway_url
    return int.from_bytes(sha256(host.encode()).digest()[:4], "big") >> 1
