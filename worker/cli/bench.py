"""`bulkpost bench`: how fast, against a floor without any promise and against what people usually write."""

from pathlib import Path
from signal import SIGTERM, default_int_handler, signal
from typing import TYPE_CHECKING, Annotated

import typer

from worker.cli.console import note, out, show_json, show_table
from worker.errors import ConfigurationError
from worker.logs import configure_logging
from worker.settings import load_settings

if TYPE_CHECKING:
    from worker.bench.rounds import Measured


def bench(
    recipients: Annotated[int, typer.Option(help="How many to send to.", min=100, max=5_000_000)] = 100_000,
    batch_size: Annotated[int, typer.Option(help="Recipients of one document.", min=1, max=10_000)] = 1_000,
    rounds: Annotated[int | None, typer.Option(help="Runs of each, in turn; 3, or 5 if full.", min=1, max=100)] = None,
    personalised: Annotated[bool, typer.Option("--personalised", help="A text for each recipient.")] = False,
    embedded: Annotated[
        bool, typer.Option("--embedded", help="`bulkpost up` on SQLite against a floor of one process on SQLite.")
    ] = False,
    latency_ms: Annotated[int, typer.Option(help="How long the gateway takes to answer.", min=0, max=10_000)] = 0,
    processes: Annotated[int, typer.Option(help="Worker processes.", min=1, max=64)] = 2,
    pool: Annotated[str, typer.Option(help="prefork; or threads: as many workers as processes.")] = "prefork",
    threads: Annotated[int, typer.Option(help="Threads of each process (--pool threads).", min=1, max=64)] = 8,
    peers: Annotated[bool, typer.Option(help="Also run what people usually write.")] = True,
    quick: Annotated[bool, typer.Option("--quick", help="For curiosity: under a minute, one round.")] = False,
    full: Annotated[bool, typer.Option("--full", help="For the records: every bound; takes long.")] = False,
    picture: Annotated[
        Path | None, typer.Option(help="Also draw the rate against batch size and campaign size: an SVG file.")
    ] = None,
    logs: Annotated[Path | None, typer.Option(help="Folder that keeps the logs of the programs.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON alone on stdout.")] = False,
) -> None:
    """Measure how fast campaigns are sent, next to a floor that promises nothing, on this machine.

    Runs everything on a PostgreSQL and a Redis of its own against a gateway that accepts everybody. Ignores every
    BULKPOST_ setting. --quick and --full choose everything but the rounds themselves.
    """
    # Only this command needs the benchmark, which takes its time to import.
    from worker.bench import plans
    from worker.bench.benchmark import Benchmark
    from worker.bench.machine import describe_machine
    from worker.bench.order import Order
    from worker.bench.shown import as_json as shown

    _check(pool, quick, full, picture)
    signal(SIGTERM, default_int_handler)  # ends as Ctrl-C does: with every process that was started
    configure_logging(load_settings({}, log_level="CRITICAL"))
    order = Order(
        recipients=recipients,
        batch_size=batch_size,
        rounds=rounds or 3,
        personalised=personalised,
        embedded=embedded,
        latency_ms=latency_ms,
        processes=1 if embedded else processes,
        threads=threads if pool == "threads" else 1,
        peers=peers,
    )
    groups = plans.full(rounds or 5) if full else [plans.quick() if quick else [order]]
    found = Benchmark(groups, order, picture, logs).run(note)
    if as_json:
        show_json(shown(found, describe_machine()))
    else:
        for group in found:
            _print_group(group)


def _check(pool: str, quick: bool, full: bool, picture: Path | None) -> None:
    if pool not in ("prefork", "threads"):
        raise ConfigurationError(f'--pool "{pool}" is none: use prefork or threads')
    if quick and full:
        raise ConfigurationError("--quick and --full contradict each other: give one of them")
    if picture is not None and (picture.suffix != ".svg" or not picture.parent.is_dir()):
        raise ConfigurationError(f"--picture {picture}: name an .svg file in a folder that exists")


def _print_group(group: "list[Measured]") -> None:
    from worker.bench.shown import BOUND_COLUMNS, COLUMNS, RATIO_COLUMNS, bound_rows, ratio_rows, rows

    for measured in group:
        rounds = len(measured.rounds)
        out.print(f"{measured.order.describe()}; median of {rounds}, CPU seconds per 100,000", markup=False)
        out.print()
        show_table(COLUMNS, rows(measured), right=COLUMNS[1:])
        out.print()
        if ratios := ratio_rows(measured):
            show_table(RATIO_COLUMNS, ratios, right=RATIO_COLUMNS[1:])
            out.print()
    show_table(BOUND_COLUMNS, bound_rows(group), right=BOUND_COLUMNS[1:3])
    out.print()
