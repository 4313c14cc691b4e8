"""Reading what a lease owes: after the claim's commit, without a lock."""

import json
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    and_,
    bindparam,
    case,
    cast,
    exists,
    false,
    func,
    literal_column,
    null,
    select,
    true,
)
from sqlalchemy.orm import Session

from ..content import variable_names
from ..direct import Direct
from ..outcome import Outcome
from ..recipient import Recipient
from ..stop import Stop
from ..work import Lease, Owing
from .keys import first_key


def read_owed(session: Session | Direct, lease: Lease) -> Owing:
    """Return the recipients of the leased range that have no outcome, and who of them is stopped.

    The values are decoded only where the content names some: most mailings say one text to everybody.
    """
    named = bool(variable_names(lease.content) or lease.timing.column_names)
    span = {"campaign_id": lease.campaign_id, "first": lease.first_position, "last": lease.last_position}
    connection = session if isinstance(session, Direct) else session.connection()
    found = connection.execute(_everybody(named, connection.dialect.name), span).one()
    if found.positions is None:
        return Owing((), (), ())
    positions = list(map(int, found.positions.split(",")))
    return Owing(
        positions,
        found.msisdns.split(","),
        _keys(lease, positions, found.send_keys),
        lease.column_names,
        json.loads(f"[{found.rows}]") if named else (),
        frozenset(map(int, found.stopped.split(","))) if found.stopped else (),
    )


def _keys(lease: Lease, positions: list[int], own: str) -> list[str]:
    """Return the recipients' own keys, and for who has none the campaign's."""
    first = first_key(lease.key_prefix) if lease.key_prefix else 0
    made = [str(first + position) for position in positions]
    if not own.strip(","):
        return made
    return [key or other for key, other in zip(own.split(","), made, strict=True)]


@cache
def _everybody(named: bool, dialect: str) -> Select[Any]:
    """Make the statement that reads every column as one text: a thousand rows take the driver five times as long.

    A comma in a number or a key would shift the others; it makes neither better nor worse than a blank does.
    """
    each = _each(Recipient.values_json.expression if named else null()).subquery("each_of_them")
    comma = _literal(",")
    columns = {
        "positions": cast(each.c.position, Text),
        "msisdns": func.replace(each.c.msisdn, comma, _literal(" ")),
        "send_keys": func.replace(func.coalesce(each.c.send_key, _literal("")), comma, _literal(" ")),
        "stopped": case((each.c.stopped, cast(each.c.position, Text))),
    }
    if named:
        columns["rows"] = func.coalesce(each.c.values_json, _literal("[]"))
    join = func.group_concat if dialect == "sqlite" else func.string_agg
    return select(*[join(column, comma).label(name) for name, column in columns.items()])


def _literal(text: str) -> ColumnElement[str]:
    return literal_column(f"'{text}'", Text)


def _each(values_json: ColumnElement[Any]) -> Select[Any]:
    # Nearly always nobody of the range has an outcome and the stop list is empty: then nobody is looked up.
    ended = exists().where(Outcome.campaign_id == Recipient.campaign_id, Outcome.position == Recipient.position)
    stopped = exists().where(Stop.msisdn == Recipient.msisdn)
    return (
        select(
            Recipient.position,
            Recipient.msisdn,
            Recipient.send_key,
            values_json.label("values_json"),
            case((exists(select(Stop.msisdn)), stopped), else_=false()).label("stopped"),
        )
        .where(
            _in_range(Recipient),
            Recipient.msisdn.is_not(None),
            case((exists(select(Outcome.position).where(_in_range(Outcome))), ~ended), else_=true()),
        )
        .order_by(Recipient.position)
    )


def _in_range(table: type[Outcome] | type[Recipient]) -> ColumnElement[bool]:
    span = table.position.between(bindparam("first"), bindparam("last"))
    return and_(table.campaign_id == bindparam("campaign_id"), span)
