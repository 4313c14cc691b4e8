"""Showing one campaign to a person: its summary, and its progress while it runs."""

import threading
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from models.ledger.report import show
from models.session import reading
from worker.cli.console import err, local, note, out
from worker.runtime import Runtime
from worker.settings import Settings

ENDED = ("finished", "cancelled")
LOOK_AGAIN_SECONDS = 0.5


def print_campaign(shown: dict[str, Any], settings: Settings) -> None:
    """Print what `campaign show` says."""
    counts = shown["counts"]
    lines = [f"campaign {shown['id']}  {shown['name']}  {shown['status']}"]
    if shown["reason"] and not shown["waiting_for"]:
        lines.append(f"  reason       {shown['reason']}")
    lines.append("  " + "  ".join(f"{name} {count:,}" for name, count in counts.items() if count or name == "total"))
    if shown["in_doubt"]:
        since = local(shown["in_doubt_since"], settings)
        lines.append(f"  in doubt     {shown['in_doubt']:,} since {since}: asked again under the same keys")
    if shown["waiting_for"]:
        lines.append(f"  waiting for  {shown['waiting_for']}")
    if shown["waiting_until"]:
        lines.append(f"  until        {local(shown['waiting_until'], settings)}")
    if shown["forecast_end"]:
        late = shown["latest_at"] and shown["forecast_end"] > shown["latest_at"]
        lines.append(
            f"  forecast     ends {local(shown['forecast_end'], settings)}{', after its latest' if late else ''}"
        )
    segments = shown["segments"]
    forecast = "" if segments["forecast"] is None else f", {segments['forecast']:,} forecast in all"
    lines.append(f"  segments     {segments['billed']:,} billed, {segments['expected']:,} expected so far{forecast}")
    for name in ("created_at", "start_at", "latest_at", "started_at", "finished_at"):
        if shown[name] is not None:
            lines.append(f"  {name.removesuffix('_at'):<12} {local(shown[name], settings)}")
    if shown["purged_at"] is not None:
        lines.append(f"  purged       {local(shown['purged_at'], settings)}: numbers, texts and raw replies are gone")
    out.print("\n".join(lines), markup=False)


def watch_until_ended(runtime: Runtime, campaign_id: int, *, give_up: threading.Event | None = None) -> dict[str, Any]:
    """Show the progress until the campaign has ended, and return it as it is then. Ctrl-C ends the watching only.

    Where no terminal is, a line says every tenth of the way, and what the campaign waits for when that changes.
    """
    waiting = give_up or threading.Event()
    shown = _look(runtime, campaign_id)
    told = None
    with progress_bar() as progress:
        task = progress.add_task("sending", total=shown["counts"]["total"], said="")
        while True:
            shown = _look(runtime, campaign_id)
            counts = shown["counts"]
            said = shown["waiting_for"] or f"{counts['accepted']:,} accepted"
            done = counts["total"] - counts["pending"]
            progress.update(task, completed=done, said=said)
            if not err.is_terminal and (news := (10 * done // counts["total"], shown["waiting_for"])) != told:
                told = news
                note(f"{done:,} of {counts['total']:,}  {said}")
            if shown["status"] in ENDED or waiting.wait(LOOK_AGAIN_SECONDS):
                return shown


def progress_bar() -> Progress:
    """Return the bar that sending shows on a terminal; elsewhere it is silent, see `watch_until_ended`."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[said]}", markup=False),
        console=err,
        disable=not err.is_terminal,
    )


def _look(runtime: Runtime, campaign_id: int) -> dict[str, Any]:
    with reading(runtime.sessions) as session:
        return show(session, campaign_id)
