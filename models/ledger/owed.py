"""Reading what a lease owes: after the claim's commit, without a lock."""

import json
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Integer,
    ScalarSelect,
    Select,
    Subquery,
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
    dialect = connection.dialect.name
    owing = _everybody(lease, connection.execute(_usual(named, dialect), span).one())
    return owing or _somebody(lease, connection.execute(_careful(named, dialect), span).one())


def _everybody(lease: Lease, found: Any) -> Owing | None:
    """Return who is owed where that is all of the range, nobody of them stopped; None where it must be read closely."""
    count = lease.last_position - lease.first_position + 1
    if found.everybody_count != count or found.stopped_count or found.key_count not in (0, count):
        return None
    msisdns = found.msisdns.split(",")
    positions = range(lease.first_position, lease.last_position + 1)
    keys = found.send_keys.split(",") if found.key_count else _made(lease, positions)
    if not len(msisdns) == len(keys) == count:
        return None
    return Owing(positions, msisdns, keys, lease.column_names, _values(found))


def _somebody(lease: Lease, found: Any) -> Owing:
    if found.positions is None:
        return Owing((), (), ())
    positions = list(map(int, found.positions.split(",")))
    stopped = frozenset(map(int, found.stopped.split(","))) if found.stopped else ()
    keys = [key or made for key, made in zip(found.send_keys.split(","), _made(lease, positions), strict=True)]
    return Owing(positions, found.msisdns.split(","), keys, lease.column_names, _values(found), stopped)


def _made(lease: Lease, positions: Iterable[int]) -> list[str]:
    """Return the keys that the campaign gives its recipients."""
    first = first_key(lease.key_prefix) if lease.key_prefix else 0
    return [str(first + position) for position in positions]


def _values(found: Any) -> Sequence[Sequence[str]]:
    return json.loads(f"[{found.rows}]") if found.rows else ()


@cache
def _usual(named: bool, dialect: str) -> Select[Any]:
    """Make the statement that reads every column as one text: a thousand rows take the driver five times as long."""
    each = _each(Recipient.values_json.expression if named else null(), dialect).subquery("each_of_them")
    join, comma = _joining(dialect)
    return select(
        func.count().label("everybody_count"),
        func.count(case((each.c.stopped, 1))).label("stopped_count"),
        # Of those who have one of their own: of nobody, nearly always.
        func.count(each.c.send_key).label("key_count"),
        join(each.c.send_key, comma).label("send_keys"),
        join(each.c.msisdn, comma).label("msisdns"),
        join(_values_of(each, named), comma).label("rows"),
    ).select_from(each)


@cache
def _careful(named: bool, dialect: str) -> Select[Any]:
    """Make the statement that also says who they are, and keeps the columns apart.

    A comma in a number or a key would shift the others; it makes neither better nor worse than a blank does.
    """
    each = _each(Recipient.values_json.expression if named else null(), dialect).subquery("each_of_them")
    join, comma = _joining(dialect)
    columns = {
        "positions": cast(each.c.position, Text),
        "msisdns": func.replace(each.c.msisdn, comma, _literal(" ")),
        "send_keys": func.replace(func.coalesce(each.c.send_key, _literal("")), comma, _literal(" ")),
        "stopped": case((each.c.stopped, cast(each.c.position, Text))),
        "rows": _values_of(each, named),
    }
    return select(*[join(column, comma).label(name) for name, column in columns.items()])


def _values_of(each: Subquery, named: bool) -> ColumnElement[Any]:
    return func.coalesce(each.c.values_json, _literal("[]")) if named else cast(null(), Text)


def _joining(dialect: str) -> tuple[Any, ColumnElement[str]]:
    return (func.group_concat if dialect == "sqlite" else func.string_agg), _literal(",")


def _literal(text: str) -> ColumnElement[str]:
    return literal_column(f"'{text}'", Text)


def _each(values_json: ColumnElement[Any], dialect: str) -> Select[Any]:
    # Nearly always nobody of the range has an outcome and the stop list is empty: then nobody is looked up. Asked for a
    # value and not whether there is one, PostgreSQL does look up, and does not read a whole stop list for a thousand.
    ended = _found(Outcome.campaign_id == Recipient.campaign_id, Outcome.position == Recipient.position)
    stopped = _found(Stop.msisdn == Recipient.msisdn)
    some_ended = exists(select(Outcome.position).where(_in_range(Outcome, dialect)))
    return (
        select(
            Recipient.position,
            Recipient.msisdn,
            Recipient.send_key,
            values_json.label("values_json"),
            case((exists(select(Stop.msisdn)), stopped), else_=false()).label("stopped"),
        )
        .where(
            _in_range(Recipient, dialect),
            Recipient.msisdn.is_not(None),
            case((some_ended, ended.is_(None)), else_=true()),
        )
        .order_by(Recipient.position)
    )


def _found(*where: ColumnElement[bool]) -> ScalarSelect[bool]:
    """Return true where there is one, and nothing where there is none."""
    return select(true()).where(*where).correlate(Recipient).scalar_subquery()


def _in_range(table: type[Outcome] | type[Recipient], dialect: str) -> ColumnElement[bool]:
    first, last = (_unseen(bindparam(name, type_=Integer), dialect) for name in ("first", "last"))
    return and_(table.campaign_id == bindparam("campaign_id"), table.position.between(first, last))


def _unseen(bound: BindParameter[int], dialect: str) -> ColumnElement[int]:
    """Let PostgreSQL not see a bound while it plans: it would make another plan for each range, which takes it longer
    than to read a hundred."""
    return bound if dialect == "sqlite" else select(bound).scalar_subquery()
