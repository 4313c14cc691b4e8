"""Making the campaign of a schedule's occurrence: reads the list as it is now, imports it, seals both together.

A maker may die anywhere: `models.ledger.occurrences` says why nothing is made twice. The file is read on the host
where this runs.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from models.errors import EmptyList, LedgerError
from models.ledger.occurrences import (
    MOST_TRIES,
    OccurrenceLost,
    Taken,
    give_back,
    give_up,
    give_up_own,
    lock_due,
    move_on,
    note_missed,
    put_off,
    seal,
    stay_alive,
    take,
)
from models.ledger.schedules import Recipe
from models.schedule import Schedule
from models.session import Clock, Sessions, database_clock, transaction
from worker.core.cron import MOST_COUNTED, Choice, Cron, Missed, choose, read_cron
from worker.cost import check_draft
from worker.errors import DispatchError
from worker.importer import import_list
from worker.logs import log
from worker.recipes import Untold, mailing_of, open_source, source_name
from worker.settings import Settings

GRACE_SECONDS = 300.0
GRACE_TICKS = 10
"""An occurrence that nobody took up for longer than both counts as missed."""


class Stopping(DispatchError):
    """Raised when this process is to end before the occurrence is made; somebody else makes it."""


@dataclass(frozen=True)
class Maker:
    """Makes campaigns of occurrences. `at` is called after each step, so that tests can kill the process there.

    `confirm` returns why nothing may be made from this database, or None.
    """

    settings: Settings
    sessions: Sessions
    stopping: Callable[[], bool] = lambda: False
    confirm: Callable[[], str | None] = lambda: None
    clock: Clock = database_clock
    at: Callable[[str], None] = field(default=lambda step: None)

    def make(self, schedule_id: int) -> int | None:
        """Make the campaign of a schedule's occurrence that is due; return its id, or None where there is none.

        What keeps it from being made is tried again a few times, then told, and the schedule goes on.
        """
        if self.stopping() or self.confirm() is not None:
            return None
        found = self._take(schedule_id)
        if found is None:
            return None
        taken, cron = found
        self.at("taken")
        try:
            campaign_id = self._import(taken, cron)
        except Stopping:
            with suppress(OccurrenceLost), transaction(self.sessions) as session:
                give_back(session, taken)
            return None
        except OccurrenceLost as error:
            log.warning("occurrence_lost", schedule=schedule_id, why=str(error))
            return None
        except (LedgerError, DispatchError, OSError) as error:
            self._fail(taken, cron, _problem(taken.recipe, error))
            return None
        log.info("occurrence_made", schedule=schedule_id, campaign=campaign_id)
        return campaign_id

    def _take(self, schedule_id: int) -> tuple[Taken, Cron] | None:
        with transaction(self.sessions) as session:
            found = lock_due(session, schedule_id, clock=self.clock)
            if found is None:
                return None
            schedule, now = found
            cron = read_cron(schedule.cron, schedule.time_zone)
            if schedule.tried_count >= MOST_TRIES:
                problem = f"it was begun {MOST_TRIES} times and never finished: whoever made it was killed, or too slow"
                self._give_up(session, schedule, cron, problem)
                return None
            chosen = self._choose(schedule, cron, now)
            if chosen.missed is not None:
                _tell_missed(session, schedule, chosen, now, cron)
            if chosen.occurrence is None:
                move_on(schedule, chosen.next_at)
                return None
            taken = take(session, schedule, chosen.occurrence, now)
            self.at("taking")
            return taken, cron

    def _choose(self, schedule: Schedule, cron: Cron, now: datetime) -> Choice:
        assert schedule.next_at is not None, "only what is due is locked"
        grace = timedelta(seconds=max(GRACE_SECONDS, GRACE_TICKS * self.settings.tick_seconds))
        begun = schedule.making_until is not None and now - schedule.making_until <= grace
        not_before = schedule.next_at if begun else now - grace
        return choose(cron, schedule.next_at, now, not_before, merge=schedule.missed == "once")

    def _import(self, taken: Taken, cron: Cron) -> int:
        next_at = cron.after(taken.occurrence)

        def go_on(_count: int) -> None:
            if self.stopping():
                raise Stopping
            with transaction(self.sessions) as session:
                stay_alive(session, taken, clock=self.clock)

        mailing = mailing_of(taken.recipe, taken.occurrence, cron)
        with open_source(self.sessions, taken.recipe, self.settings.default_region) as rows:
            imported = import_list(
                self.sessions,
                mailing,
                rows,
                Untold(),
                on_progress=go_on,
                approve=lambda draft_id: check_draft(self.sessions, self.settings, draft_id, mailing),
                seal=lambda session, campaign_id: seal(session, taken, campaign_id, next_at, clock=self.clock),
                at=self.at,
            )
        return imported.campaign_id

    def _fail(self, taken: Taken, cron: Cron, problem: str) -> None:
        given_up = taken.tried_count >= MOST_TRIES
        try:
            with transaction(self.sessions) as session:
                if given_up:
                    give_up_own(session, taken, problem, cron.after(taken.occurrence), clock=self.clock)
                else:
                    put_off(session, taken, problem, clock=self.clock)
        except OccurrenceLost as error:
            log.warning("occurrence_lost", schedule=taken.schedule_id, why=str(error))
            return
        if given_up:
            log.error(
                "occurrence_failed", schedule=taken.schedule_id, occurrence=cron.shown(taken.occurrence), error=problem
            )
        else:
            log.warning("occurrence_put_off", schedule=taken.schedule_id, tries=taken.tried_count, error=problem)

    def _give_up(self, session: Session, schedule: Schedule, cron: Cron, problem: str) -> None:
        assert schedule.next_at is not None, "only what is due is locked"
        occurrence = schedule.next_at
        give_up(session, schedule, problem, cron.after(occurrence), clock=self.clock)
        log.error("occurrence_failed", schedule=schedule.id, occurrence=cron.shown(occurrence), error=problem)


def _problem(recipe: Recipe, error: Exception) -> str:
    # What the intake refuses names its file already.
    return f"{source_name(recipe)}: {error}" if isinstance(error, EmptyList | OSError) else str(error)


def _tell_missed(session: Session, schedule: Schedule, chosen: Choice, now: datetime, cron: Cron) -> None:
    assert chosen.missed is not None, "somebody asks only where some were missed"
    told = _missed_words(chosen.missed, cron)
    if chosen.occurrence is not None and schedule.missed == "once":
        told = f"{told}: the one of {cron.shown(chosen.occurrence)} stands for them"
    else:
        told = f"{told}: nobody was there to make them in time"
    note_missed(session, schedule, now, told, chosen.missed.count)
    log.warning("occurrences_missed", schedule=schedule.id, count=chosen.missed.count)


def _missed_words(missed: Missed, cron: Cron) -> str:
    if missed.count == 1:
        return f"the occurrence of {cron.shown(missed.first)} was left out"
    many = f"{missed.count:,}" if missed.count < MOST_COUNTED else f"{MOST_COUNTED:,} or more"
    return f"{many} occurrences from {cron.shown(missed.first)} to {cron.shown(missed.last)} were left out"
