"""P1, P2, P5 while SQLite fails, and what no database lets pass."""

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models.session import open_engine, reading
from tests.support.trouble import Trouble, dispatch, everybody_has_one_answer, once, one_batch
from worker.database_faults import find_fault

pytestmark = pytest.mark.timeout(60)


@pytest.mark.parametrize(
    "trouble, mend, words",
    [
        ("max_page_count = 1", "max_page_count = 1073741823", "disk of the database is full"),
        ("query_only = ON", "query_only = OFF", "takes no writes"),
    ],
)
def test_answer_is_recorded_when_a_sqlite_file_takes_writes_again(
    sqlite_url: str, trouble: str, mend: str, words: str
) -> None:
    said: list[str] = []
    with one_batch(sqlite_url) as (runtime, simulator):

        def fill_up(session: Session) -> None:
            session.execute(text(f"PRAGMA {trouble}"))
            session.execute(text("CREATE TABLE filler AS SELECT zeroblob(100000)"))

        clock = Trouble(fill_up)

        def mend_it(_seconds: float) -> None:
            with reading(runtime.sessions) as session:
                session.execute(text(f"PRAGMA {mend}"))

        def listen(met: object) -> None:
            said.append(find_fault(met.sqlalchemy_exception).words)  # type: ignore[attr-defined]

        event.listen(runtime.engine, "handle_error", listen)
        dispatch(runtime, at={"posted": clock.fall_due}, pause=mend_it, clock=clock)
        everybody_has_one_answer(runtime, simulator)
    assert len(said) == 1 and words in said[0]


def test_answer_is_recorded_when_a_locked_sqlite_file_is_let_go(sqlite_url: str) -> None:
    other = open_engine(sqlite_url).connect()
    with one_batch(sqlite_url) as (runtime, simulator):

        def lock() -> None:
            runtime.engine.dispose()
            event.listen(runtime.engine, "connect", lambda made, _record: made.execute("PRAGMA busy_timeout = 1"))
            other.execute(text("UPDATE bulkpost_accounts SET name = name"))

        dispatch(runtime, at={"posted": lock}, pause=once(other.rollback))
        everybody_has_one_answer(runtime, simulator)
    other.close()
    other.engine.dispose()


def test_answer_that_the_ledger_refuses_for_good_is_not_tried_again(database_url: str) -> None:
    broken = Trouble(lambda session: session.execute(text("SELECT 1 FROM bulkpost_nowhere")))
    with one_batch(database_url) as (runtime, _simulator):
        with pytest.raises(DBAPIError) as refused:
            dispatch(runtime, at={"posted": broken.fall_due}, clock=broken)
        assert not find_fault(refused.value).passes
