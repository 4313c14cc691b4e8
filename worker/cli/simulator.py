"""`bulkpost simulator`: the provider's double in the foreground."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

if TYPE_CHECKING:
    from worker.simulator.plan import Plan


def simulator(
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)] = 8080,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    faults: Annotated[Path | None, typer.Option(help="JSON file with a fault plan.")] = None,
    login: Annotated[str | None, typer.Option(help="Accept this login only (with --password).")] = None,
    password: Annotated[str | None, typer.Option(help="The password of --login.")] = None,
    token: Annotated[str | None, typer.Option(help="Accept this token.")] = None,
    ledger: Annotated[Path | None, typer.Option(help="File that keeps the ledger over restarts.")] = None,
    language: Annotated[Literal["en", "ru"], typer.Option(help="Language of the texts.")] = "en",
    strict: Annotated[bool, typer.Option("--strict", help="Refuse every document with a finding.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Do not write findings to stderr.")] = False,
) -> None:
    """Run the provider's double: an HTTP server that speaks its protocol, for trying things out and for tests.

    Nothing is sent to anybody. It keeps a ledger of what it would have charged, says what is wrong with the documents
    it gets, and misbehaves as a fault plan asks. Without --login or --token it accepts any credentials. Stop it with
    Ctrl-C.

    Ledger: GET /bulkpost-simulator/ledger. Requests: GET /bulkpost-simulator/requests. Faults: GET and PUT
    /bulkpost-simulator/faults.
    """
    # Only this command needs its code, which takes its time to import.
    from worker.simulator.access import Access
    from worker.simulator.journal import JournalError
    from worker.simulator.server import ListenError, Options, serve

    if (login is None) != (password is None):
        _refuse("--login and --password belong together; give both or neither")
    tell = (lambda line: None) if quiet else _tell
    access = Access(login, password, token)
    options = Options(host, port, _load(faults), access, ledger, strict, language, tell=tell)
    try:
        serve(options, lambda url: typer.echo(f"simulator listening on {url}"))
    except (ListenError, JournalError) as error:
        _refuse(str(error))


def _load(path: Path | None) -> "Plan":
    from worker.simulator.plan import PlanError, read_plan

    if path is None:
        return ()
    try:
        return read_plan(path.read_bytes())
    except OSError as error:
        _refuse(f"{path}: cannot be read: {error.strerror}")
    except PlanError as error:
        _refuse(f"{path}: {error}")


def _tell(line: str) -> None:
    typer.echo(line, err=True)


def _refuse(line: str) -> NoReturn:
    typer.echo(line, err=True)
    raise typer.Exit(1)
