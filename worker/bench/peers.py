"""What people usually write, three ways: `celery -A worker.bench.peers worker` in a folder with the file `peers.json`.

- a task for each message: the row, one POST of its own, a commit;
- a task for a hundred: their rows, one POST, a commit after each row;
- the same by somebody who knows better: one commit at the end.

They keep no promise either: what a killed worker has posted is posted again, or never. As a program, this module asks
for the tasks: `python -m worker.bench.peers NAME COUNT`, by the words of `worker.bench.floor`.
"""

import json
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from celery import Celery
from lxml import etree
from requests import post
from sqlalchemy import Engine, create_engine, select
from sqlalchemy.orm import Session

from worker.bench.floor import DONE, READY
from worker.bench.order import NAIVE_ONE, NAIVE_TWO, PEER_BATCH, PERSONAL_TEXT, SENDER, TEXT
from worker.bench.peer_tables import Message

ASKED = "peers.json"
ONE = "peers.one"
HUNDRED = "peers.hundred"
HEADERS = {"Content-Type": "text/xml; charset=utf-8"}


@cache
def asked() -> dict[str, Any]:
    """Return what is asked of this run: URLs and whether the text is personal."""
    read: dict[str, Any] = json.loads(Path(ASKED).read_text(encoding="utf-8"))
    return read


@cache
def engine() -> Engine:
    """Return this process's connections; the first task makes them, after the fork."""
    return create_engine(asked()["database_url"])


app = Celery("peers")
app.add_defaults(lambda: {"broker_url": asked()["broker_url"], "task_ignore_result": True})


def send_one(message_id: int) -> None:
    """Send one message."""
    with Session(engine()) as session:
        message = session.get_one(Message, message_id)
        keep(message, ask([message])[0])
        session.commit()


def send_hundred(ids: list[int], commit_each: bool) -> None:
    """Send many messages in one document."""
    with Session(engine()) as session:
        messages = session.scalars(select(Message).where(Message.id.in_(ids)).order_by(Message.id)).all()
        for line in ask(messages):
            keep(messages[int(line.get("number_sms", "")) - 1], line)
            if commit_each:
                session.commit()
        session.commit()


def keep(message: Message, line: Any) -> None:
    """Put an answer into its row."""
    message.status = line.text
    message.provider_id = line.get("id_sms")
    message.parts = int(line.get("parts"))


def ask(messages: Sequence[Message]) -> Any:
    """Post one document without a session, and return the lines of the answer."""
    reply = post(asked()["gateway_url"], document(messages), headers=HEADERS, timeout=60)
    return etree.fromstring(reply.content)


def document(messages: Sequence[Message]) -> bytes:
    """Build the document, element by element."""
    root = etree.Element("request")
    groups = [[message] for message in messages] if asked()["personalised"] else [messages]
    number = 0
    for group in groups:
        parent = etree.SubElement(root, "message", {"type_send_1": "sms", "type": "sms"})
        etree.SubElement(parent, "sender").text = SENDER
        text = PERSONAL_TEXT.format(name=group[0].name) if asked()["personalised"] else TEXT
        etree.SubElement(parent, "text").text = text
        for message in group:
            number += 1
            key = {"phone": message.phone, "number_sms": str(number), "client_id_sms": str(message.id)}
            etree.SubElement(parent, "abonent", key)
    security = etree.SubElement(root, "security")
    etree.SubElement(security, "login", value="peer")
    etree.SubElement(security, "password", value="peer")
    return etree.tostring(root, encoding="utf-8", xml_declaration=True)


app.task(name=ONE)(send_one)
app.task(name=HUNDRED)(send_hundred)


def ask_for(name: str, count: int) -> None:
    """Publish the tasks for the first `count` messages."""
    if name == NAIVE_ONE:
        for message_id in range(1, count + 1):
            app.send_task(ONE, (message_id,))
        return
    for first in range(1, count + 1, PEER_BATCH):
        ids = list(range(first, min(first + PEER_BATCH, count + 1)))
        app.send_task(HUNDRED, (ids, name == NAIVE_TWO))


def main(name: str, count: int) -> None:
    """Wait for the workers, then for the start."""
    while not app.control.ping(timeout=0.5):
        pass
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()
    sys.stdin.readline()
    ask_for(name, count)
    sys.stdout.write(f"{DONE}\n")
    sys.stdout.flush()
    sys.stdin.readline()  # stays until its CPU time has been read


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
