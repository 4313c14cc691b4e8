"""`bulkpost db`: make and check the tables."""

import typer

from migrations import head_version
from worker.cli.console import note, opened
from worker.installing import prepare_database
from worker.start import check_database

app = typer.Typer(help="Make and check the tables.", no_args_is_help=True)


@app.command("upgrade")
def upgrade_database() -> None:
    """Bring the database to the version that this program needs; make it, with account `default`, where it is new."""
    with opened(checked=False) as runtime:
        prepare_database(runtime)
        check_database(runtime)
        shown = runtime.engine.url.render_as_string(hide_password=True)
        note(f"{shown} is at version {head_version()}, environment {runtime.settings.environment}")


@app.command("check")
def check() -> None:
    """Say whether the database fits this program and this environment; exit 1 where it does not."""
    with opened() as runtime:
        check_database(runtime)
        note(f"the database is at version {head_version()}, environment {runtime.settings.environment}")
