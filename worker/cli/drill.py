"""`bulkpost drill`: break everything, and see whether the promises hold."""

from dataclasses import asdict
from pathlib import Path
from secrets import randbelow
from signal import SIGTERM, default_int_handler, signal
from typing import TYPE_CHECKING, Annotated

import typer

from worker.cli.console import note, out, show_json
from worker.logs import configure_logging
from worker.settings import load_settings

if TYPE_CHECKING:
    from worker.drill.drill import Report
    from worker.drill.order import Order


def drill(
    seed: Annotated[int | None, typer.Option(help="What decides who is hit when; printed.", min=0)] = None,
    long: Annotated[bool, typer.Option("--long", help="Minutes instead of one: 20,000 recipients.")] = False,
    recipients: Annotated[int | None, typer.Option(help="How many to send to.", min=100, max=1_000_000)] = None,
    embedded: Annotated[
        bool, typer.Option("--embedded", help="Break two `bulkpost up` on SQLite instead of workers on PostgreSQL.")
    ] = False,
    logs: Annotated[Path | None, typer.Option(help="Folder that keeps database and logs of the programs.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON alone on stdout.")] = False,
) -> None:
    """Send a campaign while everything breaks, and prove that nobody was sent to twice and nobody forgotten.

    Runs the product against the simulator on a PostgreSQL and a Redis of its own, kills and freezes all of them, and
    ends with the proof. Ignores every BULKPOST_ setting. Takes about a minute. Exit 1 names every broken promise.
    """
    # Only this command needs the drill, which takes its time to import.
    from worker.drill.drill import run_drill
    from worker.drill.order import an_order

    signal(SIGTERM, default_int_handler)  # ends as Ctrl-C does: with every process that was started
    order = an_order(randbelow(1_000_000) if seed is None else seed, long=long, embedded=embedded, count=recipients)
    configure_logging(load_settings({}, log_level="CRITICAL"))
    report = run_drill(order, tell=note, logs=logs)
    show_json({**asdict(report), "holds": report.holds}) if as_json else _print_report(report, order)
    if not report.holds:
        raise typer.Exit(1)


def _print_report(report: "Report", order: "Order") -> None:
    from worker.drill.drill import broken_promises
    from worker.drill.verdict import CLAIM

    counts = ", ".join(f"{count:,} {status}" for status, count in report.counts.items() if count)
    out.print(f"campaign {report.status} after {report.seconds:.0f} s: {counts}", markup=False)
    out.print(
        f"gateway charged {report.charged:,}, was asked again for {report.asked_again:,} in {report.documents:,} "
        f"documents, {report.most_at_once} at once (limit {report.limit}); {len(report.done)} things were broken",
        markup=False,
    )
    for breach in report.breaches:
        note(f"{breach.promise} is broken: {breach.finding}")
    if report.holds:
        out.print(f"green: {CLAIM} ({order.command})", markup=False)
    else:
        out.print(f"red: {', '.join(broken_promises(report))} broken ({order.command})", markup=False)
