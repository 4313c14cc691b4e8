"""Reading what a lease owes: after the claim's commit, without a lock."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, case, exists, false, null, select, true
from sqlalchemy.orm import Session

from ..content import variable_names
from ..outcome import Outcome
from ..recipient import Recipient
from ..stop import Stop
from ..work import Lease, Owed
from .keys import first_key

_NO_VALUES: Mapping[str, str] = {}


def _recipients(values_json: ColumnElement[Any]) -> Select[int, str | None, str | None, Any, bool]:
    # Nearly always nobody of the range has an outcome and the stop list is empty: then nobody is looked up.
    ended = exists().where(Outcome.campaign_id == Recipient.campaign_id, Outcome.position == Recipient.position)
    stopped = exists().where(Stop.msisdn == Recipient.msisdn)
    return (
        select(
            Recipient.position,
            Recipient.msisdn,
            Recipient.send_key,
            values_json,
            case((exists(select(Stop.msisdn)), stopped), else_=false()).label("stopped"),
        )
        .where(
            _in_range(Recipient),
            case((exists(select(Outcome.position).where(_in_range(Outcome))), ~ended), else_=true()),
        )
        .order_by(Recipient.position)
    )


def _in_range(table: type[Outcome] | type[Recipient]) -> ColumnElement[bool]:
    span = table.position.between(bindparam("first"), bindparam("last"))
    return and_(table.campaign_id == bindparam("campaign_id"), span)


# Made once, by whether the recipients' values are needed: every batch asks for one of them.
_RECIPIENTS = {False: _recipients(null()), True: _recipients(Recipient.values_json.expression)}


def read_owed(session: Session, lease: Lease) -> list[Owed]:
    """Return the recipients of the leased range that have no outcome, in position order, and who of them is stopped.

    The values are decoded only where the content names some: most mailings say one text to everybody.
    """
    named = bool(variable_names(lease.content) or lease.timing.column_names)
    span = {"campaign_id": lease.campaign_id, "first": lease.first_position, "last": lease.last_position}
    rows = session.connection().execute(_RECIPIENTS[named], span).all()
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
