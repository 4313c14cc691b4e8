"""The list that ships: large enough for a demo, with every kind of damage that a first list has."""

from collections import Counter
from pathlib import Path

from worker.intake import open_list

SAMPLE = Path(__file__).parents[3] / "worker" / "samples" / "list.csv"


def test_the_sample_list_has_a_thousand_rows_and_every_kind_of_damage() -> None:
    with open_list(SAMPLE) as recipients:
        rows = list(recipients)

    assert recipients.columns == ("name", "city", "order")
    assert len(rows) == 1000
    numbers = Counter(row.msisdn for row in rows if row.msisdn)
    assert (len(numbers), numbers.most_common(3)[1][1], numbers.most_common(3)[2][1]) == (992, 2, 1)
    assert len({row.problem for row in rows if row.problem}) == 6
    assert sum(row.problem is None and not row.values[0] for row in rows) == 1


def test_the_sample_list_holds_nobodys_number() -> None:
    with open_list(SAMPLE) as recipients:
        assert all(row.msisdn.startswith("79000000") or row.msisdn == "79009990001" for row in recipients if row.msisdn)
