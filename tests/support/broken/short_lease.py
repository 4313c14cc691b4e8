"""Broken on purpose: a lease ends long before its POST does."""

from typing import Any

from sqlalchemy.orm import Session

from models.direct import Direct
from models.ledger.claim import claim
from models.ledger.claim_at_once import claim_at_once
from models.work import Lease, Refused
from worker import dispatcher
from worker.drill.thrice import app

__all__ = ["app"]


def claim_for_a_moment(session: Session, account_id: int, **options: Any) -> Lease | Refused:
    """Claim for a tenth of a second."""
    return claim(session, account_id, **{**options, "lease_seconds": 0.1})


def claim_at_once_for_a_moment(connection: Direct, account_id: int, **options: Any) -> Lease | None:
    """Claim for a tenth of a second."""
    return claim_at_once(connection, account_id, **{**options, "lease_seconds": 0.1})


vars(dispatcher).update(claim=claim_for_a_moment, claim_at_once=claim_at_once_for_a_moment)
