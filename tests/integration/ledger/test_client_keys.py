"""The callers' own keys of recipients: used where they are legal and free, refused with the reason where not."""

from collections.abc import Callable, Iterator
from threading import Barrier
from threading import Event as Signal

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from models.campaign import Campaign
from models.errors import EmptyList
from models.ledger.client_keys import TAKEN_MEANWHILE
from models.ledger.enqueue import Recipient, enqueue_campaign
from models.ledger.keys import send_key
from models.ledger.owed import read_owed
from models.ledger.report import results
from models.ledger.rows import ROWS_AT_ONCE
from models.recipient import Recipient as Row
from models.session import reading, transaction
from tests.support.ledger import PLAIN, Ledger, numbers, together
from worker.database_faults import find_fault


def reasons(ledger: Ledger, campaign_id: int) -> dict[int, str | None]:
    return {position: one.reason for position, one in sorted(ledger.outcomes(campaign_id).items())}


def keyed(*keys: str | None, first: int = 79030000001) -> list[Recipient]:
    return [Recipient(str(first + place), client_key=key) for place, key in enumerate(keys)]


def test_the_callers_key_is_what_the_provider_gets(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(recipients=keyed("17", None, "999999999999999"))
    lease = ledger.a_lease()
    with reading(ledger.sessions) as session:
        posted = [one.send_key for one in read_owed(session, lease)]
        shown = [row.client_id_sms for row in results(session, campaign_id)]
    assert posted == shown == ["17", send_key(lease.key_prefix, 2), "999999999999999"]


@pytest.mark.parametrize("key", ["", "0", "017", "1234567890123456", "12a", "-1", " 1", "1\n", "١٢", "1.0"])
def test_a_key_of_another_form_costs_its_recipient_and_nobody_else(ledger: Ledger, key: str) -> None:
    campaign_id = ledger.a_draft(recipients=keyed("5", key, "6"))
    assert reasons(ledger, campaign_id) == {2: "its own key is not 1 to 15 digits without a zero in front"}
    assert ledger.all(select(Row.send_key).order_by(Row.position)) == ["5", None, "6"]


def test_a_key_that_the_list_has_twice_is_that_of_its_first_row(ledger: Ledger) -> None:
    campaign_id = ledger.a_draft(recipients=keyed("5", "6", "5"))
    assert reasons(ledger, campaign_id) == {3: "its own key is that of row 1 too"}


def test_a_key_comes_again_after_thousands_of_rows(ledger: Ledger) -> None:
    people = [*keyed("5"), *keyed(*[None] * 5_000, first=79040000000), *keyed("5", first=79050000000)]
    assert reasons(ledger, ledger.a_draft(recipients=people)) == {5_002: "its own key is that of row 1 too"}


def test_a_key_of_another_campaign_names_it(ledger: Ledger) -> None:
    first = ledger.a_draft(recipients=keyed("5"))
    second = ledger.a_draft(recipients=keyed("5", "6"))
    assert reasons(ledger, second) == {1: f"its own key is already used in campaign {first}"}


def test_another_account_has_keys_of_its_own(ledger: Ledger) -> None:
    ledger.an_account("other")
    ledger.a_draft(recipients=keyed("5"))
    assert reasons(ledger, ledger.a_draft(recipients=keyed("5"), account="other")) == {}


def test_the_key_of_a_row_that_is_not_sent_stays_free(ledger: Ledger) -> None:
    campaign_id = ledger.a_draft(recipients=[Recipient("no number", client_key="5"), *keyed("5")])
    assert reasons(ledger, campaign_id) == {1: "not a phone number of 8 to 14 digits"}


def test_a_list_whose_keys_are_all_used_is_refused_and_leaves_the_caller_going(ledger: Ledger) -> None:
    ledger.a_draft(recipients=keyed("5"))
    with ledger.transaction() as session:
        with pytest.raises(EmptyList):
            enqueue_campaign(session, content=PLAIN, recipients=keyed("5"), clock=ledger.clock)
        second = enqueue_campaign(session, content=PLAIN, recipients=keyed("6"), clock=ledger.clock)
    assert ledger.campaign(second).total_count == 1


def test_two_that_bring_one_key_at_once_share_it_out_and_both_commit(ledger: Ledger) -> None:
    keys = [str(number) for number in range(1, 40)]
    forward = keyed(*keys, None)
    backward = keyed(*reversed(keys), None, first=79040000001)
    bring: list[Callable[[], int]] = [
        lambda: ledger.a_draft(recipients=forward),
        lambda: ledger.a_draft(recipients=backward),
    ]
    together(bring * 3)
    used = ledger.all(select(Row.send_key).where(Row.send_key.is_not(None)))
    assert sorted(used, key=int) == keys
    assert len(ledger.all(select(Campaign.id).where(Campaign.imported_at.is_not(None)))) == 6


def test_a_key_that_another_transaction_commits_while_we_wait_is_refused(postgres_ledger: Ledger) -> None:
    ledger = postgres_ledger
    with ledger.sessions() as other:
        enqueue_campaign(other, content=PLAIN, recipients=keyed("5"), clock=ledger.clock)

        def second() -> int:
            return ledger.a_draft(recipients=keyed("5", "6", first=79040000001))

        def first() -> int:
            _await_a_waiting(ledger)
            other.commit()
            return 0

        campaign_id, _ = together([second, first])
    assert reasons(ledger, campaign_id) == {1: TAKEN_MEANWHILE}


def test_a_key_that_another_transaction_gives_back_while_we_wait_is_ours(postgres_ledger: Ledger) -> None:
    ledger = postgres_ledger
    with ledger.sessions() as other:
        enqueue_campaign(other, content=PLAIN, recipients=keyed("5"), clock=ledger.clock)

        def second() -> int:
            return ledger.a_draft(recipients=keyed("5", first=79040000001))

        def first() -> int:
            _await_a_waiting(ledger)
            other.rollback()
            return 0

        campaign_id, _ = together([second, first])
    assert reasons(ledger, campaign_id) == {}


def test_lists_that_are_sorted_by_key_do_not_deadlock_however_long(postgres_ledger: Ledger) -> None:
    """As texts 10000 comes before 9000: sorted so, each would wait for what the other has."""
    ledger = postgres_ledger
    begun = Signal()

    def first() -> Iterator[Recipient]:
        yield from keyed(*map(str, range(5_000, 10_000)))
        begun.set()  # what came so far is in the database
        _await_a_waiting(ledger)
        yield from keyed(*map(str, range(10_000, 11_000)), first=79040000000)

    def second() -> int:
        assert begun.wait(30)
        return ledger.a_draft(recipients=keyed(*map(str, range(9_000, 14_000)), first=79050000000))

    one, other = together([lambda: ledger.a_draft(recipients=first()), second])
    assert reasons(ledger, one) == {}
    assert set(reasons(ledger, other)) == set(range(1, 2_001))


def test_of_two_lists_that_each_want_a_key_of_the_other_one_is_made_and_the_other_may_come_again(
    postgres_ledger: Ledger,
) -> None:
    ledger = postgres_ledger
    both_begun = Barrier(2)

    def people(keys: range, last: str, first: int) -> Iterator[Recipient]:
        yield from keyed(*map(str, keys), first=first)
        both_begun.wait(30)
        yield from keyed(last, first=first + ROWS_AT_ONCE)

    def bring(keys: range, last: str, first: int) -> int | OperationalError:
        try:
            return ledger.a_draft(recipients=people(keys, last, first))
        except OperationalError as error:
            return error

    lists = [(range(1, 5_001), "10000", 79040000000), (range(5_001, 10_001), "1", 79050000000)]
    came = together([lambda: bring(*lists[0]), lambda: bring(*lists[1])])
    (failed,) = [place for place, one in enumerate(came) if isinstance(one, OperationalError)]
    fault = find_fault(came[failed])
    assert fault.passes
    assert "deadlock" in fault.words
    assert len(ledger.all(select(Campaign.id))) == 1
    keys, last, first = lists[failed]
    again = ledger.a_draft(recipients=keyed(*map(str, keys), last, first=first))
    made = came[1 - failed]
    assert sorted(reasons(ledger, again).values()) == [f"its own key is already used in campaign {made}"] * 2


def _await_a_waiting(ledger: Ledger) -> None:
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"
    with transaction(ledger.sessions) as session:
        while not _count(session, waiting):
            pass


def _count(session: Session, statement: str) -> int:
    return int(session.connection().exec_driver_sql(statement).scalar_one())


def test_a_list_with_keys_keeps_everything_else_of_its_rows(ledger: Ledger) -> None:
    strange = "Анна \\N \t \"quote\" 'x' {y}\r\n😀"
    people = [Recipient("79030000001", {}, strange, client_key="5"), *numbers(0)]
    ledger.a_draft(recipients=people)
    assert ledger.all(select(Row.ref)) == [strange]
