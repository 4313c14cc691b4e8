"""Saved lists: read once, replaced all at once, and sent to by schedules."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from models.content import Sms
from models.ledger.lists import (
    ListChanged,
    ListInUse,
    UnknownList,
    begin_list,
    find_list,
    finish_list,
    list_lists,
    read_list,
    remove_list,
    remove_list_rows,
    sweep_silent_list,
)
from models.ledger.rescue import SILENT_IMPORT_SECONDS
from models.ledger.schedules import end_schedule
from models.recipient import Recipient
from models.schedule import SavedList, SavedRow
from models.session import reading, transaction
from tests.support.ledger import Ledger, together
from tests.support.recurring import DAY, TEN, Recurring
from worker.intake.errors import IntakeError
from worker.intake.opening import open_list
from worker.intake.row import Row
from worker.recipes import Untold
from worker.saved_lists import NobodyListed, save_list


def save(ledger: Ledger, folder: Path, *numbers: str, name: str = "vips") -> int:
    """Save a list of numbers with names; return its id."""
    path = folder / "saved.csv"
    path.write_text("\n".join(("phone,name", *(f"{number},Ivan" for number in numbers), "")))
    with open_list(path) as rows:
        save_list(ledger.sessions, name, rows, Untold(), actor="anna", clock=ledger.clock)
    with reading(ledger.sessions) as session:
        return find_list(session, name).id


def numbers_of(ledger: Ledger, name: str = "vips") -> list[str | None]:
    with reading(ledger.sessions) as session:
        return [row.msisdn for row in read_list(session, find_list(session, name))]


def rows_in_all(ledger: Ledger) -> int:
    (count,) = ledger.all(select(func.count()).select_from(SavedRow))
    return int(count)


class Broken:
    """A list that breaks after its first row."""

    columns = ("name",)

    def __iter__(self) -> Iterator[Row]:
        yield Row(1, "79033256699", "79033256699", None, ("Ivan",), None)
        raise IntakeError("a quote that is never closed")


def test_a_schedule_sends_to_a_list_as_it_is_at_each_occurrence(recurring: Recurring) -> None:
    ledger = recurring.ledger
    save(ledger, recurring.folder, "79033256601", "no number")
    schedule_id = recurring.a_schedule(list_name="vips", content=Sms(sender="Shop", text="Hello {name}"))
    recurring.at(TEN)
    first = recurring.make(schedule_id)
    save(ledger, recurring.folder, "79033256602", "79033256603")
    recurring.at(TEN + DAY)
    assert recurring.make(schedule_id) is not None
    sent_to = ledger.all(select(Recipient.msisdn).order_by(Recipient.campaign_id, Recipient.position))
    assert sent_to == ["79033256601", None, "79033256602", "79033256603"]
    assert first is not None
    assert list(ledger.statuses(first)) == [2]


def test_a_list_is_replaced_all_at_once_and_the_old_rows_go(recurring: Recurring) -> None:
    old = save(recurring.ledger, recurring.folder, "79033256601", "79033256602")
    new = save(recurring.ledger, recurring.folder, "79033256603")
    assert old != new
    assert numbers_of(recurring.ledger) == ["79033256603"]
    assert rows_in_all(recurring.ledger) == 1
    with reading(recurring.ledger.sessions) as session:
        assert [(one["name"], one["rows"]) for one in list_lists(session)] == [("vips", 1)]


def test_a_list_that_breaks_leaves_the_old_one_as_it_was(recurring: Recurring) -> None:
    save(recurring.ledger, recurring.folder, "79033256601")
    with pytest.raises(IntakeError, match="never closed"):
        save_list(recurring.ledger.sessions, "vips", Broken(), Untold(), actor="anna", clock=recurring.ledger.clock)
    assert numbers_of(recurring.ledger) == ["79033256601"]
    assert rows_in_all(recurring.ledger) == 1


def test_a_list_of_nobody_is_refused(recurring: Recurring) -> None:
    with pytest.raises(NobodyListed, match="not one of 1 rows"):
        save(recurring.ledger, recurring.folder, "nope")
    assert rows_in_all(recurring.ledger) == 0


def test_whoever_reads_a_list_that_is_replaced_is_told(recurring: Recurring) -> None:
    ledger = recurring.ledger
    save(ledger, recurring.folder, "79033256601")
    with reading(ledger.sessions) as session:
        old = find_list(session, "vips")
    save(ledger, recurring.folder, "79033256602")
    with reading(ledger.sessions) as session, pytest.raises(ListChanged):
        list(read_list(session, old))


def test_a_save_that_was_killed_is_swept_after_an_hour(recurring: Recurring) -> None:
    ledger = recurring.ledger
    with transaction(ledger.sessions) as session:
        begin_list(session, ["name"], actor="anna", clock=ledger.clock)
    assert not ledger.do(sweep_silent_list)
    ledger.clock.jump(SILENT_IMPORT_SECONDS + 1)
    assert ledger.do(sweep_silent_list)
    assert ledger.all(select(SavedList.id)) == []


def test_a_replaced_list_whose_remover_died_is_swept(recurring: Recurring) -> None:
    ledger = recurring.ledger
    save(ledger, recurring.folder, "79033256601")
    ledger.do(remove_list, "vips", actor="anna")
    assert rows_in_all(ledger) == 1
    assert ledger.do(sweep_silent_list)
    assert rows_in_all(ledger) == 0


def test_a_list_that_a_schedule_needs_is_not_removed(recurring: Recurring) -> None:
    ledger = recurring.ledger
    save(ledger, recurring.folder, "79033256601")
    recurring.a_schedule(list_name="vips")
    with pytest.raises(ListInUse, match='"daily"'):
        ledger.do(remove_list, "vips", actor="anna")
    ledger.do(end_schedule, "daily", actor="anna")
    list_id = ledger.do(remove_list, "vips", actor="anna")
    with transaction(ledger.sessions) as session:
        assert not remove_list_rows(session, list_id)
    with reading(ledger.sessions) as session, pytest.raises(UnknownList, match="bulkpost list save"):
        find_list(session, "vips")


def test_of_saves_at_the_same_moment_the_last_one_wins_and_nothing_is_left(postgres_recurring: Recurring) -> None:
    ledger = postgres_recurring.ledger
    folders = [postgres_recurring.folder / str(number) for number in range(4)]
    for folder in folders:
        folder.mkdir()
    together([lambda folder=folder: save(ledger, folder, f"7903325660{folder.name}") for folder in folders])
    assert len(numbers_of(ledger)) == rows_in_all(ledger) == 1
    assert Counter(ledger.events())["list_saved"] == 4


def test_finishing_a_list_that_was_swept_away_is_refused(recurring: Recurring) -> None:
    ledger = recurring.ledger
    with transaction(ledger.sessions) as session:
        list_id = begin_list(session, [], actor="anna", clock=ledger.clock)
    ledger.clock.jump(SILENT_IMPORT_SECONDS + 1)
    ledger.do(sweep_silent_list)
    with pytest.raises(Exception, match="save it again"):
        ledger.do(finish_list, list_id, "vips", actor="anna")
