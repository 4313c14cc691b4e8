"""Broken on purpose: a lease ends long before its POST does."""

from typing import Any

from sqlalchemy.orm import Session

from models.ledger.claim import claim
from models.work import Lease, Refused
from worker import dispatcher
from worker.drill.thrice import app

__all__ = ["app"]


def claim_for_a_moment(session: Session, account_id: int, **options: Any) -> Lease | Refused:
    """Claim for a tenth of a second."""
    return claim(session, account_id, **{**options, "lease_seconds": 0.1})


vars(dispatcher).update(claim=claim_for_a_moment)
