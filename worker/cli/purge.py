"""`bulkpost purge`: numbers, texts and replies of campaigns that ended long ago are taken out."""

import re
import sys
from dataclasses import asdict
from typing import Annotated

import typer
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from models.ledger.inbox import forget_rows
from models.ledger.purge import POSITIONS_AT_ONCE, SHORTEST_DAYS, Purgeable, find_purgeable, purge_piece
from models.session import reading, transaction
from worker.cli.console import AsJson, err, local, note, opened, show_json
from worker.errors import ConfigurationError
from worker.runtime import Runtime
from worker.settings import user_name

LONGEST_DAYS = 36_500


def purge(
    older_than: Annotated[str, typer.Option(help="How long ago a campaign must have ended, in days: 90d.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be purged, and change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take numbers, references, texts and raw replies out of campaigns that ended long ago. Cannot be undone.

    Keys and counts stay, so that nothing can be sent twice afterwards, and so does the stop list. Works while campaigns
    run; interrupted, it goes on where it was when it is run again. Backups hold what they held.
    """
    days = _days(older_than)
    with opened() as runtime:
        with reading(runtime.sessions) as session:
            found = list(find_purgeable(session, older_than_days=days))
        _say(found, days, runtime)
        if found and not dry_run:
            _ask(found, yes)
            _purge(runtime, found, days)
        if as_json:
            show_json({"dry_run": dry_run, "campaigns": [asdict(one) for one in found]})


def _days(written: str) -> int:
    match = re.fullmatch(r"(\d{1,5})d?", written.strip())
    days = int(match[1]) if match else -1
    if not SHORTEST_DAYS <= days <= LONGEST_DAYS:
        raise ConfigurationError(f'--older-than "{written}": write days, {SHORTEST_DAYS}d to {LONGEST_DAYS}d, like 90d')
    return days


def _say(found: list[Purgeable], days: int, runtime: Runtime) -> None:
    if not found:
        note(f"no campaign ended more than {days} days ago and has not been purged")
        return
    recipients = sum(one.total_count for one in found)
    first, last = min(one.finished_at for one in found), max(one.finished_at for one in found)
    settings = runtime.settings
    note(
        f"{len(found):,} campaigns with {recipients:,} recipients ended more than {days} days ago, "
        f"from {local(first, settings)} to {local(last, settings)}"
    )
    if begun := sum(one.begun for one in found):
        note(f"{begun:,} of them were begun before: the rest of them is purged now")


def _ask(found: list[Purgeable], yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfigurationError("nothing was purged: what is purged is gone for good, so say --yes")
    if not typer.confirm(f"Purge {len(found):,} campaigns for good?", err=True):
        raise ConfigurationError("nothing was purged")


def _purge(runtime: Runtime, found: list[Purgeable], days: int) -> None:
    columns = (TextColumn("purging"), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal, transient=True) as progress:
        task = progress.add_task("purging", total=sum(one.total_count for one in found))
        for one in found:
            more = True
            while more:
                with transaction(runtime.sessions) as session:
                    more = purge_piece(session, one.campaign_id, older_than_days=days, actor=user_name())
                progress.advance(task, POSITIONS_AT_ONCE if more else one.total_count % POSITIONS_AT_ONCE)
    _forget_inbox(runtime, days)
    note("purged: keys and counts are kept")


def _forget_inbox(runtime: Runtime, days: int) -> None:
    """Delete rows of the inbox that are as old: they hold the same numbers and texts."""
    gone = 1
    while gone:
        with transaction(runtime.sessions) as session:
            gone = forget_rows(session, older_than_days=days)
