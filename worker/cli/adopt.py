"""`bulkpost adopt`: make a restored or copied database the one that sends."""

from dataclasses import asdict
from typing import Annotated

import typer

from models.ledger.adopt import adopt as adopt_database
from models.session import transaction
from worker.cli.console import AsJson, note, opened, show_json
from worker.settings import user_name


def adopt(
    restored: Annotated[
        bool, typer.Option("--restored", help="It comes from a backup, though nobody has noticed.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Let a database that was restored from a backup, or copied from another environment, send from now on.

    What was due is paused first: its old copy may have sent it. Resumed, it is asked for again under its old keys.
    """
    with opened() as runtime:
        with transaction(runtime.sessions) as session:
            done = adopt_database(
                session, environment=runtime.settings.environment, actor=user_name(), restored=restored
            )
        if as_json:
            show_json(asdict(done))
        note(f"this database sends from now on, in environment {runtime.settings.environment}")
        if done.held:
            campaigns = ", ".join(str(campaign_id) for campaign_id in done.held)
            note(
                f"paused, for you to look at: campaigns {campaigns}; {done.in_doubt_count:,} recipients may have been "
                "sent by the old copy and are asked for again under their old keys once you say "
                "bulkpost campaign resume ID"
            )
        if done.paused_schedules:
            note(f"paused too: schedules {', '.join(done.paused_schedules)}; bulkpost schedule resume NAME")
        note(
            "campaigns made after the backup are not in it: an application that enqueues one again sends it again, so "
            "check before"
        )
