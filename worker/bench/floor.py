"""The floor, as a program: the least that sends a list and keeps every answer, without any promise.

    rows of a range -> XML by joining texts -> requests.Session -> lxml -> results durable, range after range

No claim, no lease, no attempt, no fencing, no counter, no retry, no check of what is sent or what comes back: killed in
the middle, it cannot tell who was sent to. What a machine can do at all; the product is measured against it.

Says "ready" when it is connected, begins when it reads a line, says "done" at the end.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from xml.sax.saxutils import escape

from lxml import etree
from requests import Session

from worker.bench.floor_tables import Result, Row, open_tables
from worker.bench.order import PERSONAL_TEXT, SENDER, TEXT

READY = "ready"
DONE = "done"
KEY_PREFIX = "7000000"
_MESSAGE = f'<message type_send_1="sms" type="sms"><sender>{SENDER}</sender><text>%s</text>%s</message>'
_LINE = '<abonent phone="%s" number_sms="%d" client_id_sms="' + KEY_PREFIX + '%09d"/>'
_SECURITY = '<security><login value="floor"/><password value="floor"/></security>'
_HEADERS = {"Content-Type": "text/xml; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class Share:
    """What one process does: every `stride`-th range, from the `offset`-th on, in so many threads."""

    database_url: str
    gateway_url: str
    recipients: int
    batch_size: int
    personalised: bool
    offset: int
    stride: int
    threads: int

    @property
    def arguments(self) -> tuple[str, ...]:
        """The command line after the interpreter."""
        return ("-m", "worker.bench.floor", json.dumps(asdict(self)))


class Sender:
    """One connection to the database and one to the gateway."""

    def __init__(self, share: Share) -> None:
        self._share = share
        self._tables = open_tables(share.database_url)
        self._session = Session()
        self._session.trust_env = False

    def send(self, first: int) -> None:
        """Send one document and keep its answers."""
        rows = self._tables.read(first, min(first + self._share.batch_size - 1, self._share.recipients))
        body = personal_document(rows) if self._share.personalised else document(rows)
        reply = self._session.post(self._share.gateway_url, body, headers=_HEADERS, timeout=60)
        self._tables.write(results(rows, reply.content))


def document(rows: list[Row]) -> bytes:
    """Write one text for everybody."""
    lines = "".join([_LINE % (phone, number, place) for number, (place, phone, _) in enumerate(rows, 1)])
    return _document(_MESSAGE % (escape(TEXT), lines))


def personal_document(rows: list[Row]) -> bytes:
    """Write a text for each."""
    before, after = PERSONAL_TEXT.split("{name}")
    whole = _MESSAGE % ("%s".join(escape(part).replace("%", "%%") for part in (before, after)), _LINE)
    return _document(
        "".join([whole % (escape(name), phone, number, place) for number, (place, phone, name) in enumerate(rows, 1)])
    )


def results(rows: list[Row], reply: bytes) -> list[Result]:
    """Read the answers."""
    return [
        (rows[int(line.get("number_sms", "")) - 1][0], line.get("id_sms"), line.get("parts"), line.text)
        for line in etree.fromstring(reply)
    ]


def _document(messages: str) -> bytes:
    return f'<?xml version="1.0" encoding="utf-8"?><request>{messages}{_SECURITY}</request>'.encode()


def _ranges(share: Share) -> list[int]:
    first = range(1, share.recipients + 1, share.batch_size)
    return list(first[share.offset :: share.stride])


def main(share: Share) -> None:
    """Send the share between the two words."""
    firsts = _ranges(share)
    senders = [Sender(share) for _ in range(share.threads)]
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()
    sys.stdin.readline()
    if share.threads == 1:
        for first in firsts:
            senders[0].send(first)
    else:
        with ThreadPoolExecutor(share.threads) as pool:
            list(pool.map(_send_all, senders, [firsts[number :: share.threads] for number in range(share.threads)]))
    sys.stdout.write(f"{DONE}\n")
    sys.stdout.flush()
    sys.stdin.readline()  # stays until its memory has been read


def _send_all(sender: Sender, firsts: list[int]) -> None:
    for first in firsts:
        sender.send(first)


if __name__ == "__main__":
    main(Share(**json.loads(sys.argv[1])))
