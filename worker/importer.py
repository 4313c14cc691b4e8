"""A list of recipients into a campaign: in chunks, into a draft that nobody sees until the last transaction.

A million rows never block the lanes (each chunk is a short transaction), cost a bounded amount of memory, and a killed
import leaves a draft that the tick sweeps away. While the database fails with what may pass, a piece is written again.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from models.ledger.duplicates import find_duplicates
from models.ledger.importing import begin_import
from models.ledger.lookalike import Lookalike, find_lookalike
from models.ledger.repeats import find_by_key
from models.ledger.rescue import remove_campaign, remove_rows
from models.ledger.seen import SeenNumbers
from models.session import Sessions, reading, transaction
from models.work import ON_STOP_LIST
from worker.collecting import uncollected
from worker.errors import DispatchError
from worker.import_pieces import add, finish, mark
from worker.intake.row import Refusals, Rows
from worker.list_reader import Mailing, Reader, check_somebody, needed_names, reasons
from worker.reading_ahead import Ahead

ROWS_AT_ONCE = 20_000
"""Rows of one short transaction: pieces of half the size cost PostgreSQL's import a tenth more."""
MOST_REPEATED = 10_000
"""Where more numbers than this come twice, the database looks through all of them."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did. `refused` counts the rows that will not be sent, by reason."""

    campaign_id: int
    existed: bool = False
    total_count: int = 0
    refused: Counter[str] | None = None


class NotWanted(DispatchError):
    """Raised when a person, asked, does not want the campaign after all; nothing is left of it."""


class StrictRefusal(DispatchError):
    """Raised when a strict mailing has a row that cannot be sent to; nothing is left of it."""


def import_list(
    sessions: Sessions,
    mailing: Mailing,
    rows: Rows,
    rejected: Refusals,
    *,
    on_progress: Callable[[int], None] = lambda count: None,
    on_lookalike: Callable[[Lookalike], bool] = lambda found: True,
    look: Callable[[int], None] | None = None,
    approve: Callable[[int], None] = lambda draft_id: None,
    seal: Callable[[Session, int], None] = lambda session, campaign_id: None,
    at: Callable[[str], None] = lambda step: None,
) -> Imported:
    """Import a list as a campaign and return what came of it.

    Given `look`, it is called with the id of the filled draft, and the draft is taken away again: nothing is created.
    `on_lookalike` is told of a campaign that says the same to mostly the same numbers and decides whether to go on.
    `approve` is called with the id of the filled draft, and refuses the campaign by raising.
    `seal` is called with the campaign's id in the transaction that announces it, and is part of it.
    On any failure nothing is left but a draft that nobody sees, and that is taken away at once where possible.
    `at` is called with a step's name before and after its commit, so that tests can kill the process there.

    Raises:
        IntakeError: the list cannot be read.
        UnknownColumn: the text names a variable that no column has.
        ContentError, EmptyList, KeyConflict, UnknownAccount: as `models.ledger.enqueue` raises them.
        NotWanted: `on_lookalike` said no.
        StrictRefusal: a row was refused, and the mailing is strict.
        EndUnknown: the campaign may be there or not; to create it again could send it twice.
        SQLAlchemyError: the database failed, with what does not pass or for too long; there is no campaign.
    """
    needed_names(mailing, rows)
    if mailing.key is not None:
        with reading(sessions) as session:
            known = find_by_key(session, mailing.account, mailing.key, mailing.content)
        if known is not None:
            return Imported(known, existed=True)
    with transaction(sessions) as session:
        campaign_id = begin_import(
            session,
            content=mailing.content,
            account=mailing.account,
            name=mailing.name,
            column_names=rows.columns,
            at=mailing.at,
            priority=mailing.priority,
            timing=mailing.timing,
            rules=mailing.rules,
            actor=mailing.actor,
        )
        at("beginning")
    at("begun")
    try:
        total, refused = fill(sessions, campaign_id, mailing, rows, rejected, on_progress=on_progress, at=at)
        if look is not None:
            look(campaign_id)
            discard(sessions, campaign_id, at)
            return Imported(0, total_count=total, refused=refused)
        approve(campaign_id)
        with reading(sessions) as session:
            lookalike = find_lookalike(session, campaign_id)
        if lookalike is not None and not on_lookalike(lookalike):
            raise NotWanted("the campaign was not created")
        finish(sessions, campaign_id, key=mailing.key, start=mailing.start, actor=mailing.actor, seal=seal, at=at)
    except BaseException:
        with suppress(SQLAlchemyError):  # the first error says what is wrong; the tick takes the draft away
            discard(sessions, campaign_id, at)
        raise
    at("finished")
    return Imported(campaign_id, total_count=total, refused=refused)


