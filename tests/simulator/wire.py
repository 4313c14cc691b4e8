"""The provider's interface by hand, from protocol.md: nothing of our own client is used to try the simulator."""

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from json import dumps, loads
from socket import create_connection, socket
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

CONTENT_TYPE = "text/xml; charset=utf-8;"
PROLOG = '<?xml version="1.0" encoding="utf-8"?>'
SECURITY = '<security><login value="shop"/><password value="secret"/></security>'


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def entries(self) -> list[tuple[str | None, str | None, str | None, str | None]]:
        found = ElementTree.fromstring(self.body).iter("information")
        return [(e.get("number_sms"), e.get("id_sms"), e.get("parts"), e.text) for e in found]

    @property
    def ids(self) -> list[str | None]:
        return [entry[1] for entry in self.entries]

    @property
    def texts(self) -> list[str | None]:
        return [entry[3] for entry in self.entries]

    @property
    def error(self) -> str | None:
        return ElementTree.fromstring(self.body).findtext("error")


def line(number: int, key: int | None = None, phone: int | None = None) -> str:
    """One abonent; key and phone follow from the number unless given."""
    key = 500_000 + number if key is None else key
    return f'<abonent phone="{phone or 79030000000 + number}" number_sms="{number}" client_id_sms="{key}"/>'


def message(lines: Iterable[str], text: str = "Hello", sender: str = "Shop", attributes: str = "") -> str:
    attributes = attributes or 'type_send_1="sms" type="sms"'
    return (
        f"<message {attributes}><sender>{escape(sender)}</sender><text>{escape(text)}</text>"
        + "".join(lines)
        + "</message>"
    )


def request(*messages: str, security: str = SECURITY) -> str:
    return f"{PROLOG}<request>{''.join(messages)}{security}</request>"


def document(count: int = 1, first: int = 1, text: str = "Hello") -> str:
    """Recipients `first` and up, with one text."""
    return request(message(map(line, range(first, first + count)), text))


def post(url: str, body: str, headers: dict[str, str] | None = None, timeout: float = 20.0) -> Answer:
    return exchange("POST", url, body.encode(), {"Content-Type": CONTENT_TYPE} | (headers or {}), timeout)


def get(url: str) -> Any:
    answer = exchange("GET", url)
    assert answer.status == 200, answer.body
    return loads(answer.body)


def put(url: str, shown: object) -> Answer:
    return exchange("PUT", url, dumps(shown).encode())


def exchange(
    method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None, timeout: float = 20.0
) -> Answer:
    parts = urlsplit(url)
    with closing(HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)) as connection:
        connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), body, headers or {})
        response = connection.getresponse()
        named = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, named, response.read())


@contextmanager
def connected(url: str) -> Iterator[socket]:
    parts = urlsplit(url)
    with create_connection((parts.hostname, parts.port), timeout=20) as raw:
        yield raw


def raw_post(body: str, path: str = "/xml", **headers: str) -> bytes:
    """The bytes of a request; without other headers, one that asks for nothing unusual."""
    encoded = body.encode()
    given = {"Host": "gateway", "Content-Type": CONTENT_TYPE, "Content-Length": str(len(encoded))} | headers
    lines = "".join(f"{name}: {value}\r\n" for name, value in given.items() if value)
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + encoded


def read_all(raw: socket) -> bytes:
    """Everything until the other side closes or resets."""
    received = b""
    try:
        while chunk := raw.recv(65536):
            received += chunk
    except ConnectionResetError:
        pass
    return received


def read_answer(raw: socket) -> Answer:
    """One answer with Content-Length from a connection that stays open."""
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = raw.recv(1)
        assert chunk, "the connection ended in the head"
        received += chunk
    first, *lines = received.decode("latin-1").strip().split("\r\n")
    headers = {name.lower(): value for name, value in (each.split(": ", 1) for each in lines)}
    body = b""
    while len(body) < int(headers["content-length"]):
        chunk = raw.recv(int(headers["content-length"]) - len(body))
        assert chunk, "the connection ended in the body"
        body += chunk
    return Answer(int(first.split(" ")[1]), headers, body)
