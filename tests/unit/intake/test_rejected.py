"""The file of refused rows: whole or not at all, and never in place of the list."""

import csv
from pathlib import Path

import pytest

from worker.intake import IntakeError, RejectedRows


def rows_of(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


@pytest.fixture
def recipients(tmp_path: Path) -> Path:
    path = tmp_path / "list.csv"
    path.write_text("phone\nabc\n")
    return path


def test_without_a_refused_row_there_is_no_file(recipients: Path) -> None:
    with RejectedRows(recipients) as rejected:
        pass

    assert rejected.path is None
    assert list(recipients.parent.iterdir()) == [recipients]


def test_refused_rows_stand_beside_the_list(recipients: Path) -> None:
    with RejectedRows(recipients) as rejected:
        rejected.add(2, "abc; d", "not a phone number")
        rejected.add(7, "", "no phone number")

    assert rejected.path == recipients.with_name("list.rejected.csv")
    assert rejected.count == 2
    assert rows_of(rejected.path) == [
        ["line", "value", "reason"],
        ["2", "abc; d", "not a phone number"],
        ["7", "", "no phone number"],
    ]
    assert len(list(recipients.parent.iterdir())) == 2


def test_the_file_appears_whole_or_not_at_all(recipients: Path) -> None:
    target = recipients.with_name("list.rejected.csv")
    with pytest.raises(KeyError), RejectedRows(recipients) as rejected:
        rejected.add(2, "abc", "not a phone number")
        assert not target.exists()
        raise KeyError

    assert list(recipients.parent.iterdir()) == [recipients]
    assert rejected.path is None


def test_a_file_of_an_earlier_import_is_replaced(recipients: Path) -> None:
    asked = recipients.with_name("refused.csv")
    asked.write_text("old")
    with RejectedRows(recipients, asked) as rejected:
        rejected.add(2, "abc", "not a phone number")

    assert rejected.path == asked
    assert len(rows_of(asked)) == 2


def test_the_list_itself_is_never_overwritten(recipients: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(recipients.parent)

    with pytest.raises(IntakeError, match=r"list\.csv is the list itself"):
        RejectedRows(recipients, "./list.csv")


def test_a_place_that_cannot_be_written_is_refused_before_the_import(recipients: Path) -> None:
    with pytest.raises(IntakeError, match="is a directory"):
        RejectedRows(recipients, recipients.parent)
    with pytest.raises(IntakeError, match="there is no folder"):
        RejectedRows(recipients, recipients.parent / "none" / "refused.csv")


def test_standard_input_and_a_lost_folder_leave_the_file_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for given, written in (("-", "stdin.rejected.csv"), ("/proc/none/list.csv", "list.rejected.csv")):
        with RejectedRows(given) as rejected:
            rejected.add(1, "abc", "not a phone number")
        assert (tmp_path / written).exists()


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+cmd|x", "'+cmd|x"),
        ("@SUM(1)", "'@SUM(1)"),
        ("-1+2", "'-1+2"),
        ("\t=1", "'\t=1"),
        ("+7 (900) 000-00-01", "+7 (900) 000-00-01"),
        ("79000000001", "79000000001"),
        ("a=1", "a=1"),
    ],
)
def test_what_a_spreadsheet_would_run_as_a_formula_is_made_text(recipients: Path, value: str, written: str) -> None:
    with RejectedRows(recipients) as rejected:
        rejected.add(1, value, "not a phone number")

    assert rejected.path is not None
    assert rows_of(rejected.path)[1][1] == written


def test_a_value_that_no_encoding_has_is_written_all_the_same(recipients: Path) -> None:
    with RejectedRows(recipients) as rejected:
        rejected.add(1, "\ud800", "not a phone number")

    assert rejected.path is not None
    assert rows_of(rejected.path)[1][1] == "\\ud800"
