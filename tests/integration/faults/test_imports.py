"""P2, P11 while the database fails: a list is imported once and whole, or the person is told what to look at."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from models.campaign import Campaign
from models.content import Sms
from models.event import Event
from models.ledger.report import show
from models.session import reading
from tests.support.cutting import wire_to
from tests.support.driving import a_runtime
from worker import import_pieces
from worker.import_pieces import EndUnknown
from worker.importer import Imported, import_list
from worker.intake import open_list
from worker.intake.rejected import RejectedRows
from worker.list_reader import Mailing
from worker.private_servers import PrivatePostgres
from worker.runtime import Runtime

pytestmark = pytest.mark.timeout(60)

NOWHERE = "http://127.0.0.1:9/xml"


def import_some(runtime: Runtime, folder: Path, step: str, happens: Callable[[], None]) -> Imported:
    """Import a list of three numbers and a duplicate; at a step something happens, once."""
    path = folder / "list.csv"
    path.write_text("phone\n79030000001\n79030000002\n79030000003\n79030000001\n", encoding="utf-8")
    due = {step: happens}

    def at(reached: str) -> None:
        if reached in due:
            due.pop(reached)()

    mailing = Mailing(Sms(sender="Shop", text="Hello"), "default", "test")
    with open_list(str(path), default_region="RU") as rows, RejectedRows(path, folder / "rejected.csv") as rejected:
        return import_list(runtime.sessions, mailing, rows, rejected, at=at)


def there_is_one_campaign(runtime: Runtime, campaign_id: int) -> None:
    with reading(runtime.sessions) as session:
        counts = show(session, campaign_id)["counts"]
        campaigns = session.execute(select(func.count()).select_from(Campaign)).scalar_one()
        announced = session.execute(select(func.count()).where(Event.kind == "campaign_created")).scalar_one()
    assert (counts["total"], counts["pending"], counts["skipped"]) == (4, 3, 1)
    assert (campaigns, announced) == (1, 1)


@pytest.mark.parametrize("step", ["adding", "finishing"])
def test_piece_is_written_again_after_a_restart_of_postgres(
    step: str, own_url: str, server: PrivatePostgres, tmp_path: Path
) -> None:
    with a_runtime(own_url, NOWHERE) as runtime:
        done = import_some(runtime, tmp_path, step, server.restart)
        there_is_one_campaign(runtime, done.campaign_id)


@pytest.mark.parametrize("delivers", [True, False], ids=["done", "not-done"])
@pytest.mark.parametrize("step", ["adding", "finishing"])
def test_piece_whose_commit_nobody_confirmed_is_written_once(
    step: str, delivers: bool, own_url: str, tmp_path: Path
) -> None:
    with wire_to(own_url) as wire, a_runtime(wire.url, NOWHERE) as runtime:
        done = import_some(runtime, tmp_path, step, lambda: wire.break_at_commit(delivers=delivers))
        assert wire.is_broken
        there_is_one_campaign(runtime, done.campaign_id)


def test_database_that_stays_away_at_the_end_leaves_one_line_that_says_where_to_look(
    own_url: str, server: PrivatePostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_pieces, "PATIENCE_SECONDS", 0.0)
    with a_runtime(own_url, NOWHERE) as runtime:
        with pytest.raises(EndUnknown, match=r"look with bulkpost campaign show \d+ before you create it again"):
            import_some(runtime, tmp_path, "finishing", server.stop)
        server.start()
        with reading(runtime.sessions) as session:
            assert (
                session.execute(text("SELECT count(*) FROM bulkpost_campaigns WHERE imported_at IS NULL")).scalar() == 1
            )
