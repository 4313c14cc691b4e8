"""Broken on purpose: whoever comes late writes as if the batch were still its own."""

from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.batch import Batch
from models.ledger.record import Recorded, record
from models.work import Closing, Lease
from worker import dispatcher
from worker.drill.thrice import app

__all__ = ["app"]


def record_unfenced(session: Session, lease: Lease, closing: Closing, **options: Any) -> Recorded:
    """Record under whatever attempt the batch is in by now."""
    number = session.execute(select(Batch.attempt_number).where(Batch.id == lease.batch_id)).scalar_one()
    return record(session, replace(lease, attempt_number=number), closing, **options)


vars(dispatcher).update(record=record_unfenced)
