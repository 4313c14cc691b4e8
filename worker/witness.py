"""A witness outside of the database: it remembers the latest attempt, so that a restored backup is noticed.

A key in Redis where Redis is the broker, a file beside a SQLite database. A witness that is away, or that lost its
memory (FLUSHALL), stops nobody: it only cannot accuse.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from models.ledger.adopt import Sighting, is_restored, note_restored, read_standing
from models.session import Sessions, read_url, reading, transaction
from models.work import Lease
from worker.clock import monotonic
from worker.logs import log
from worker.settings import Settings

PREFIX = "bulkpost:witness:"
TELL_EVERY_SECONDS = 1.0
"""A restored database is at least a minute old: a sighting a second is plenty."""
AWAY_SECONDS = 5.0
"""How long a witness that did not answer is left alone: a lane must not wait for it at every batch."""
_REDIS_SECONDS = 0.5


class Witness(Protocol):
    """Remembers one sighting for each installation. Both methods may raise OSError, reading ValueError too."""

    def read(self, installation_id: str) -> Sighting | None:
        """Return what was told last, or None."""

    def write(self, installation_id: str, sighting: Sighting) -> None:
        """Remember this sighting instead of the one before."""


class RedisWitness:
    """A key in the broker's Redis."""

    def __init__(self, url: str) -> None:
        # Here, because it takes a quarter of a second to import, and no command of a small installation needs it.
        from redis import Redis, RedisError

        self._away: type[Exception] = RedisError
        self._redis = Redis.from_url(
            url, socket_timeout=_REDIS_SECONDS, socket_connect_timeout=_REDIS_SECONDS, decode_responses=True
        )

    def read(self, installation_id: str) -> Sighting | None:
        """Return what was told last, or None."""
        try:
            told = self._redis.get(PREFIX + installation_id)
        except self._away as error:
            raise OSError(type(error).__name__) from error
        return None if told is None else _parse(str(told))

    def write(self, installation_id: str, sighting: Sighting) -> None:
        """Remember this sighting instead of the one before."""
        try:
            self._redis.set(PREFIX + installation_id, _format(sighting))
        except self._away as error:
            raise OSError(type(error).__name__) from error


@dataclass(frozen=True)
class FileWitness:
    """A file beside a SQLite database."""

    path: Path

    def read(self, installation_id: str) -> Sighting | None:
        """Return what was told last of this installation, or None."""
        try:
            whose, _, told = self.path.read_text().partition(" ")
        except FileNotFoundError:
            return None
        return _parse(told) if whose == installation_id else None

    def write(self, installation_id: str, sighting: Sighting) -> None:
        """Replace the file: whoever is killed leaves the one before."""
        # Of this process alone: two that write one file would mix their texts.
        beside = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        beside.write_text(f"{installation_id} {_format(sighting)}")
        beside.replace(self.path)


class NoWitness:
    """Nobody is there to remember: PostgreSQL without Redis."""

    def read(self, installation_id: str) -> Sighting | None:
        """Know nothing."""
        return None

    def write(self, installation_id: str, sighting: Sighting) -> None:
        """Forget."""


@dataclass
class Watch:
    """Tells the witness what is claimed, and asks it whether this database is the one that sent last."""

    sessions: Sessions
    witness: Witness
    monotonic: Callable[[], float] = monotonic
    _installation_id: str | None = field(default=None, init=False)
    _told_at: float = field(default=float("-inf"), init=False)
    _away_until: float = field(default=float("-inf"), init=False)

    def confirm(self) -> str | None:
        """Return why nothing may be sent from this database, or None. Asked before a lane and in every tick.

        Raises:
            SQLAlchemyError: the database does not answer.
        """
        if self._installation_id is None:
            with reading(self.sessions) as session:
                self._installation_id = read_standing(session).installation_id
        # The witness first: what it saw was committed before, so a database that is well has it.
        witnessed = self._ask(self._installation_id)
        with reading(self.sessions) as session:
            standing = read_standing(session)
        if standing.installation_id != self._installation_id:
            self._installation_id = standing.installation_id
            return standing.restore_reason
        if standing.restore_reason is not None or witnessed is None or not is_restored(standing.latest, witnessed):
            return standing.restore_reason
        with transaction(self.sessions) as session:
            reason = note_restored(session, witnessed)
        if reason is not None:
            log.error("database_restored", reason=reason)
        return reason

    def saw(self, lease: Lease) -> None:
        """Tell the witness of an attempt whose claim has committed; at most once a second. Never fails."""
        now = self.monotonic()
        if self._installation_id is None or now - self._told_at < TELL_EVERY_SECONDS or now < self._away_until:
            return
        self._told_at = now
        try:
            self.witness.write(self._installation_id, Sighting(lease.attempt_id, lease.opened_at))
        except OSError as error:
            self._leave_alone(error)

    def _ask(self, installation_id: str) -> Sighting | None:
        if self.monotonic() < self._away_until:
            return None
        try:
            return self.witness.read(installation_id)
        except (OSError, ValueError) as error:
            self._leave_alone(error)
            return None

    def _leave_alone(self, error: Exception) -> None:
        self._away_until = self.monotonic() + AWAY_SECONDS
        log.debug("witness_away", error=str(error))


def open_witness(settings: Settings) -> Witness:
    """Return the witness that fits the installation; opens no connection yet."""
    database = read_url(settings.database_url)
    if database.get_backend_name() == "sqlite":
        named = database.database and not database.database.startswith("file:") and database.database != ":memory:"
        return FileWitness(Path(f"{database.database}.witness")) if named else NoWitness()
    if settings.broker_url.startswith(("redis://", "rediss://")):
        try:
            return RedisWitness(settings.broker_url)
        except ValueError as error:
            log.warning("no_witness", error=type(error).__name__)
    return NoWitness()


def _format(sighting: Sighting) -> str:
    return json.dumps({"attempt": sighting.attempt_id, "at": sighting.opened_at.isoformat()})


def _parse(text: str) -> Sighting:
    """Read what `_format` wrote.

    Raises:
        ValueError: something else is written there.
    """
    try:
        told = json.loads(text)
        return Sighting(int(told["attempt"]), datetime.fromisoformat(told["at"]))
    except (KeyError, TypeError) as error:
        raise ValueError("no sighting") from error
