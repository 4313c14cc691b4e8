"""Broken on purpose: a hint is an order, and what it is about is posted without a lease."""

from typing import Any

from sqlalchemy.orm import Session

from models.ledger.claim import claim
from models.work import Lease, Refused
from worker import dispatcher
from worker.drill.thrice import app

__all__ = ["app"]


def take_without_claim(session: Session, account_id: int, **options: Any) -> Lease | Refused:
    """Take the next batch and leave no trace of it, for whoever is hinted next to take it too."""
    with session.begin_nested() as savepoint:
        lease = claim(session, account_id, **options)
        savepoint.rollback()
    return lease


def leave_it_to_claim(*_given: object, **_options: object) -> None:
    """Claim nothing."""


vars(dispatcher).update(claim=take_without_claim, claim_at_once=leave_it_to_claim)
