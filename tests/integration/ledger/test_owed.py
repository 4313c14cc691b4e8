"""Reading what a lease owes: every row's columns stay together, whatever other applications have written into them."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text, update

from models.content import Sms
from models.direct import direct
from models.ledger.enqueue import Recipient
from models.ledger.keys import send_key
from models.ledger.owed import read_owed
from models.ledger.stops import add_stops
from models.recipient import Recipient as Row
from models.session import Sessions, reading, transaction
from models.work import Lease, Owed
from tests.support.ledger import Ledger, accepted, open_ledger

BELIEVED_TO_BE_MORE = "UPDATE pg_class SET reltuples = 20 * reltuples WHERE relname LIKE '%recipients'"
JIT_ABOVE_COST = 100_000
"""PostgreSQL's default."""
STRANGE = ('a, "b"', "],[", "é👋", "\\", "x")
MUCH = (
    "INSERT INTO bulkpost_recipients (campaign_id, position, msisdn) "
    "SELECT 1, n, 79030000000 + n FROM generate_series(1001, 300000) n",
    "INSERT INTO bulkpost_stops (msisdn, reason, added_at, added_by) "
    "SELECT 79990000000 + n, 'asked', now(), 'anna' FROM generate_series(1, 20000) n",
    "ANALYZE",
)


def owed(ledger: Ledger, lease: Lease) -> list[Owed]:
    with reading(ledger.sessions) as session:
        return list(read_owed(session, lease))


def a_lease(ledger: Ledger) -> Lease:
    people = [
        Recipient(str(79030000000 + place), {"name": name}, client_key="17" if place == 2 else None)
        for place, name in enumerate(STRANGE, 1)
    ]
    ledger.a_campaign(content=Sms("Shop", "Hello {name}"), recipients=people)
    return ledger.a_lease()


def write(ledger: Ledger, position: int, **columns: str | None) -> None:
    with ledger.transaction() as session:
        session.execute(update(Row).where(Row.position == position).values(**columns))


def test_everybody_has_the_own_number_key_and_values_in_order(ledger: Ledger) -> None:
    lease = a_lease(ledger)
    keys = [send_key(lease.key_prefix, place) for place in range(1, 6)]
    keys[1] = "17"
    assert owed(ledger, lease) == [
        Owed(place, str(79030000000 + place), key, {"name": name})
        for place, (key, name) in enumerate(zip(keys, STRANGE, strict=True), 1)
    ]


def test_a_comma_in_a_number_makes_a_bad_number_of_it_alone(ledger: Ledger) -> None:
    lease = a_lease(ledger)
    before = owed(ledger, lease)
    write(ledger, 2, msisdn="790,30")
    write(ledger, 3, msisdn="")
    assert owed(ledger, lease) == [
        before[0],
        before[1]._replace(msisdn="790 30"),
        before[2]._replace(msisdn=""),
        *before[3:],
    ]


def test_a_row_without_a_number_is_nobodys_and_one_without_values_has_none(ledger: Ledger) -> None:
    lease = a_lease(ledger)
    before = owed(ledger, lease)
    write(ledger, 2, msisdn=None)
    write(ledger, 4, values_json=None)
    write(ledger, 5, values_json="[]")
    assert owed(ledger, lease) == [before[0], before[2], *(one._replace(values={}) for one in before[3:])]


@pytest.mark.parametrize("without", [None, 3])
def test_a_comma_shifts_nobody_where_nearly_all_have_keys_of_their_own(ledger: Ledger, without: int | None) -> None:
    people = [
        Recipient(str(79030000000 + place), client_key=None if place == without else str(place))
        for place in range(1, 5)
    ]
    ledger.a_campaign(recipients=people)
    lease = ledger.a_lease()
    before = owed(ledger, lease)
    assert [one.send_key for one in before if one.position != without] == [
        str(place) for place in range(1, 5) if place != without
    ]
    write(ledger, 2, send_key="2,2")
    assert owed(ledger, lease) == [before[0], before[1]._replace(send_key="2 2"), *before[2:]]


def test_whoever_has_an_outcome_is_owed_nothing_and_the_others_keep_what_is_theirs(ledger: Ledger) -> None:
    ledger.a_campaign(5)
    lease = ledger.a_lease()
    everybody = owed(ledger, lease)
    assert [one.position for one in everybody] == [1, 2, 3, 4, 5]
    ledger.record(lease, accepted(lease, only=(1, 4)))
    assert owed(ledger, lease) == [everybody[1], everybody[2], everybody[4]]


def asked(sessions: Sessions, lease: Lease, times: int) -> Any:
    """Ask so often, on one connection, and return what PostgreSQL says of the statement there, and its plan."""
    with direct(sessions) as connection:
        for _ in range(times):
            read_owed(connection, lease)
    kept = text(
        "SELECT name, custom_plans, generic_plans FROM pg_prepared_statements WHERE statement LIKE '%everybody%'"
    )
    with reading(sessions) as session:
        found = session.execute(kept).one()
        plan = session.execute(text(f"EXPLAIN EXECUTE {found.name}(1, {lease.campaign_id}, 1, 1000)")).scalars().all()
    return found, "\n".join(plan)


@pytest.fixture
def leased(postgres_url: str) -> Iterator[tuple[Ledger, Lease]]:
    """A lease of a thousand, on PostgreSQL."""
    with open_ledger(postgres_url) as ledger:
        ledger.a_campaign(1000)
        yield ledger, ledger.a_lease()


def write_all(ledger: Ledger, *statements: str) -> None:
    with transaction(ledger.sessions) as session:
        for statement in statements:
            session.execute(text(statement))


def test_postgresql_plans_once_for_all_ranges_and_does_not_read_a_stop_list(leased: tuple[Ledger, Lease]) -> None:
    ledger, lease = leased
    write_all(ledger, *MUCH)
    found, plan = asked(ledger.sessions, lease, 8)
    assert (found.custom_plans, found.generic_plans) == (5, 3)
    assert "pk_bulkpost_stops" in plan
    assert "hashed" not in plan


def test_a_campaign_of_millions_is_read_without_compiling_the_statement(leased: tuple[Ledger, Lease]) -> None:
    ledger, lease = leased
    write_all(ledger, *MUCH, BELIEVED_TO_BE_MORE)
    _found, plan = asked(ledger.sessions, lease, 8)
    cost = float(plan.partition("..")[2].partition(" ")[0])
    assert (cost > JIT_ABOVE_COST, "JIT" in plan) == (True, False)


def test_a_list_of_stops_that_came_in_is_looked_up_at_once(leased: tuple[Ledger, Lease]) -> None:
    ledger, lease = leased
    write_all(ledger, "INSERT INTO bulkpost_stops VALUES ('79990000000', 'asked', now(), 'anna')", "ANALYZE")
    _found, short = asked(ledger.sessions, lease, 8)
    with ledger.transaction() as session:
        add_stops(session, [str(79990000000 + n) for n in range(5_000)], reason="asked", actor="anna")
    _found, long = asked(ledger.sessions, lease, 0)
    assert ["pk_bulkpost_stops" in plan for plan in (short, long)] == [False, True]
