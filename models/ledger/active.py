"""What is open, said in the words of the partial indexes: SQLite uses one only where its condition stands in the query.

PostgreSQL needs no such words for a value that it is given with the query, but for a plan that it keeps.
"""

from sqlalchemy import ColumnElement, and_, bindparam

from ..batch import Batch
from ..campaign import Campaign
from ..states import BatchStatus, CampaignStatus

_ACTIVE = (CampaignStatus.DRAFT, CampaignStatus.SCHEDULED, CampaignStatus.RUNNING)
_WAITING = (BatchStatus.AVAILABLE, BatchStatus.RETRYABLE)


def is_active() -> ColumnElement[bool]:
    """Say which campaigns have work before them, or may get it: those of `ix_bulkpost_campaigns_active`."""
    return Campaign.status.in_(bindparam("active", _ACTIVE, expanding=True, literal_execute=True))


def waits_in_doubt() -> ColumnElement[bool]:
    """Say which batches wait and may have been carried: those of `ix_bulkpost_batches_doubt`."""
    waits = Batch.status.in_(bindparam("waiting", _WAITING, expanding=True, literal_execute=True))
    return and_(Batch.doubt_since.is_not(None), waits)


def by_id() -> ColumnElement[int]:
    """Order active campaigns by id; said plainly, SQLite would read all campaigns for the order's sake."""
    return Campaign.id + 0
