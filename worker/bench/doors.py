"""The doors by which an urgent message comes: each asks for one message and says from when on it counts."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPConnection
from itertools import count
from pathlib import Path

from celery import Celery

from models.content import Sms
from models.ledger.api_keys import create_key
from models.ledger.enqueue import Recipient, enqueue_campaign
from models.ledger.report import list_campaigns
from models.session import reading, transaction
from worker.bench.gateway import Stuck
from worker.bench.lists import FIRST_PHONE
from worker.bench.order import SENDER, TEXT
from worker.bench.product_list import ACTOR
from worker.celery import QUEUE
from worker.clock import monotonic, pause, utc_now
from worker.drill.program import BULKPOST, Program
from worker.runtime import Runtime
from worker.wake import ENQUEUE

PHONE = str(FIRST_PHONE)
START_SECONDS = 60.0
POLL_SECONDS = 0.05
LIST = "urgent.txt"


@dataclass(frozen=True, slots=True)
class Door:
    """A way in. `ask` asks for one message; `counts_from`, called once it was posted, says when it was asked for."""

    name: str
    wakes: bool
    ask: Callable[[], datetime]
    counts_from: Callable[[datetime], datetime] = lambda asked_at: asked_at


@contextmanager
def http_door(name: str, runtime: Runtime, port: int) -> Iterator[Door]:
    """Wait until somebody listens, and give `POST /v1/campaigns`, counted from the request. Raises: Stuck."""
    with transaction(runtime.sessions) as session:
        _, key = create_key(session, f"bench {port}", account=None, allowed=("send",), actor=ACTOR)
    _await_listener(port)
    body = json.dumps({"content": {"sender": SENDER, "text": TEXT}, "recipients": [{"phone": PHONE}]})
    keys = (f"http-{port}-{number}" for number in count(1))

    def ask() -> datetime:
        asked_at = utc_now()
        headers = {
            "Authorization": f"Bearer {key}",
            "Content-Type": "application/json",
            "Idempotency-Key": next(keys),
        }
        connection.request("POST", "/v1/campaigns", body.encode(), headers)
        answer = connection.getresponse()
        said = answer.read().decode()
        if answer.status != 201:
            raise Stuck(f"the HTTP door said {answer.status} instead of 201: {said}")
        return asked_at

    with closing(HTTPConnection("127.0.0.1", port, timeout=START_SECONDS)) as connection:
        yield Door(name, True, ask)


@contextmanager
def broker_door(broker_url: str) -> Iterator[Door]:
    """Give the task by its name, counted from its publishing, as an application of somebody else publishes it."""
    app = Celery("shop", broker=broker_url, set_as_current=False)
    content = {"sender": SENDER, "text": TEXT}
    keys = (f"broker-{number}" for number in count(1))

    def ask() -> datetime:
        asked_at = utc_now()
        asked = {"key": next(keys), "content": content, "recipients": [{"phone": PHONE}]}
        app.send_task(ENQUEUE, kwargs=asked, queue=QUEUE, ignore_result=True)
        return asked_at

    try:
        yield Door("Python, by the broker", True, ask)
    finally:
        app.close()


def sql_door(runtime: Runtime) -> Door:
    """Return `enqueue_campaign` in a transaction of one's own, which wakes nobody; counted from its beginning."""

    def ask() -> datetime:
        asked_at = utc_now()
        with transaction(runtime.sessions) as session:
            enqueue_campaign(session, content=Sms(sender=SENDER, text=TEXT), recipients=[Recipient(PHONE)], actor=ACTOR)
        return asked_at

    return Door("Python, by SQL alone", False, ask)


@contextmanager
def command_door(runtime: Runtime, variables: Mapping[str, str], folder: Path) -> Iterator[Door]:
    """Give `bulkpost campaign create`, counted from the campaign's creation: before that, Python starts."""
    (folder / LIST).write_text(f"{PHONE}\n", encoding="utf-8")
    words = ("campaign", "create", "--sender", SENDER, "--text", TEXT, "--recipients", LIST)
    command = Program("command", (*BULKPOST, *words), variables, folder)

    def ask() -> datetime:
        command.end()
        command.start()
        return utc_now()

    def created_at(_asked_at: datetime) -> datetime:
        with reading(runtime.sessions) as session:
            at: datetime = list_campaigns(session, limit=1)[0]["created_at"]
        return at

    try:
        yield Door("CLI", True, ask, created_at)
    finally:
        command.end()


def _await_listener(port: int) -> None:
    deadline = monotonic() + START_SECONDS
    while True:
        connection = HTTPConnection("127.0.0.1", port, timeout=START_SECONDS)
        try:
            connection.connect()
            return
        except ConnectionRefusedError:
            if monotonic() > deadline:
                raise Stuck(f"nobody listens on port {port} after {START_SECONDS:.0f} s") from None
            pause(POLL_SECONDS)
        finally:
            connection.close()
