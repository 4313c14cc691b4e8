"""`bulkpost db`: make and check the tables."""

from typing import Annotated

import typer

from migrations import HEAD_VERSION
from worker.cli.console import note, opened, show_json
from worker.installing import prepare_database
from worker.start import check_database, shown_url

app = typer.Typer(help="Make and check the tables.", no_args_is_help=True)


@app.command("upgrade")
def upgrade_database() -> None:
    """Bring the database to the version that this program needs; make it, with account `default`, where it is new."""
    with opened(checked=False) as runtime:
        prepare_database(runtime)
        check_database(runtime)
        note(f"{shown_url(runtime.engine)} is at version {HEAD_VERSION}, environment {runtime.settings.environment}")


@app.command("check")
def check(as_json: Annotated[bool, typer.Option("--json", help="JSON alone on stdout.")] = False) -> None:
    """Say whether the database fits this program and this environment; exit 1 where it does not."""
    with opened() as runtime:
        check_database(runtime)
        if as_json:
            show_json({"version": HEAD_VERSION, "environment": runtime.settings.environment})
            return
        note(f"the database is at version {HEAD_VERSION}, environment {runtime.settings.environment}")
