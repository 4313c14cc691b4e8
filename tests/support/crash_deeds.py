"""What a process may be at when it is killed: the same functions run in the child that dies and in whoever repeats it.

Each takes a runtime, a folder of its own, and `at`, which is called with the name of every step.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import text

from models.content import Sms
from models.ledger.enqueue import Recipient, enqueue_campaign
from models.ledger.failed import Choice
from models.ledger.retry import retry
from models.session import transaction
from tests.support.driving import JumpingClock, Step, some_recipients, work_once
from worker.importer import import_list
from worker.inbox import Inbox
from worker.intake.opening import open_list
from worker.intake.rejected import RejectedRows
from worker.list_reader import Mailing
from worker.runtime import Runtime

Deed = Callable[[Runtime, Path, Step], object]

KEY = "order-1"
PLAIN = Sms(sender="Shop", text="Hello")
ROUNDS = 3
DAY_SECONDS = 86_401.0
ROWS = 25
DUPLICATES = 3
SPOILT = 2
ENQUEUED = 5_100
WAITING = 25


def work(runtime: Runtime, folder: Path, at: Step) -> None:
    """Tick and send, a minute later again: what was in flight when another process died is rescued meanwhile."""
    clock = JumpingClock()
    for _ in range(ROUNDS):
        work_once(runtime, clock, at)
        clock.jump(60)


def outlive_a_doubt(runtime: Runtime, folder: Path, at: Step) -> None:
    """Send, and look again after the provider may have forgotten the keys."""
    clock = JumpingClock()
    work_once(runtime, clock, at)
    clock.jump(DAY_SECONDS)
    work_once(runtime, clock, at)


def import_a_list(runtime: Runtime, folder: Path, at: Step) -> None:
    """Import a list with duplicates and with rows that are no numbers."""
    _import(runtime, folder, at, strict=False)


def import_strictly(runtime: Runtime, folder: Path, at: Step) -> None:
    """Import the same list in such a way that it is refused and taken away again."""
    _import(runtime, folder, at, strict=True)


def _import(runtime: Runtime, folder: Path, at: Step, *, strict: bool) -> None:
    path = folder / "list.csv"
    phones = [str(79030000001 + row) for row in range(ROWS - DUPLICATES - SPOILT)]
    phones += phones[:DUPLICATES] + ["nobody"] * SPOILT
    path.write_text("phone\n" + "".join(f"{phone}\n" for phone in phones), encoding="utf-8")
    mailing = Mailing(PLAIN, "default", "test", key=KEY, strict=strict)
    with open_list(str(path), default_region="RU") as rows, RejectedRows(path, folder / "rejected.csv") as rejected:
        import_list(runtime.sessions, mailing, rows, rejected, at=at)


def enqueue_beside_an_order(runtime: Runtime, folder: Path, at: Step) -> None:
    """Do as another application does: its own row and a campaign in one transaction."""
    with transaction(runtime.sessions) as session:
        session.execute(text("INSERT INTO shop_orders (placed_at) VALUES (:now)"), {"now": str(datetime.now(UTC))})
        at("ordered")
        enqueue_campaign(session, content=PLAIN, recipients=_one_by_one(at), key=KEY)
        at("enqueued")
    at("committed")


def _one_by_one(at: Step) -> Iterator[Recipient]:
    for one in some_recipients(ENQUEUED):
        yield one
        at("row")


def retry_by_hand(runtime: Runtime, folder: Path, at: Step) -> None:
    """Make whoever failed in the first campaign pending again."""
    settings = runtime.settings
    with transaction(runtime.sessions) as session:
        retry(
            session,
            1,
            Choice(),
            explain=lambda said: None,
            doubt_limit_seconds=settings.doubt_limit_seconds,
            quiet_seconds=settings.quiet_seconds,
            actor="test",
        )
        at("retrying")
    at("retried")


def make_occurrences(runtime: Runtime, folder: Path, at: Step) -> None:
    """Make the campaigns of all occurrences that a tick asks for."""
    for schedule_id in runtime.scheduler().occurrences():
        replace(runtime.maker(), at=at).make(schedule_id)


WEBHOOK_SETTINGS: dict[str, Any] = {"webhook_secret": "0123456789abcdef", "webhook_private_addresses": "allowed"}


def tell_webhooks(runtime: Runtime, folder: Path, at: Step) -> None:
    """Tell webhooks what waits for them."""
    settings = replace(runtime.settings, **WEBHOOK_SETTINGS)
    replace(runtime.sender(), settings=settings, at=at).run()


def write_into_the_inbox(runtime: Runtime, folder: Path, at: Step) -> None:
    """Do as another application does that knows SQL alone."""
    row = "INSERT INTO bulkpost_outgoing (campaign_key, sender, text, phone) VALUES ('k', 'Shop', 'Hello', :phone)"
    with transaction(runtime.sessions) as session:
        session.execute(text(row), [{"phone": one.phone} for one in some_recipients(WAITING)])


def take_the_inbox_in(runtime: Runtime, folder: Path, at: Step) -> None:
    """Take rows in, in short pieces, and announce what they make."""
    clock = JumpingClock()
    inbox = Inbox(runtime.sessions, "RU", clock, at, rows_at_once=10)
    for _ in range(2):
        inbox.take_in(60.0)
        clock.jump(60)


DEEDS: Mapping[str, Deed] = {
    deed.__name__: deed
    for deed in (
        work,
        outlive_a_doubt,
        import_a_list,
        import_strictly,
        enqueue_beside_an_order,
        retry_by_hand,
        make_occurrences,
        take_the_inbox_in,
        tell_webhooks,
    )
}
