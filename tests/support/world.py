"""A small world for the state machines: one account, its campaigns, processes that stand still, a moody provider."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from threading import current_thread
from typing import Any

from models.errors import IllegalMove
from models.ledger.control import resume_account, resume_campaign, start_everything
from models.ledger.enqueue import Recipient
from models.ledger.failed import Choice
from models.ledger.retry import retry
from models.session import reading, transaction
from models.states import BatchStatus, RecipientStatus
from models.work import Refused
from tests.support.driving import Step, quick_settings
from tests.support.ledger import NOON, Ledger
from tests.support.moody_provider import MoodyProvider
from tests.support.snapshot import look
from tests.support.stepping import Stepped
from worker.dispatcher import Dispatcher
from worker.scheduler import Scheduler

TOTAL = 5
MOST_PARALLEL = 3
ENOUGH_ROUNDS = 80
BEGINNING = NOON + timedelta(days=30)
"""So far may the clock go back without reaching the moment at which `Ledger.prove` looks."""

NEVER_SENT = frozenset({RecipientStatus.CANCELLED, RecipientStatus.SKIPPED})


class World:
    """What there is, what may happen to it, and what must be true of it at every moment."""

    def __init__(self, ledger: Ledger, url: str) -> None:
        self.ledger = ledger
        self.settings = quick_settings(url, max_attempts=4)
        self.provider = MoodyProvider()
        self.campaigns: list[int] = []
        self.processes: list[Stepped] = []
        self._monotonic = 0.0
        self._heard: set[str] = set()
        self._accepted: dict[tuple[int, int], str | None] = {}
        self._ended: dict[int, BatchStatus] = {}
        self.ledger.an_account(batch_size=4, max_parallel=MOST_PARALLEL)
        for _ in range(2):
            self.add_campaign()
        self.tick()

    def add_campaign(self) -> None:
        """Enqueue one more campaign."""
        self.campaigns.append(self.ledger.a_draft(recipients=people(len(self.campaigns))))

    def dispatcher(self, at: Step = lambda step: None) -> Dispatcher:
        """Return a worker of single batches."""
        return Dispatcher(
            self.settings,
            self.ledger.sessions,
            self.provider,
            clock=self.ledger.clock,
            monotonic=lambda: self._monotonic,
            jitter=lambda: 1.0,
            at=at,
        )

    def scheduler(self, at: Step = lambda step: None) -> Scheduler:
        """Return a maker of ticks."""
        return Scheduler(self.settings, self.ledger.sessions, clock=self.ledger.clock, at=at)

    def tick(self) -> None:
        """Tick from the beginning to the end."""
        self.scheduler().tick()

    def dispatch(self) -> bool:
        """Take one batch through its life; say whether there was one."""
        done = not isinstance(self.dispatcher().dispatch(1), Refused)
        self._heard |= self.provider.told.pop(current_thread(), set())
        return done

    def keep(self, process: Stepped, steps: int) -> None:
        """Let a process go on for some steps, and keep it if it has not ended."""
        for _ in range(steps):
            if process.step is not None:
                process.go_on()
        if process.step is not None:
            self.processes.append(process)
        else:
            self._heard |= self.provider.told.pop(process.thread, set())

    def jump(self, seconds: float) -> None:
        """Let time pass, for the database and for the processes."""
        self.ledger.clock.jump(seconds)
        self._monotonic += seconds

    def all_go_on(self) -> None:
        """End every pause."""
        self.person(start_everything)
        self.person(resume_account, "default")
        for campaign_id in self.campaigns:
            self.person(resume_campaign, campaign_id)

    def retry(self, campaign_id: int) -> None:
        """Make whoever failed pending again."""
        self.person(
            retry,
            campaign_id,
            Choice(),
            explain=lambda said: None,
            doubt_limit_seconds=self.settings.doubt_limit_seconds,
            quiet_seconds=self.settings.quiet_seconds,
        )

    def person(self, verb: Callable[..., object], *arguments: object, **named: object) -> None:
        """Do what a person asks for; what is not possible now is refused and changes nothing."""
        with suppress(IllegalMove), transaction(self.ledger.sessions) as session:
            verb(session, *arguments, **named, actor="anna", clock=self.ledger.clock)

    def check(self) -> None:
        """Look at everything.

        Raises:
            AssertionError: a promise is broken.
        """
        with reading(self.ledger.sessions) as session:
            now = look(session)
        assert list(now.breaches()) == []
        assert len(now.running()) <= MOST_PARALLEL
        accepted, ended = now.accepted(), now.ended()
        assert {key: accepted.get(key) for key in self._accepted} == self._accepted
        assert {key: ended.get(key) for key in self._ended} == self._ended
        self._accepted, self._ended = accepted, ended
        outcomes = now.outcomes_by_key()
        for key, one in outcomes.items():
            self._compare(key, one)
        accepted_keys = {key for key, one in outcomes.items() if one.status is RecipientStatus.ACCEPTED}
        assert accepted_keys >= self._heard, "an answer said accepted, was recorded, and the recipient is not"

    def _compare(self, key: str, one: Any) -> None:
        """Hold an outcome against the provider's ledger (P3, P4)."""
        charged = self.provider.charged.get(key)
        if one.status is RecipientStatus.ACCEPTED:
            assert charged == one.provider_message_id, f"position {one.position} was not charged under this id"
        elif charged is not None:
            assert one.status not in NEVER_SENT, f"position {one.position} was charged, and is {one.status}"
            refused = one.status is RecipientStatus.REJECTED
            assert one.after_doubt or not refused, f"position {one.position} was charged, and is rejected"

    def drain(self) -> None:
        """From now on all is well: work until every campaign has ended.

        Raises:
            AssertionError: one has not ended after many rounds.
        """
        for _ in range(ENOUGH_ROUNDS):
            self.all_go_on()
            self.jump(600.0)
            self.tick()
            self.provider.mood = "answers"
            while self.dispatch():
                pass
            if all(self.ledger.campaign(one).finished_at is not None for one in self.campaigns):
                return
        raise AssertionError([self.ledger.campaign(one).status for one in self.campaigns])


def phone(campaign: int, position: int) -> str:
    """Return the number of a recipient that nobody else has: it is known to the provider under one key."""
    return str(79030000000 + 1000 * campaign + position)


def people(campaign: int) -> Iterator[Recipient]:
    """Yield the recipients of the first campaign (0), the second, and so on."""
    for position in range(1, TOTAL + 1):
        yield Recipient(phone=phone(campaign, position))
