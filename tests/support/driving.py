"""Driving the product without Celery: tick, lanes, tick, with a clock that jumps over every wait."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.orm import Session

from models.content import Content, Sms
from models.ledger.control import set_account
from models.ledger.enqueue import Recipient, enqueue_campaign
from models.ledger.report import show
from models.session import database_clock, reading, transaction
from worker.dispatcher import Dispatcher
from worker.lane import Lane
from worker.runtime import Runtime, open_runtime
from worker.scheduler import Scheduler
from worker.settings import Settings, load_settings

ENOUGH_ROUNDS = 60
Step = Callable[[str], None]


def quick_settings(database_url: str, **overrides: object) -> Settings:
    """Return settings of this test alone, with short waits."""
    return load_settings(
        {},
        **{
            "database_url": database_url,
            "connect_timeout_seconds": 3,  # a loaded machine stands still for a second now and then
            "read_timeout_seconds": 2,
            "lease_seconds": 10,
            "retry_base_seconds": 1,
            "log_level": "ERROR",
            **overrides,
        },
    )


@contextmanager
def a_runtime(database_url: str, gateway_url: str, **account: object) -> Iterator[Runtime]:
    """Open a runtime on a migrated database whose account `default` posts to `gateway_url`."""
    runtime = open_runtime(quick_settings(database_url))
    try:
        with transaction(runtime.sessions) as session:
            set_account(session, "default", {"gateway_url": gateway_url, **account}, actor="test")
        yield runtime
    finally:
        runtime.close()


def some_recipients(count: int) -> Iterator[Recipient]:
    """Yield recipients with a name each; the n-th has the number 79030000000 + n."""
    for number in range(1, count + 1):
        yield Recipient(phone=str(79030000000 + number), variables={"name": f"Name {number}"})


def create(runtime: Runtime, count: int, content: Content | None = None) -> int:
    """Commit a campaign for `count` recipients and return its id."""
    content = content or Sms(sender="Shop", text="Hello {name}")
    with transaction(runtime.sessions) as session:
        return enqueue_campaign(session, content=content, recipients=some_recipients(count))


class JumpingClock:
    """The database's clock, ahead by as much as the test has jumped."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self, session: Session) -> datetime:
        return database_clock(session) + self.ahead

    def jump(self, seconds: float) -> None:
        """Let time pass."""
        self.ahead += timedelta(seconds=seconds)


def work_once(runtime: Runtime, clock: JumpingClock, at: Step = lambda step: None) -> None:
    """Tick once, and run every lane that the tick asks for."""
    lanes = Scheduler(runtime.settings, runtime.sessions, clock=clock, at=at).tick()
    at("waking")
    dispatcher = Dispatcher(runtime.settings, runtime.sessions, runtime.gateway, clock=clock, at=at)
    for account_id in lanes:
        Lane(dispatcher, stopping=lambda: False, pause=clock.jump).run(account_id)


def work_until_ended(runtime: Runtime, campaign_id: int, clock: JumpingClock | None = None) -> dict[str, int]:
    """Work until the campaign has ended, jumping over the waits; return its counts.

    Raises:
        AssertionError: it has not ended after many rounds.
    """
    clock = clock or JumpingClock()
    for _ in range(ENOUGH_ROUNDS):
        work_once(runtime, clock)
        with reading(runtime.sessions) as session:
            shown = show(session, campaign_id)
        if shown["status"] in ("finished", "cancelled"):
            counts: dict[str, int] = shown["counts"]
            return counts
        clock.jump(60)
    raise AssertionError(f"campaign {campaign_id} has not ended: {shown}")


def repository() -> Path:
    """Return the root of the checkout."""
    return Path(__file__).parent.parent.parent
