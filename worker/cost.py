"""What a filled draft would cost, where every recipient's text must be rendered to know it."""

from models.content import variable_names
from models.ledger.cost import check_cost
from models.session import Sessions
from worker.list_reader import Mailing
from worker.preview import preview
from worker.settings import Settings


def check_draft(sessions: Sessions, settings: Settings, draft_id: int, mailing: Mailing) -> None:
    """Refuse a draft whose texts together have more segments than the campaign may be billed for.

    One text for everybody is refused by the ledger itself; what cannot be counted is only stopped on the way.

    Raises:
        TooCostly: it has.
    """
    most = mailing.rules.max_segments
    if most is None or not variable_names(mailing.content):
        return
    segments = preview(sessions, settings, draft_id).segments
    if segments is not None:
        check_cost(segments, most)
