"""API keys: made, found by what a caller sends, revoked. Only hashes are kept: whoever reads the table has no key."""

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from ..account import Account
from ..api_key import ApiKey
from ..errors import LedgerError
from ..session import Clock, database_clock
from .locks import find_account, write_event
from .moves import changed_rows

ACTIONS = ("read", "send", "control")
"""What a key may be allowed: to look; to create campaigns and start them; to pause, resume, cancel and retry them."""
KEY_PREFIX = "bp_"
RANDOM_BYTES = 32
LONGEST_NAME = 64
USE_NOTED_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: a key that is not revoked. `account` None means every account."""

    key_id: int
    name: str
    account: str | None
    allowed: frozenset[str]
    is_noted: bool
    """Whether its use was noted within the last minute."""

    @property
    def actor(self) -> str:
        """Who the events say it was."""
        return f"key {self.name}"


def create_key(
    session: Session,
    name: str,
    *,
    account: str | None,
    allowed: Collection[str],
    actor: str,
    clock: Clock = database_clock,
) -> tuple[int, str]:
    """Make a key; return its id and the key itself, which nobody can read later.

    Raises:
        LedgerError: a name that is empty or too long, an action that there is not, or none.
        UnknownAccount: there is no such account.
    """
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise LedgerError(f'"{name[:LONGEST_NAME]}" is no name of a key: 1 to {LONGEST_NAME} printable characters')
    for action in allowed:
        if action not in ACTIONS:
            raise LedgerError(f'a key cannot be allowed to "{action}": there is {", ".join(ACTIONS)}')
    if not allowed:
        raise LedgerError(f"a key that is allowed nothing is of no use: allow it {', '.join(ACTIONS)}")
    owner = None if account is None else find_account(session, account).id
    now = clock(session)
    key = KEY_PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
    made = ApiKey(
        name=name,
        key_hash=_hash(key),
        account_id=owner,
        allowed=[action for action in ACTIONS if action in allowed],
        created_at=now,
        created_by=actor[:64],
    )
    session.add(made)
    session.flush()
    facts = {"key": made.id, "name": name, "allowed": made.allowed}
    write_event(session, now, actor, "api_key_created", account_id=owner, facts=facts)
    return made.id, key


def find_caller(session: Session, key: str, *, clock: Clock = database_clock) -> Caller | None:
    """Return who calls with this key; None where nobody may. Asked for every request: a revoked key ends at once."""
    row = session.execute(
        select(ApiKey, Account.name)
        .outerjoin(Account, Account.id == ApiKey.account_id)
        .where(ApiKey.key_hash == _hash(key), ApiKey.revoked_at.is_(None))
    ).one_or_none()
    if row is None or (row.ApiKey.account_id is not None and row.name is None):
        return None
    used = row.ApiKey.last_used_at
    noted = used is not None and used > clock(session) - timedelta(seconds=USE_NOTED_SECONDS)
    return Caller(row.ApiKey.id, row.ApiKey.name, row.name, frozenset(row.ApiKey.allowed), noted)


def note_use(session: Session, key_id: int, *, clock: Clock = database_clock) -> bool:
    """Remember that a key is used, to the minute; say whether that was news."""
    now = clock(session)
    unnoted = or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at <= now - timedelta(seconds=USE_NOTED_SECONDS))
    statement = update(ApiKey).where(ApiKey.id == key_id, unnoted).values(last_used_at=now)
    return changed_rows(session.execute(statement.execution_options(synchronize_session=False))) > 0


def list_keys(session: Session) -> list[dict[str, Any]]:
    """Return every key ever made, as `key list --json` prints them; the keys themselves are not known."""
    statement = select(ApiKey, Account.name).outerjoin(Account, Account.id == ApiKey.account_id).order_by(ApiKey.id)
    return [
        {
            "id": row.ApiKey.id,
            "name": row.ApiKey.name,
            "account": row.name,
            "allowed": row.ApiKey.allowed,
            "created_at": row.ApiKey.created_at,
            "created_by": row.ApiKey.created_by,
            "last_used_at": row.ApiKey.last_used_at,
            "revoked_at": row.ApiKey.revoked_at,
            "revoked_by": row.ApiKey.revoked_by,
        }
        for row in session.execute(statement).all()
    ]


def revoke_key(session: Session, key_id: int, *, actor: str, clock: Clock = database_clock) -> str:
    """End a key: once this has committed, no request with it is answered. Return its name.

    Raises:
        LedgerError: there is none, or it is revoked already.
    """
    key = session.execute(
        select(ApiKey).where(ApiKey.id == key_id).with_for_update(key_share=True)
    ).scalar_one_or_none()
    if key is None:
        raise LedgerError(f"no key {key_id}: bulkpost key list shows those that there are")
    if key.revoked_at is not None:
        raise LedgerError(f"key {key_id} is revoked already, by {key.revoked_by}: nothing is left to do")
    key.revoked_at, key.revoked_by = clock(session), actor[:64]
    facts = {"key": key_id, "name": key.name}
    write_event(session, key.revoked_at, actor, "api_key_revoked", account_id=key.account_id, facts=facts)
    return key.name


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
