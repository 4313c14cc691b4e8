"""One tick: rescue, hold, take in, start, plan, say which accounts want lanes, settle, sweep.

Every step is a guarded, bounded, resumable transaction: two ticks at once, two schedulers, or a tick killed half way
are harmless. What fails in one step does not keep the others from their work, unless the database itself is away.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from models.ledger.brakes import Alarm
from models.ledger.canary import judge_canaries
from models.ledger.hints import take_hints
from models.ledger.late import hold_late
from models.ledger.lists import sweep_silent_list
from models.ledger.occurrences import find_due
from models.ledger.plan import plan, start_due
from models.ledger.rescue import find_lost, find_old_doubts, give_up_old_doubt, rescue, sweep_silent_import
from models.ledger.settle import settle
from models.ledger.telling import is_anything_to_tell
from models.ledger.webhooks import sweep_messages
from models.ledger.windows import move_account_windows, move_campaign_windows
from models.session import Clock, Sessions, database_clock, reading, transaction
from worker.database_faults import find_fault
from worker.inbox import Inbox
from worker.logs import log
from worker.settings import Settings

MOST_PLANS = 20
"""Campaigns (or pieces of one) that a single tick plans."""


@dataclass(frozen=True)
class Scheduler:
    """Runs ticks. `at` is called after each step, so that tests can kill the process there.

    `confirm` returns why nothing may be sent from this database, or None.
    """

    settings: Settings
    sessions: Sessions
    confirm: Callable[[], str | None] = lambda: None
    clock: Clock = database_clock
    at: Callable[[str], None] = field(default=lambda step: None)

    def tick(self, wake: Callable[[dict[int, int]], object] = lambda lanes: None) -> dict[int, int]:
        """Do everything that is due, and return how many lanes to start for which account.

        `wake` is told of them as soon as they are known: what can wait is done afterwards. From a database that waits
        to be adopted nothing is started, planned or given up.

        Raises:
            SQLAlchemyError: the database is away, or no lane could be asked for; the next tick does it all.
        """
        if self.confirm() is not None:
            return {}
        self._go_through(self._rescue, self._give_up, self._hold, self._take_in, self._start, self._plan)
        try:
            with transaction(self.sessions) as session:
                lanes = take_hints(session, doubt_limit_seconds=self.settings.doubt_limit_seconds, clock=self.clock)
                self.at("hinting")
            wake(lanes)
        finally:
            self._go_through(self._settle, self._sweep)
        return lanes

    def _go_through(self, *steps: Callable[[], None]) -> None:
        for step in steps:
            try:
                step()
            except SQLAlchemyError as error:
                fault = find_fault(error)
                if fault.everywhere:
                    raise
                log.error("tick_step_failed", step=step.__name__.strip("_"), error=fault.words)
            self.at(step.__name__.strip("_"))

    def occurrences(self) -> list[int]:
        """Return the ids of schedules whose campaign is to be made now, as many as should be made at once."""
        if self.confirm() is not None:
            return []
        with reading(self.sessions) as session:
            return find_due(session, clock=self.clock)

    def has_something_to_tell(self) -> bool:
        """Say whether a sender should tell webhooks something now."""
        if self.confirm() is not None:
            return False
        with reading(self.sessions) as session:
            return is_anything_to_tell(session, clock=self.clock)

    def _rescue(self) -> None:
        with reading(self.sessions) as session:
            lost = find_lost(session, clock=self.clock)
        for batch_id in lost:
            with transaction(self.sessions) as session:
                rescued = rescue(
                    session,
                    batch_id,
                    quiet_seconds=self.settings.quiet_seconds,
                    max_attempts=self.settings.max_attempts,
                    doubt_limit_seconds=self.settings.doubt_limit_seconds,
                    clock=self.clock,
                )
                self.at("rescuing")
            if rescued:
                log.warning("lease_rescued", batch=batch_id)

    def _give_up(self) -> None:
        limit = self.settings.doubt_limit_seconds
        with reading(self.sessions) as session:
            old = find_old_doubts(session, doubt_limit_seconds=limit, clock=self.clock)
        for batch_id in old:
            with transaction(self.sessions) as session:
                given_up = give_up_old_doubt(session, batch_id, doubt_limit_seconds=limit, clock=self.clock)
                self.at("giving_up")
            if given_up:
                log.warning("doubt_given_up", batch=batch_id)

    def _hold(self) -> None:
        """Move windows on, before anything starts; pause what is late and whose canary failed."""
        for verb in (move_account_windows, move_campaign_windows, hold_late, judge_canaries):
            with transaction(self.sessions) as session:
                alarms: list[Alarm] = verb(session, clock=self.clock)
                self.at("holding")
            for alarm in alarms:
                log.error(f"{alarm.scope}_paused", reason=alarm.reason, mend=alarm.mend)

    def _take_in(self) -> None:
        """Make campaigns of what other applications have put into the inbox, before campaigns are started."""
        if made := self._inbox.take_in():
            log.info("inbox_campaigns_made", count=made)

    def _start(self) -> None:
        if started := self._write("starting", lambda session: start_due(session, clock=self.clock)):
            log.info("campaigns_started", count=started)

    def _plan(self) -> None:
        for _ in range(MOST_PLANS):
            made = self._write("planning", lambda session: plan(session, clock=self.clock))
            if not made:
                return
            log.info("batches_planned", count=made)

    def _settle(self) -> None:
        if finished := self._write("settling", lambda session: settle(session, clock=self.clock)):
            log.info("campaigns_finished", count=finished)

    def _sweep(self) -> None:
        if self._write("sweeping", lambda session: sweep_silent_import(session, clock=self.clock)):
            log.info("silent_import_swept")
        if self._write("sweeping", lambda session: sweep_silent_list(session, clock=self.clock)):
            log.info("silent_list_swept")
        if forgotten := self._inbox.forget():
            log.info("inbox_rows_forgotten", count=forgotten)
        if swept := self._write("sweeping", lambda session: sweep_messages(session, clock=self.clock)):
            log.info("webhook_messages_swept", count=swept)

    @property
    def _inbox(self) -> Inbox:
        return Inbox(self.sessions, self.settings.default_region, self.clock, self.at)

    def _write(self, name: str, step: Callable[[Session], int]) -> int:
        with transaction(self.sessions) as session:
            done = step(session)
            self.at(name)
        return done
