"""Duplicates: every further row of a number, among all numbers or a few."""

from models.ledger.duplicates import Duplicate, find_duplicates
from models.ledger.importing import add_rows, begin_import
from models.ledger.rows import NewRow
from models.session import reading
from tests.support.ledger import PLAIN, Ledger

FIRST, SECOND, THIRD = "79030000001", "79030000002", "79030000003"


def a_list(ledger: Ledger, *msisdns: str | None) -> int:
    campaign_id = ledger.do(begin_import, content=PLAIN, account="default", column_names=())
    rows = [NewRow(msisdn, problem=None if msisdn else "no number") for msisdn in msisdns]
    ledger.do(add_rows, campaign_id, 1, rows)
    return campaign_id


def duplicates(ledger: Ledger, campaign_id: int, among: list[str] | None = None) -> list[Duplicate]:
    with reading(ledger.sessions) as session:
        return list(find_duplicates(session, campaign_id, among))


def test_every_further_row_of_a_number_is_a_duplicate(ledger: Ledger) -> None:
    campaign_id = a_list(ledger, FIRST, SECOND, FIRST, None, SECOND, FIRST, None, THIRD)

    found = duplicates(ledger, campaign_id)

    assert found == [Duplicate(3, 1, FIRST), Duplicate(5, 2, SECOND), Duplicate(6, 1, FIRST)]


def test_only_the_numbers_asked_for_are_looked_at(ledger: Ledger) -> None:
    campaign_id = a_list(ledger, FIRST, SECOND, FIRST, SECOND, THIRD)

    found = duplicates(ledger, campaign_id, [FIRST, THIRD])

    assert found == [Duplicate(3, 1, FIRST)]


def test_a_row_that_is_skipped_already_is_nobody_s_first(ledger: Ledger) -> None:
    campaign_id = ledger.do(begin_import, content=PLAIN, account="default", column_names=())
    rows = [NewRow(FIRST, problem="no value for {name}"), NewRow(FIRST), NewRow(FIRST)]
    ledger.do(add_rows, campaign_id, 1, rows)

    assert duplicates(ledger, campaign_id) == [Duplicate(3, 2, FIRST)]
    assert duplicates(ledger, campaign_id, [FIRST]) == [Duplicate(3, 2, FIRST)]
