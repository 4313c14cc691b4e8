"""`bulkpost doctor`: what is wrong with this installation."""

from dataclasses import asdict

import typer

from worker.cli.console import AsJson, note, opened, show_json
from worker.start import check_database


def doctor(as_json: AsJson = False) -> None:
    """Say what is paused, stopped, missing or set up wrongly, each with its mend. Exit 1 where something is."""
    # Celery takes a quarter of a second to import.
    from worker.doctor import examine

    with opened() as runtime:
        check_database(runtime)
        found = list(examine(runtime))
    if as_json:
        show_json([asdict(ailment) for ailment in found])
    else:
        for ailment in found:
            note(f"{ailment.finding}\n  mend: {ailment.mend}")
        if not found:
            note("nothing is wrong")
    if found:
        raise typer.Exit(1)
