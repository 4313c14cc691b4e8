"""`bulkpost stop` and `bulkpost start`: the emergency stop for everything, and its end."""

from typing import Annotated

import typer

from models.ledger.control import start_everything, stop_everything
from models.session import transaction
from worker.cli.console import note, opened
from worker.cli.waking import wake_workers
from worker.settings import user_name


def stop(
    reason: Annotated[str, typer.Option(help="Why, for whoever looks at it later.")] = "stopped by hand",
) -> None:
    """Stop everything: no batch of any account is claimed from now on. Needs no broker."""
    with opened() as runtime:
        with transaction(runtime.sessions) as session:
            stopped = stop_everything(session, actor=user_name(), reason=reason)
        note(f"everything is stopped; {stopped.in_flight_count} documents were already in flight")


def start() -> None:
    """End the emergency stop; campaigns go on where they were."""
    with opened() as runtime:
        with transaction(runtime.sessions) as session:
            start_everything(session, actor=user_name())
        wake_workers(runtime.settings)
        note("sending goes on")
