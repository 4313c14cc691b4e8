"""Reading what a lease owes: every row's columns stay together, whatever other applications have written into them."""

import pytest
from sqlalchemy import update

from models.content import Sms
from models.ledger.enqueue import Recipient
from models.ledger.keys import send_key
from models.ledger.owed import read_owed
from models.recipient import Recipient as Row
from models.session import reading
from models.work import Lease, Owed
from tests.support.ledger import Ledger, accepted

STRANGE = ('a, "b"', "],[", "é👋", "\\", "x")


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
