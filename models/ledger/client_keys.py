"""The callers' own keys of recipients: which are refused, and how two transactions that bring one at once end.

A key that cannot be used costs its recipient and nobody else, and never the caller's transaction.
"""

import re
from collections.abc import Sequence

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from ..recipient import Recipient
from .rows import Meanwhile, NewRow, NewRows, insert_rows, nothing

ILLEGAL = "its own key is not 1 to 15 digits without a zero in front"
TAKEN_MEANWHILE = "its own key was used by another campaign at the same moment"

_LEGAL = re.compile("[1-9][0-9]{0,14}")
# In the order of the keys as numbers: two transactions that bring the same keys in one piece each, or in pieces that
# were sorted before, wait for each other and do not deadlock.
_INSERT = text(
    """
    INSERT INTO bulkpost_recipients (campaign_id, position, msisdn, ref, values_json, send_key, key_account_id)
    SELECT :campaign_id, r.position, r.msisdn, r.ref, r.values_json, r.send_key, :account_id
    FROM unnest(CAST(:positions AS integer[]), CAST(:msisdns AS text[]), CAST(:refs AS text[]),
                CAST(:values AS text[]), CAST(:keys AS text[])) AS r (position, msisdn, ref, values_json, send_key)
    ORDER BY length(r.send_key), r.send_key
    ON CONFLICT (key_account_id, send_key) WHERE send_key IS NOT NULL DO NOTHING
    RETURNING position
    """
)


def is_legal(key: object) -> bool:
    """Say whether a caller's own key has 1 to 15 digits and no zero in front. Ours have 16, so none can be both."""
    return isinstance(key, str) and _LEGAL.fullmatch(key) is not None


def refuse_keys(
    session: Session, account_id: int, campaign_id: int, first_position: int, rows: Sequence[NewRow]
) -> list[NewRow]:
    """Return the rows of one piece; those whose key cannot be used have a problem instead of it. Only reads.

    A row that is not sent needs no key: it stays free for another one.
    """
    wanted = {row.send_key for row in rows if row.send_key is not None and is_legal(row.send_key)}
    used = _used(session, account_id, wanted)
    seen: dict[str, int] = {}
    judged = []
    for position, row in enumerate(rows, first_position):
        if row.send_key is not None:
            problem = row.problem or _problem(row.send_key, campaign_id, used, seen)
            if problem is None:
                seen[row.send_key] = position
            else:
                row = row._replace(problem=problem, send_key=None)
        judged.append(row)
    return judged


def insert_rows_and_keys(
    session: Session,
    campaign_id: int,
    account_id: int,
    first_position: int,
    rows: Sequence[NewRow],
    meanwhile: Meanwhile = nothing,
) -> NewRows:
    """Insert one piece of a list; return its rows, those whose own key could not be used with a problem instead.

    Waits for another transaction that has brought one of the keys, until it ends. `meanwhile` as `insert_rows`.
    """
    positions = range(first_position, first_position + len(rows))
    piece = NewRows.of(rows)
    if not piece.have_keys:
        insert_rows(session, campaign_id, positions, piece, meanwhile=meanwhile)
        return piece
    judged = refuse_keys(session, account_id, campaign_id, first_position, piece)
    if session.get_bind().dialect.name == "sqlite":  # nobody else writes, since this transaction has begun to
        piece = NewRows.of(judged)
        insert_rows(session, campaign_id, positions, piece, account_id)
        return piece
    numbered = list(zip(positions, judged, strict=True))
    keyed = [(position, row) for position, row in numbered if row.send_key is not None]
    inserted = _insert_keyed(session, campaign_id, account_id, keyed)
    final = [row if row.send_key is None or position in inserted else _too_late(row) for position, row in numbered]
    left = [position for position in positions if position not in inserted]
    insert_rows(session, campaign_id, left, [final[position - first_position] for position in left])
    return NewRows.of(final)


def _insert_keyed(session: Session, campaign_id: int, account_id: int, keyed: Sequence[tuple[int, NewRow]]) -> set[int]:
    """Insert rows with keys and return the positions of those whose key nobody else has."""
    values = {
        "campaign_id": campaign_id,
        "account_id": account_id,
        "positions": [position for position, _ in keyed],
        "msisdns": [row.msisdn for _, row in keyed],
        "refs": [row.ref for _, row in keyed],
        "values": [row.values_json for _, row in keyed],
        "keys": [row.send_key for _, row in keyed],
    }
    return set(session.execute(_INSERT, values).scalars())


def _too_late(row: NewRow) -> NewRow:
    return row._replace(problem=TAKEN_MEANWHILE, send_key=None)


def _used(session: Session, account_id: int, keys: set[str]) -> dict[str, tuple[int, int]]:
    """Return which of the keys the account has used, and for whom: campaign and position."""
    if not keys:
        return {}
    found = session.execute(
        select(Recipient.send_key, Recipient.campaign_id, Recipient.position).where(
            Recipient.key_account_id == account_id, Recipient.send_key.in_(sorted(keys))
        )
    )
    return {key: (campaign_id, position) for key, campaign_id, position in found if key is not None}


def _problem(key: str, campaign_id: int, used: dict[str, tuple[int, int]], seen: dict[str, int]) -> str | None:
    if not is_legal(key):
        return ILLEGAL
    if key in seen:
        return f"its own key is that of row {seen[key]} too"
    if key not in used:
        return None
    campaign, position = used[key]
    if campaign == campaign_id:
        return f"its own key is that of row {position} too"
    return f"its own key is already used in campaign {campaign}"
