"""Requests with an `Idempotency-Key`: the first is worked, its repeats get the same answer.

The row is written in the transaction of the work. Two at once: the second waits for the first's transaction, for a
bounded time, and then either finds the answer or does the work itself.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, select, text, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from ..api_key import HttpRequest
from ..errors import LedgerError
from ..session import Clock, database_clock

KEPT_SECONDS = 7 * 86_400.0
"""How long a repeat gets the first answer."""
FORGOTTEN_AT_ONCE = 1_000
_WAIT_MILLISECONDS = 2_000
_LOCK_NOT_AVAILABLE = "55P03"


class KeyReused(LedgerError):
    """Raised when an `Idempotency-Key` comes again with another request."""


class StillAtWork(LedgerError):
    """Raised when the first request with a key is not done yet."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What the first request with a key was answered."""

    status: int
    answer: str


def is_answered(session: Session, api_key_id: int, key: str) -> bool:
    """Say whether a request with this key was answered."""
    statement = select(HttpRequest.status).where(
        HttpRequest.api_key_id == api_key_id, HttpRequest.idempotency_key == key, HttpRequest.status.is_not(None)
    )
    return session.execute(statement).first() is not None


def find_answer(session: Session, api_key_id: int, key: str, fingerprint: str) -> Answered | None:
    """Return what was answered to this request; None where it is new. Only reads.

    Raises:
        KeyReused: it was another request.
    """
    row = session.execute(
        select(HttpRequest.fingerprint, HttpRequest.status, HttpRequest.answer).where(
            HttpRequest.api_key_id == api_key_id, HttpRequest.idempotency_key == key
        )
    ).one_or_none()
    if row is None:
        return None
    if row.fingerprint != fingerprint:
        raise KeyReused("this Idempotency-Key belongs to another request: use a new key for a new request")
    return Answered(row.status or 200, row.answer or "{}")


def take_up(
    session: Session, api_key_id: int, key: str, fingerprint: str, *, clock: Clock = database_clock
) -> Answered | None:
    """Claim a request for this transaction; return the answer where another one has done it.

    Raises:
        KeyReused: it was another request.
        StillAtWork: another transaction is at it, and not done within two seconds.
    """
    values = {
        "api_key_id": api_key_id,
        "idempotency_key": key,
        "fingerprint": fingerprint,
        "created_at": clock(session),
    }
    insert = sqlite_insert if session.get_bind().dialect.name == "sqlite" else postgresql_insert
    with waiting_briefly(session):
        statement = insert(HttpRequest).values(values).on_conflict_do_nothing().returning(HttpRequest.api_key_id)
        is_new = session.execute(statement).first() is not None
    if is_new:
        return None
    return find_answer(session, api_key_id, key, fingerprint)


def keep_answer(session: Session, api_key_id: int, key: str, *, campaign_id: int, status: int, answer: str) -> None:
    """Keep what this transaction's request is answered."""
    session.execute(
        update(HttpRequest)
        .where(HttpRequest.api_key_id == api_key_id, HttpRequest.idempotency_key == key)
        .values(campaign_id=campaign_id, status=status, answer=answer)
        .execution_options(synchronize_session=False)
    )


def forget_answers(session: Session, *, clock: Clock = database_clock) -> int:
    """Remove a bounded number of answers that are older than KEPT_SECONDS; return how many."""
    old = clock(session) - timedelta(seconds=KEPT_SECONDS)
    found = session.execute(
        select(HttpRequest.api_key_id, HttpRequest.idempotency_key)
        .where(HttpRequest.created_at < old)
        .order_by(HttpRequest.created_at)
        .limit(FORGOTTEN_AT_ONCE)
        .with_for_update(skip_locked=True)
    ).all()
    for row in found:
        session.execute(
            delete(HttpRequest).where(
                HttpRequest.api_key_id == row.api_key_id, HttpRequest.idempotency_key == row.idempotency_key
            )
        )
    return len(found)


@contextmanager
def waiting_briefly(session: Session) -> Iterator[None]:
    """Wait two seconds at the most for another transaction. SQLite writers queue before they begin.

    Raises:
        StillAtWork: it has not ended; this transaction is over, too.
    """
    if session.get_bind().dialect.name == "sqlite":
        yield
        return
    session.execute(text(f"SET LOCAL lock_timeout = {_WAIT_MILLISECONDS}"))
    try:
        yield
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
            raise
        raise StillAtWork("the first request with this key is still at work: ask again in a moment") from None
    session.execute(text("SET LOCAL lock_timeout = 0"))
