"""Broken on purpose: every repetition asks under new keys."""

from dataclasses import replace

from sqlalchemy.orm import Session

from models.direct import Direct
from models.ledger.keys import new_prefix
from models.ledger.owed import read_owed
from models.work import Lease, Owing
from worker import dispatcher
from worker.drill.thrice import app

__all__ = ["app"]


def read_owed_under_new_keys(session: Session | Direct, lease: Lease) -> Owing:
    """Read what is owed; from the second attempt on as if nobody had ever been asked."""
    if lease.attempt_number > 1:
        lease = replace(lease, key_prefix=new_prefix(10 ** (int(lease.key_prefix[0]) - 1)))
    return read_owed(session, lease)


vars(dispatcher).update(read_owed=read_owed_under_new_keys)
