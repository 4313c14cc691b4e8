"""The pieces of an import, each a transaction that is done again while the database fails with what may pass."""

from array import array
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from models.ledger.duplicates import Duplicate, mark_duplicates
from models.ledger.importing import add_rows, finish_import
from models.ledger.rows import Meanwhile, NewRows
from models.ledger.written import are_added, is_imported
from models.session import Sessions, transaction
from worker.database_faults import find_fault
from worker.errors import DispatchError
from worker.insisting import Patience, insist, insist_on_writing

PATIENCE_SECONDS = 30.0
"""How long one piece waits for a database that fails."""


class EndUnknown(DispatchError):
    """Raised when the database went away while it was told that the campaign is complete, and did not come back."""


def add(
    sessions: Sessions,
    campaign_id: int,
    first: int,
    piece: NewRows,
    at: Callable[[str], None],
    meanwhile: Meanwhile,
) -> list[int]:
    """Write a piece of the list once; return the positions that the stop list skips."""

    def write(session: Session) -> list[int]:
        stopped = add_rows(session, campaign_id, first, piece, meanwhile=meanwhile)
        at("adding")
        return stopped

    last = first + len(piece) - 1
    return insist_on_writing(
        sessions, write, lambda session: are_added(session, campaign_id, last), Patience.of(PATIENCE_SECONDS)
    )


def mark(sessions: Sessions, campaign_id: int, duplicates: list[Duplicate], lines: "array[int]") -> None:
    """Skip further rows of a number, naming the line of the first."""

    def write() -> None:
        with transaction(sessions) as session:
            pairs = ((found.position, lines[found.first - 1]) for found in duplicates)
            mark_duplicates(session, campaign_id, pairs, first_name="line")

    insist(write, Patience.of(PATIENCE_SECONDS))


def finish(
    sessions: Sessions,
    campaign_id: int,
    *,
    key: str | None,
    start: bool,
    actor: str,
    seal: Callable[[Session, int], None],
    at: Callable[[str], None],
) -> None:
    """Announce the campaign, and do in the same transaction what `seal` does.

    Raises:
        EndUnknown: the campaign may be there or not; to create it again could send it twice.
    """

    def write(session: Session) -> None:
        finish_import(session, campaign_id, external_key=key, start=start, actor=actor)
        seal(session, campaign_id)
        at("finishing")

    try:
        insist_on_writing(
            sessions, write, lambda session: is_imported(session, campaign_id), Patience.of(PATIENCE_SECONDS)
        )
    except SQLAlchemyError as error:
        fault = find_fault(error)
        if not fault.everywhere:
            raise
        raise EndUnknown(
            f"{fault.words}; whether the campaign was created is not known: when the database is back, look with "
            f"bulkpost campaign show {campaign_id} before you create it again"
        ) from error
