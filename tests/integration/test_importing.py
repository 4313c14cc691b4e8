"""An import of several pieces, of which the next is read while a server is at work on the last."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from models.campaign import Campaign
from models.content import Sms
from models.ledger.report import show
from models.ledger.stops import add_stops
from models.recipient import Recipient
from models.session import reading, transaction
from tests.support.driving import a_runtime
from worker import importer
from worker.importer import Imported, import_list
from worker.intake import IntakeError, open_list
from worker.list_reader import Mailing
from worker.runtime import Runtime

PIECE = 200
NOWHERE = "http://127.0.0.1:9/xml"


class Story:
    """Hears of refused rows and of the import's steps, in the order in which they come."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.told: list[int | str] = []
        self._stop_at = stop_at

    def add(self, line: int, value: str, reason: str) -> None:
        if line == self._stop_at:
            raise KeyboardInterrupt
        self.told.append(line)

    def at(self, step: str) -> None:
        self.told.append(step)


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importer, "ROWS_AT_ONCE", PIECE)


@pytest.fixture
def runtime(database_url: str) -> Iterator[Runtime]:
    with a_runtime(database_url, NOWHERE) as runtime:
        yield runtime


def some_phones(count: int) -> list[str]:
    return [str(79030000001 + number) for number in range(count)]


def import_some(runtime: Runtime, path: Path | str, story: Story) -> Imported:
    mailing = Mailing(Sms(sender="Shop", text="Hello"), "default", "test")
    with open_list(path, default_region="RU") as rows:
        return import_list(runtime.sessions, mailing, rows, story, at=story.at)


def written(folder: Path, phones: list[str]) -> Path:
    path = folder / "list.csv"
    path.write_text("phone\n" + "".join(f"{phone}\n" for phone in phones), encoding="utf-8")
    return path


def nothing_is_left(runtime: Runtime) -> bool:
    with reading(runtime.sessions) as session:
        counts = [session.execute(select(func.count()).select_from(table)).scalar() for table in (Campaign, Recipient)]
    return counts == [0, 0]


def test_rows_of_every_piece_keep_their_places(runtime: Runtime, tmp_path: Path) -> None:
    phones = some_phones(3 * PIECE)
    phones[PIECE + 6] = "nobody"
    phones[2 * PIECE + 6] = phones[6]
    with transaction(runtime.sessions) as session:
        add_stops(session, [phones[7], phones[PIECE + 7]], reason="asked", actor="test")
    story = Story()

    done = import_some(runtime, written(tmp_path, phones), story)

    with reading(runtime.sessions) as session:
        recipients = select(Recipient.position, Recipient.msisdn).order_by(Recipient.position)
        positions = [tuple(row) for row in session.execute(recipients)]
        counts = show(session, done.campaign_id)["counts"]
    assert positions == [(at, phone if phone != "nobody" else None) for at, phone in enumerate(phones, 1)]
    assert (counts["total"], counts["skipped"]) == (3 * PIECE, 4)
    refused = sorted(line for line in story.told if isinstance(line, int))
    assert refused == [9, PIECE + 8, PIECE + 9, 2 * PIECE + 8]


def test_list_that_ends_badly_in_a_later_piece_leaves_nothing(runtime: Runtime, tmp_path: Path) -> None:
    path = written(tmp_path, [*some_phones(2 * PIECE), '"79031234567'])

    with pytest.raises(IntakeError, match=f"list.csv line {2 * PIECE + 2}: a quote that opens here is never closed"):
        import_some(runtime, path, Story())

    assert nothing_is_left(runtime)


def test_import_that_is_interrupted_while_it_reads_ahead_leaves_nothing(runtime: Runtime, tmp_path: Path) -> None:
    phones = some_phones(3 * PIECE)
    phones[PIECE] = "nobody"

    with pytest.raises(KeyboardInterrupt):
        import_some(runtime, written(tmp_path, phones), Story(stop_at=PIECE + 2))

    assert nothing_is_left(runtime)


def test_next_piece_of_a_file_is_read_while_postgres_is_at_work_on_the_last(postgres_url: str, tmp_path: Path) -> None:
    story, phones = Story(), some_phones(2 * PIECE)
    phones[PIECE] = "nobody"

    with a_runtime(postgres_url, NOWHERE) as runtime:
        import_some(runtime, written(tmp_path, phones), story)

    assert story.told.index(PIECE + 2) < story.told.index("adding")


def test_list_that_may_be_waited_for_is_not_read_while_a_transaction_is_open(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    story, phones = Story(), some_phones(2 * PIECE)
    phones[PIECE] = "nobody"
    reader, writer = os.pipe()
    with open(writer, "w") as list_out:  # noqa: PTH123 - a pipe has no path
        list_out.write("phone\n" + "".join(f"{phone}\n" for phone in phones))

    with open(reader) as list_in, a_runtime(postgres_url, NOWHERE) as runtime:  # noqa: PTH123
        monkeypatch.setattr(sys, "stdin", list_in)
        import_some(runtime, "-", story)

    assert story.told.index("added") < story.told.index(PIECE + 2)
