"""The command `bulkpost`: one file per group of commands.

Exit codes: 0 done, also when some rows of a list were refused; 1 refused or failed, with one clear line on stderr;
2 wrong usage.
"""

import gc
import sys

import typer
from sqlalchemy.exc import SQLAlchemyError

from models.errors import LedgerError
from worker.cli import (
    account,
    adopt,
    bench,
    campaign,
    control,
    database,
    demo,
    doctor,
    drill,
    key,
    lists,
    prove,
    purge,
    replay,
    run,
    schedule,
    simulator,
    stoplist,
    web,
    webhooks,
    why,
)
from worker.database_faults import find_fault
from worker.errors import ConfigurationError, DispatchError

app = typer.Typer(
    name="bulkpost",
    help="Bulk messages that are sent once: campaigns in SQL, posted in batches, every answer kept.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(demo.demo)
app.command()(run.up)
app.add_typer(database.app, name="db")
app.add_typer(account.app, name="account")
app.add_typer(campaign.app, name="campaign")
app.add_typer(schedule.app, name="schedule")
app.add_typer(lists.app, name="list")
app.add_typer(stoplist.app, name="stoplist")
app.add_typer(key.app, name="key")
app.command()(web.web)
app.add_typer(webhooks.app, name="webhooks")
app.command()(why.why)
app.command()(prove.prove)
app.command()(replay.replay)
app.command()(purge.purge)
app.command()(doctor.doctor)
app.command()(drill.drill)
app.command()(bench.bench)
app.command()(control.stop)
app.command()(control.start)
app.command()(adopt.adopt)
app.command()(simulator.simulator)


def main() -> None:
    """Run the command; what is refused is one line on stderr and exit code 1."""
    gc.freeze()  # what is loaded stays: to look through it for cycles took a tenth of a second each time
    try:
        app()
    except ConfigurationError as error:
        _fail(*error.problems)
    except (LedgerError, DispatchError) as error:
        _fail(str(error))
    except SQLAlchemyError as error:
        _fail(find_fault(error).words)
    except OSError as error:
        _fail(f"the system refused: {error}")


def _fail(*lines: str) -> None:
    for line in lines:
        sys.stderr.write(f"bulkpost: {line}\n")
    sys.exit(1)