def check_list(mailing: Mailing, rows: Rows, rejected: Refusals) -> tuple[int, Counter[str]]:
    """Read a list to its end without writing anything; return how many rows it has, and those refused by reason.

    Raises:
        IntakeError: the list cannot be read.
        UnknownColumn: the text names a variable that no column has.
        EmptyList: nobody can be sent to.
    """
    read = Reader(rows, needed_names(mailing, rows), mailing, rejected)
    for _ in read.pieces(ROWS_AT_ONCE):
        pass
    return len(read.lines), check_somebody(read, len(read.lines))


def discard(sessions: Sessions, campaign_id: int, at: Callable[[str], None] = lambda step: None) -> None:
    """Take away a draft that was never announced, in short transactions."""
    while True:
        with transaction(sessions) as session:
            if not remove_rows(session, campaign_id):
                remove_campaign(session, campaign_id)
                at("discarding")
                return
        at("rows_removed")


def fill(
    sessions: Sessions,
    campaign_id: int,
    mailing: Mailing,
    rows: Rows,
    rejected: Refusals,
    *,
    on_progress: Callable[[int], None] = lambda count: None,
    at: Callable[[str], None] = lambda step: None,
) -> tuple[int, Counter[str]]:
    """Write all rows into a draft and mark the duplicates; return how many, and those refused by reason.

    Raises:
        IntakeError: the list cannot be read.
        UnknownColumn: the text names a variable that no column has.
        EmptyList: nobody can be sent to.
        StrictRefusal: a row was refused, and the mailing is strict.
    """
    read = Reader(rows, needed_names(mailing, rows), mailing, rejected)
    seen, total, ahead = SeenNumbers(), 0, Ahead(read, ROWS_AT_ONCE)
    while count := _add_piece(sessions, campaign_id, total + 1, read, ahead, seen, rejected, at):
        total += count
        on_progress(total)
        at("added")
    again = list(islice(seen.repeated(), MOST_REPEATED + 1))
    del seen
    if again:
        _mark_duplicates(sessions, campaign_id, read, again if len(again) <= MOST_REPEATED else None, rejected, at)
    refused = check_somebody(read, total)
    check_strict(mailing, refused, total)
    return total, refused


def _add_piece(
    sessions: Sessions,
    campaign_id: int,
    first: int,
    read: Reader,
    ahead: Ahead,
    seen: SeenNumbers,
    rejected: Refusals,
    at: Callable[[str], None],
) -> int:
    """Write the next piece of the list, whose first position is given; return how many rows it has."""
    with uncollected():
        piece = ahead.take()
        if not piece:
            return 0
        stopped = add(sessions, campaign_id, first, piece, at, ahead.read_some)
        for position in stopped:
            rejected.add(read.lines[position - 1], piece.msisdns[position - first] or "", ON_STOP_LIST)
        read.refused[ON_STOP_LIST] += len(stopped)
        seen.add(piece.sendable_msisdns())
        return len(piece)


def _mark_duplicates(
    sessions: Sessions,
    campaign_id: int,
    read: Reader,
    among: Sequence[str] | None,
    rejected: Refusals,
    at: Callable[[str], None],
) -> None:
    """Skip further rows of a number, which is one of `among` if that is given."""
    lines = read.lines
    with reading(sessions) as session:
        duplicates = find_duplicates(session, campaign_id, among)
        while piece := list(islice(duplicates, ROWS_AT_ONCE)):
            mark(sessions, campaign_id, piece, lines)
            for found in piece:
                reason = f"the same number as line {lines[found.first - 1]}"
                rejected.add(lines[found.position - 1], found.msisdn, reason)
            at("marked")
            read.refused["the same number twice"] += len(piece)


def check_strict(mailing: Mailing, refused: Counter[str], total: int) -> None:
    """Refuse a strict mailing with refused rows.

    Raises:
        StrictRefusal: it is one.
    """
    if mailing.strict and refused:
        rows_refused = f"{refused.total():,} of {total:,} rows were refused ({reasons(refused)})"
        raise StrictRefusal(f"{rows_refused}: with --strict nothing is created")
