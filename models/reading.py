"""Reading for other applications: how far a campaign is, what became of each recipient, and waiting for its end.

Nothing here writes or takes a lock. From async code call these through `AsyncSession.run_sync`; instead of waiting, ask
`report` now and then.
"""

from collections.abc import Callable, Collection, Iterator
from time import monotonic, sleep
from typing import Any

from sqlalchemy.orm import Session

from .errors import LedgerError
from .ledger.report import ResultRow, show
from .ledger.report import results as read_results
from .states import RecipientStatus

_ENDED = ("finished", "cancelled")


class NotEnded(LedgerError):
    """Raised when a campaign has not ended in the time that its application waits; it goes on all the same."""


def report(session: Session, campaign_id: int) -> dict[str, Any]:
    """Return how a campaign stands, as `bulkpost campaign show --json` prints it; moments are aware datetimes.

    Raises:
        UnknownCampaign: there is none.
    """
    return show(session, campaign_id)


def results(
    session: Session, campaign_id: int, *, statuses: Collection[RecipientStatus] | None = None
) -> Iterator[ResultRow]:
    """Yield what became of each recipient, in the order of the list; `statuses` chooses, None means everybody.

    A few thousand rows are in memory at a time. Whoever is `pending` has no result yet.

    Raises:
        UnknownCampaign: there is none.
    """
    return read_results(session, campaign_id, statuses=None if statuses is None else frozenset(statuses))


def wait_until_ended(
    sessions: Callable[[], Session],
    campaign_id: int,
    *,
    timeout_seconds: float,
    poll_seconds: float = 1.0,
    pause: Callable[[float], None] = sleep,
) -> dict[str, Any]:
    """Wait until a campaign has ended and return its report.

    `sessions` makes sessions, as a `sessionmaker` does: each look is a short transaction of its own. The campaign must
    have been committed.

    Raises:
        NotEnded: it has not in `timeout_seconds`.
        UnknownCampaign: there is none.
    """
    ends = monotonic() + timeout_seconds
    while True:
        with sessions() as session:
            shown = report(session, campaign_id)
        if shown["status"] in _ENDED:
            return shown
        left = ends - monotonic()
        if left <= 0:
            waits = f", waiting for {shown['waiting_for']}" if shown["waiting_for"] else ""
            raise NotEnded(
                f"campaign {campaign_id} is {shown['status']} after {timeout_seconds:g} seconds, with "
                f"{shown['counts']['pending']:,} of {shown['counts']['total']:,} recipients pending{waits}"
            )
        pause(min(poll_seconds, left))
