"""Results a page at a time: whoever reads slowly holds no transaction open."""

from sqlalchemy.orm import Session

from ..states import RecipientStatus
from .report import ROWS_READ, ResultRow, find_keys, result_rows

MOST_LOOKED_AT = 200_000
"""Recipients that one page looks at."""
_FEWEST_READ = 500


def results_page(
    session: Session,
    campaign_id: int,
    *,
    after: int = 0,
    limit: int = ROWS_READ,
    statuses: frozenset[RecipientStatus] | None = None,
) -> tuple[list[ResultRow], int | None]:
    """Return the rows behind a position, and what the next page is `after`; None behind the last.

    A page may have fewer rows than asked for, also none: it ends when it has looked at MOST_LOOKED_AT recipients.

    Raises:
        UnknownCampaign: there is none, or it is still being imported.
    """
    prefix, total = find_keys(session, campaign_id)
    found: list[ResultRow] = []
    end = min(total, after + MOST_LOOKED_AT)
    while after < end and len(found) < limit:
        last = min(end, after + min(ROWS_READ, max(limit - len(found), _FEWEST_READ)))
        found += result_rows(session, campaign_id, prefix, after + 1, last, statuses)
        after = last
    if len(found) > limit:
        del found[limit:]
        after = found[-1].position
    return found, after if after < total else None
