"""`bulkpost bench`: how fast, against a floor without any promise and against what people usually write."""

from pathlib import Path
from signal import SIGTERM, default_int_handler, signal
from typing import Annotated

import typer

from worker.cli.console import note, out, show_json, show_table
from worker.logs import configure_logging
from worker.settings import load_settings


def bench(
    recipients: Annotated[int, typer.Option(help="How many to send to.", min=100, max=5_000_000)] = 100_000,
    batch_size: Annotated[int, typer.Option(help="Recipients of one document.", min=1, max=10_000)] = 1_000,
    rounds: Annotated[int, typer.Option(help="Runs of each, in turn.", min=1, max=100)] = 3,
    personalised: Annotated[bool, typer.Option("--personalised", help="A text for each recipient.")] = False,
    embedded: Annotated[
        bool, typer.Option("--embedded", help="`bulkpost up` on SQLite against a floor of one process on SQLite.")
    ] = False,
    latency_ms: Annotated[int, typer.Option(help="How long the gateway takes to answer.", min=0, max=10_000)] = 0,
    processes: Annotated[int, typer.Option(help="Worker processes.", min=1, max=64)] = 2,
    threads: Annotated[int, typer.Option(help="Threads of each; above 1 the pool is `threads`.", min=1, max=64)] = 1,
    peers: Annotated[bool, typer.Option(help="Also run what people usually write.")] = True,
    logs: Annotated[Path | None, typer.Option(help="Folder that keeps the logs of the programs.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON alone on stdout.")] = False,
) -> None:
    """Measure how fast campaigns are sent, next to a floor that promises nothing, on this machine.

    Runs everything on a PostgreSQL and a Redis of its own against a gateway that accepts everybody. Ignores every
    BULKPOST_ setting.
    """
    # Only this command needs the benchmark, which takes its time to import.
    from worker.bench.order import Order
    from worker.bench.rounds import measure
    from worker.bench.shown import COLUMNS, RATIO_COLUMNS, ratio_rows, rows
    from worker.bench.shown import as_json as shown

    signal(SIGTERM, default_int_handler)  # ends as Ctrl-C does: with every process that was started
    configure_logging(load_settings({}, log_level="CRITICAL"))
    order = Order(
        recipients=recipients,
        batch_size=batch_size,
        rounds=rounds,
        personalised=personalised,
        embedded=embedded,
        latency_ms=latency_ms,
        processes=1 if embedded else processes,
        threads=threads,
        peers=peers,
    )
    [measured] = measure([order], tell=note, logs=logs)
    if as_json:
        show_json(shown(measured))
        return
    show_table(COLUMNS, rows(measured), right=COLUMNS[1:])
    out.print()
    show_table(RATIO_COLUMNS, ratio_rows(measured), right=RATIO_COLUMNS[1:])
