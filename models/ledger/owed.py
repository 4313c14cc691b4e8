"""Reading what a lease owes: after the claim's commit, without a lock."""

import json
from collections.abc import Mapping

from sqlalchemy import null, select
from sqlalchemy.orm import Session

from ..content import variable_names
from ..recipient import Recipient
from ..stop import Stop
from ..work import Lease, Owed
from .keys import first_key
from .ready import pending_in

_NO_VALUES: Mapping[str, str] = {}


def read_owed(session: Session, lease: Lease) -> list[Owed]:
    """Return the recipients of the leased range that have no outcome, in position order, and who of them is stopped.

    The values are decoded only where the content names some: most mailings say one text to everybody.
    """
    named = bool(variable_names(lease.content) or lease.timing.column_names)
    rows = session.execute(
        select(
            Recipient.position,
            Recipient.msisdn,
            Recipient.send_key,
            Recipient.values_json if named else null().label("values_json"),
            Stop.msisdn.is_not(None).label("stopped"),
        )
        .outerjoin(Stop, Stop.msisdn == Recipient.msisdn)
        .where(pending_in(lease.campaign_id, lease.first_position, lease.last_position))
        .order_by(Recipient.position)
    ).all()
    names, first = lease.column_names, first_key(lease.key_prefix) if lease.key_prefix else 0
    return [
        Owed(
            position,
            msisdn,
            key or str(first + position),
            dict(zip(names, json.loads(values), strict=False)) if values else _NO_VALUES,
            stopped,
        )
        for position, msisdn, key, values, stopped in rows
        if msisdn is not None
    ]
