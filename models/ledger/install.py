"""The installation row and the first account: what a new database holds before anybody enqueues."""

import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..account import Account
from ..base import CONTRACT_VERSION
from ..installation import Installation
from ..session import Clock, database_clock
from .control import set_account
from .locks import SYSTEM

DEFAULT_ACCOUNT = "default"


def new_installation_id() -> str:
    """Return a name that no other database has."""
    return str(uuid.uuid4())


def install(session: Session, *, environment: str, gateway_url: str, clock: Clock = database_clock) -> Installation:
    """Write the installation row and account `default` where they are missing; change nothing that is there."""
    installation = session.execute(select(Installation)).scalar_one_or_none()
    if installation is None:
        installation = Installation(
            id=1,
            installation_id=new_installation_id(),
            environment=environment,
            contract_version=CONTRACT_VERSION,
            created_at=clock(session),
        )
        session.add(installation)
    # A later migration may bring another contract; the code that runs it is the code that fits it.
    installation.contract_version = CONTRACT_VERSION
    if session.execute(select(Account.id)).first() is None:
        set_account(session, DEFAULT_ACCOUNT, {"gateway_url": gateway_url}, actor=SYSTEM, clock=clock)
    return installation
