"""Lookalike: a mailing that was created a moment ago is noticed, another one is not."""

import pytest

from models.content import Sms
from models.ledger.enqueue import Recipient
from models.ledger.lookalike import find_lookalike
from tests.support.ledger import Ledger


def people(first: int, count: int) -> list[Recipient]:
    return [Recipient(str(79030000000 + number)) for number in range(first, first + count)]


@pytest.mark.parametrize(("shift", "found"), [(0, True), (40, True), (60, False), (1000, False)])
def test_mostly_the_same_numbers_are_a_lookalike(ledger: Ledger, shift: int, found: bool) -> None:
    first = ledger.a_draft(recipients=people(1, 100))
    second = ledger.a_draft(recipients=people(1 + shift, 100))
    lookalike = ledger.read(find_lookalike, second)
    assert (lookalike.campaign_id if lookalike else None) == (first if found else None)


def test_a_long_list_is_judged_by_a_sample(sqlite_ledger: Ledger) -> None:
    first = sqlite_ledger.a_draft(recipients=people(1, 3000))
    second = sqlite_ledger.a_draft(recipients=people(1, 3000))
    lookalike = sqlite_ledger.read(find_lookalike, second)
    assert lookalike is not None
    assert (lookalike.campaign_id, lookalike.share) == (first, 1)


def test_other_words_another_account_and_another_day_are_no_lookalikes(ledger: Ledger) -> None:
    ledger.an_account("other")
    ledger.a_draft(recipients=people(1, 10), content=Sms(sender="Shop", text="Other"))
    ledger.a_draft(recipients=people(1, 10), account="other")
    cancelled = ledger.a_draft(recipients=people(1, 10))
    ledger.cancel(cancelled)
    assert ledger.read(find_lookalike, ledger.a_draft(recipients=people(1, 10))) is None
    ledger.clock.jump(86_401)
    assert ledger.read(find_lookalike, ledger.a_draft(recipients=people(1, 10))) is None
