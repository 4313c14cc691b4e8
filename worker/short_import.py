"""A short list into a campaign, inside one transaction of the caller's: it exists exactly if that commits."""

from sqlalchemy.orm import Session

from models.content import check
from models.ledger.duplicates import find_duplicates, mark_duplicates
from models.ledger.importing import add_rows, finish_import, insert_draft
from models.ledger.repeats import find_by_key
from models.ledger.rows import ROWS_AT_ONCE
from models.session import database_clock
from models.work import ON_STOP_LIST
from worker.importer import Imported, check_strict
from worker.intake.row import Refusals, Rows
from worker.list_reader import Mailing, Reader, check_somebody, needed_names


def import_short_list(session: Session, mailing: Mailing, rows: Rows, rejected: Refusals, total_count: int) -> Imported:
    """Import a list of so many rows that fits into one transaction, and return what came of it.

    On any failure the caller's transaction must be rolled back.

    Raises:
        UnknownColumn: the text names a variable that no column has.
        BadTimes, ContentError, EmptyList, KeyConflict, UnknownAccount: as `models.ledger.importing` raises them.
        StrictRefusal: a row was refused, and the mailing is strict.
    """
    names = needed_names(mailing, rows)
    campaign_id = begin_short_import(session, mailing, rows.columns)
    if campaign_id is None:
        return find_first(session, mailing, total_count)
    read = Reader(rows, names, mailing, rejected)
    total = 0
    for piece in read.pieces(ROWS_AT_ONCE):
        first, total = total + 1, total + len(piece)
        stopped = add_rows(session, campaign_id, first, piece)
        for position in stopped:
            rejected.add(read.lines[position - 1], piece.msisdns[position - first] or "", ON_STOP_LIST)
        read.refused[ON_STOP_LIST] += len(stopped)
    # All of them before the first is marked: one connection cannot read and write the same table at once.
    duplicates = list(find_duplicates(session, campaign_id))
    mark_duplicates(session, campaign_id, ((found.position, read.lines[found.first - 1]) for found in duplicates))
    for found in duplicates:
        reason = f"the same number as row {read.lines[found.first - 1]}"
        rejected.add(read.lines[found.position - 1], found.msisdn, reason)
    read.refused["the same number twice"] += len(duplicates)
    refused = check_somebody(read, total)
    check_strict(mailing, refused, total)
    finish_import(session, campaign_id, start=mailing.start, actor=mailing.actor)
    return Imported(campaign_id, total_count=total, refused=refused)


def find_first(session: Session, mailing: Mailing, total_count: int | None = None) -> Imported:
    """Return the campaign that kept a draft with the same key from being inserted.

    Raises:
        KeyConflict: it says something else.
    """
    key, content = mailing.key or "", mailing.content
    known = find_by_key(session, mailing.account, key, content, at=mailing.at, total_count=total_count)
    assert known is not None, "only an equal key keeps a draft from being inserted"
    return Imported(known, existed=True)


def begin_short_import(session: Session, mailing: Mailing, column_names: tuple[str, ...]) -> int | None:
    """Insert the draft of a mailing, and return its id; None where its account has a campaign with its key.

    Raises:
        BadTimes, ContentError, UnknownAccount: as `models.ledger.importing.begin_import`.
    """
    check(mailing.content)
    return insert_draft(
        session,
        content=mailing.content,
        account=mailing.account,
        column_names=column_names,
        name=mailing.name,
        at=mailing.at,
        priority=mailing.priority,
        timing=mailing.timing,
        rules=mailing.rules,
        external_key=mailing.key,
        actor=mailing.actor,
        clock=database_clock,
    )
