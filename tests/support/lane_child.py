"""A process that runs lanes of account 1 once a line comes in, until nobody is pending: one byte out per document.

Argument: the database. It says a byte when it is ready, too.
"""

import os
import sys
from dataclasses import replace

from sqlalchemy import func, select

from models.campaign import Campaign
from models.session import Sessions, reading
from tests.support.driving import quick_settings
from worker.lane import Lane
from worker.logs import configure_logging
from worker.runtime import open_runtime, rest

OUT = 1


def main(database_url: str) -> None:
    """Work beside others like it, each with connections of its own."""
    settings = quick_settings(database_url)
    configure_logging(settings)
    runtime = open_runtime(settings)
    dispatcher = replace(runtime.dispatcher(), at=lambda step: _say() if step == "recorded" else None)
    lane = Lane(dispatcher, stopping=lambda: False, pause=rest)
    _is_owed(runtime.sessions)  # connects
    _say()
    sys.stdin.readline()
    while lane.run(1) or _is_owed(runtime.sessions):
        rest(0.05)


def _is_owed(sessions: Sessions) -> bool:
    answered = Campaign.accepted_count + Campaign.rejected_count + Campaign.unknown_count
    with reading(sessions) as session:
        return bool(session.execute(select(func.sum(Campaign.total_count - answered))).scalar_one())


def _say() -> None:
    os.write(OUT, b".")


if __name__ == "__main__":
    main(sys.argv[1])
