"""`bulkpost up`: scheduler and workers in this process."""

from typing import Annotated

import typer

from models.ledger.report import list_campaigns
from models.session import reading
from worker.cli.console import note, opened
from worker.cli.web import HOST, web_beside
from worker.start import check_database, check_fences


def up(
    until_idle: Annotated[bool, typer.Option("--until-idle", help="End when nothing is left to do.")] = False,
    threads: Annotated[int, typer.Option(min=1, max=256, help="Documents in flight at most, over all accounts.")] = 8,
    web: Annotated[int | None, typer.Option(help="Serve HTTP on this port as well.", min=0, max=65535)] = None,
    web_host: Annotated[str, typer.Option(help="The address that --web listens on.")] = HOST,
) -> None:
    """Run scheduler and workers in this process until SIGTERM or Ctrl-C, which finishes what is in flight.

    With BULKPOST_BROKER_URL set, its broker is used, and other workers may share the work.
    """
    from worker.embedded import Embedded

    with opened() as runtime:
        check_database(runtime)
        check_fences(runtime)
        note(f"bulkpost starts, environment {runtime.settings.environment}; stop it with Ctrl-C")
        with web_beside(runtime, web, web_host):
            Embedded(runtime, threads=threads, until_idle=until_idle).run()
        if until_idle:
            with reading(runtime.sessions) as session:
                waiting = [c for c in list_campaigns(session, limit=1000) if c["waiting_for"]]
            for campaign in waiting:
                note(f"campaign {campaign['id']} waits for {campaign['waiting_for']}")
