"""`bulkpost bench`: how fast, against a floor without any promise and against what people usually write."""

from pathlib import Path
from signal import SIG_IGN, SIGHUP, SIGINT, SIGTERM, getsignal, signal
from typing import TYPE_CHECKING, Annotated

import typer

from worker.cli.console import note, out, show_json, show_table
from worker.errors import ConfigurationError
from worker.logs import configure_logging
from worker.settings import load_settings

if TYPE_CHECKING:
    from worker.bench.finding import Finding, Part, Table
    from worker.bench.order import Order

ENDINGS = (SIGINT, SIGTERM, SIGHUP)
SENDING = {"batch_size", "personalised", "latency_ms", "processes", "pool", "threads"}
MEANINGLESS = {
    "full": {*SENDING, "recipients", "embedded"},
    "imports": {*SENDING, "peers", "picture", "logs"},
    "urgent": {*SENDING, "recipients", "embedded", "peers", "picture"},
    "embedded": {"processes"},
}
"""What says nothing beside an option: whoever gives both expects what will not happen."""


def bench(
    context: typer.Context,
    recipients: Annotated[
        int, typer.Option(help="How many to send to; a million if --import.", min=100, max=5_000_000)
    ] = 100_000,
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
    imports: Annotated[bool, typer.Option("--import", help="Only the import of a list, beside a bare one.")] = False,
    urgent: Annotated[
        bool, typer.Option("--urgent", help="Only an urgent message on an idle system, by each door; 10 of them.")
    ] = False,
    quick: Annotated[bool, typer.Option("--quick", help="For curiosity: under a minute, one round.")] = False,
    full: Annotated[bool, typer.Option("--full", help="For the records: every bound; takes long.")] = False,
    picture: Annotated[
        Path | None, typer.Option(help="Also draw the rate against batch size and campaign size: an SVG file.")
    ] = None,
    markdown: Annotated[Path | None, typer.Option(help="Also write all tables, with date and machine: a file.")] = None,
    logs: Annotated[Path | None, typer.Option(help="Folder that keeps the logs of the programs.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON alone on stdout.")] = False,
) -> None:
    """Measure how fast campaigns are sent, next to a floor that promises nothing, on this machine.

    Runs everything on a PostgreSQL and a Redis of its own against a gateway that accepts everybody. Ignores every
    BULKPOST_ setting. --full chooses everything but the rounds itself.
    """
    # Only this command needs the benchmark, which takes its time to import.
    from worker.bench.benchmark import Benchmark
    from worker.bench.machine import describe_machine
    from worker.bench.order import Order
    from worker.bench.shown import as_json as shown
    from worker.bench.shown import bound_table
    from worker.bench.shown import markdown as as_markdown

    _check_options(context)
    _check_files(picture, markdown, logs)
    _end_as_on_ctrl_c()
    configure_logging(load_settings({}, log_level="CRITICAL"))
    order = Order(
        recipients=recipients,
        batch_size=batch_size,
        rounds=rounds or (1 if quick else 3),
        personalised=personalised,
        embedded=embedded,
        latency_ms=latency_ms,
        processes=1 if embedded else processes,
        threads=threads if pool == "threads" else 1,
        peers=peers,
        hurried=quick,
    )
    parts = _parts(context, order, rounds)
    try:
        found = Benchmark(parts, order, picture, logs).run(note, (lambda finding: None) if as_json else _print_finding)
    except KeyboardInterrupt:
        note("interrupted: no process is left, and what was not shown does not count")
        raise typer.Exit(130) from None
    if as_json:
        show_json(shown(found, describe_machine()))
    else:
        _print_table(bound_table(found))
    if markdown is not None:
        markdown.write_text(as_markdown(found, describe_machine()), encoding="utf-8")
        note(f"{markdown} written")


def _parts(context: typer.Context, order: "Order", rounds: int | None) -> "list[Part]":
    from worker.bench import plans
    from worker.bench.importing import ROWS, Importing
    from worker.bench.sending import Sending
    from worker.bench.urgent import Urgent

    if context.params["full"]:
        return plans.full(rounds or 5, peers=order.peers)
    if context.params["urgent"]:
        return [Urgent(rounds or 10)]
    if context.params["imports"]:
        return [Importing(order.recipients if _is_given(context, "recipients") else ROWS, order.rounds, order.embedded)]
    return [Sending([order])]


def _check_options(context: typer.Context) -> None:
    """Refuse what contradicts itself, and what would change nothing. Raises: ConfigurationError."""
    options = context.params
    kinds = [_spell(name) for name in ("quick", "full", "imports", "urgent") if options[name]]
    if len(kinds) > 1:
        raise ConfigurationError(f"{' and '.join(kinds)} contradict each other: give one of them")
    for name, others in MEANINGLESS.items():
        given = [_spell(other) for other in sorted(others) if options[name] and _is_given(context, other)]
        if given:
            raise ConfigurationError(f"{given[0]} changes nothing with {_spell(name)}: leave one of them out")
    if options["pool"] not in ("prefork", "threads"):
        raise ConfigurationError(f'--pool "{options["pool"]}" is none: use prefork or threads')
    if options["pool"] == "prefork" and _is_given(context, "threads"):
        raise ConfigurationError("--threads is of --pool threads alone: add that, or take --processes")


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _spell(name: str) -> str:
    return "--import" if name == "imports" else f"--{name.replace('_', '-')}"


def _check_files(picture: Path | None, markdown: Path | None, logs: Path | None) -> None:
    for option, path, suffix in (("--picture", picture, ".svg"), ("--markdown", markdown, ".md")):
        if path is not None and (path.suffix != suffix or not path.parent.is_dir()):
            raise ConfigurationError(f"{option} {path}: name an {suffix} file in a folder that exists")
    if logs is not None and logs.exists() and not logs.is_dir():
        raise ConfigurationError(f"--logs {logs} is a file: name a folder")
    if not Path("/proc/self/stat").exists():
        raise ConfigurationError("bench reads CPU time and memory from /proc: run it on Linux")


def _end_as_on_ctrl_c() -> None:
    """Let SIGTERM and a terminal that is gone end every process and folder too, and no second signal disturb that."""

    def end(_number: int, _frame: object) -> None:
        for each in ENDINGS:
            signal(each, SIG_IGN)
        raise KeyboardInterrupt

    for each in ENDINGS:
        if getsignal(each) is not SIG_IGN:  # nohup
            signal(each, end)


def _print_finding(finding: "Finding") -> None:
    for table in finding.tables:
        _print_table(table)


def _print_table(table: "Table") -> None:
    if table.title:
        out.print(table.title, markup=False)
        out.print()
    if table.rows:
        show_table(table.columns, table.rows, right=table.figures)
        out.print()
