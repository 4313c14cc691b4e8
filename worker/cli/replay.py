"""`bulkpost replay`: stored replies read again with the parser of today."""

import re
from dataclasses import asdict
from typing import Annotated

import typer

from models.ledger.replaying import record_acceptances
from models.session import transaction
from worker.cli.console import AsJson, note, opened, show_json, show_table
from worker.errors import ConfigurationError
from worker.replay import Change, read_again
from worker.settings import user_name


def replay(
    attempts: Annotated[str | None, typer.Option(help="Ids of attempts: 17, 17-40, or all.")] = None,
    campaign: Annotated[int | None, typer.Option(help="All attempts of one campaign.", min=1)] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Read stored replies again, after the provider's texts have been learnt or a reader was mended.

    Shows where today's reading differs from what is recorded. Without --dry-run the acceptances among them are
    recorded, because an acceptance is a fact; a refusal that reads differently today is only shown.
    """
    if attempts is None and campaign is None:
        raise ConfigurationError("say which: --attempts 17-40, --attempts all, or --campaign 3")
    first, last = _range(attempts or "all")
    changes: list[Change] = []
    read = unreadable = recorded = 0
    with opened() as runtime:
        for again in read_again(runtime.sessions, first_id=first, last_id=last, campaign_id=campaign):
            read += 1
            unreadable += again.unreadable is not None
            changes += again.changes
            if again.changes and not dry_run:
                with transaction(runtime.sessions) as session:
                    recorded += record_acceptances(session, again.stored, again.outcomes, actor=user_name())
    if as_json:
        show_json({"read": read, "unreadable": unreadable, "recorded": recorded, "changes": [*map(asdict, changes)]})
        return
    if changes:
        columns = ("attempt", "campaign", "position", "recorded", "today", "provider's text")
        show_table(columns, [tuple(asdict(change).values()) for change in changes])
    note(
        f"{read:,} replies read, {unreadable:,} of them unreadable today too; {len(changes):,} recipients differ, "
        f"{recorded:,} acceptances recorded"
    )


def _range(written: str) -> tuple[int, int | None]:
    if written == "all":
        return 1, None
    found = re.fullmatch(r"(\d{1,18})(?:-(\d{1,18}))?", written.strip())
    if found is None:
        raise ConfigurationError(f'--attempts "{written}" is no range of ids: write 17, 17-40, or all')
    return int(found[1]), int(found[2] or found[1])
