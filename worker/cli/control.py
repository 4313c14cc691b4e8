"""`bulkpost stop` and `bulkpost start`: the emergency stop for everything, and its end."""

from typing import Annotated

import typer

from models.ledger.control import start_everything, stop_everything
from models.session import transaction
from worker.cli.console import note, opened
from worker.cli.waking import wake_workers
from worker.clock import utc_now
from worker.settings import load_settings, user_name
from worker.stop_file import StopFile, exists, pull, release

File = Annotated[
    bool, typer.Option("--file", help="By BULKPOST_STOP_FILE alone: needs no database, reaches this folder's workers.")
]


def stop(
    reason: Annotated[str, typer.Option(help="Why, for whoever looks at it later.")] = "stopped by hand",
    file: File = False,
) -> None:
    """Stop everything: no batch of any account is claimed from now on. Needs no broker.

    With the database down, --file stops the workers that run in this folder, or look for the same BULKPOST_STOP_FILE.
    """
    if file:
        path = load_settings().stop_file
        pull(path, f"{utc_now():%Y-%m-%d %H:%M:%S} UTC, {user_name()}: {reason}")
        note(f"{StopFile(path).full_path} stops the workers that look for it; bulkpost start --file ends it")
        return
    with opened() as runtime:
        with transaction(runtime.sessions) as session:
            stopped = stop_everything(session, actor=user_name(), reason=reason)
        note(f"everything is stopped; {stopped.in_flight_count} documents were already in flight")


def start(file: File = False) -> None:
    """End the emergency stop; campaigns go on where they were."""
    if file:
        path = load_settings().stop_file
        was_there = release(path)
        note(f"{StopFile(path).full_path} {'is removed: its workers go on' if was_there else 'was not there'}")
        return
    with opened() as runtime:
        with transaction(runtime.sessions) as session:
            start_everything(session, actor=user_name())
        wake_workers(runtime.settings)
        path = runtime.settings.stop_file
        note("sending goes on")
        if exists(path):
            note(f"warning: {StopFile(path).full_path} still stops this folder's workers: bulkpost start --file")
