"""`bulkpost campaign`: start, watch and control mailings. Creating them is in `creating`, results in `results`."""

from typing import Annotated

import typer

from models.ledger.control import cancel_campaign, pause_campaign, resume_campaign, start_campaign
from models.ledger.report import list_campaigns, show
from models.ledger.resumption import Resumption
from models.rules import LARGEST_NUMBER
from models.session import reading, transaction
from models.states import CampaignStatus
from worker.cli.console import AsJson, Id, note, opened, show_json, show_table
from worker.cli.creating import create
from worker.cli.editing import edit
from worker.cli.previewing import preview
from worker.cli.resending import resend
from worker.cli.results import results
from worker.cli.retrying import retry
from worker.cli.ruling import read_latest, zone_of
from worker.cli.showing import print_campaign, watch_until_ended
from worker.cli.waking import waker
from worker.errors import ConfigurationError
from worker.settings import user_name
from worker.start import check_database, check_fence

app = typer.Typer(help="Create, start, watch and control mailings.", no_args_is_help=True)
app.command("create")(create)
app.command("preview")(preview)
app.command("results")(results)
app.command("edit")(edit)
app.command("retry")(retry)
app.command("resend")(resend)

Reason = Annotated[str, typer.Option(help="Why, for whoever looks at it later.")]


@app.command("start")
def start(id_: Id) -> None:
    """Start a draft."""
    with opened() as runtime:
        check_database(runtime)
        with reading(runtime.sessions) as session:
            account = show(session, id_)["account"]
        check_fence(runtime, account)
        wake = waker(runtime.settings)  # before the commit, as whatever takes time
        with transaction(runtime.sessions) as session:
            start_campaign(session, id_, actor=user_name())
        wake()
        note(f"campaign {id_} is scheduled")


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 50,
    status: Annotated[CampaignStatus | None, typer.Option(help="Only these.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the newest campaigns."""
    with opened() as runtime:
        with reading(runtime.sessions) as session:
            campaigns = list_campaigns(session, limit=limit, status=status)
        if as_json:
            show_json(campaigns)
            return
        kinds = ("total", "pending", "accepted", "rejected", "unknown", "cancelled", "skipped")
        show_table(
            ("id", "name", "status", *kinds, "waiting for"),
            [
                (c["id"], c["name"], c["status"], *(f"{c['counts'][kind]:,}" for kind in kinds), c["waiting_for"])
                for c in campaigns
            ],
            right=("id", *kinds),
        )


@app.command("show")
def show_(id_: Id, as_json: AsJson = False) -> None:
    """Show one campaign: its counts, and what it waits for."""
    with opened() as runtime:
        with reading(runtime.sessions) as session:
            shown = show(session, id_)
        show_json(shown) if as_json else print_campaign(shown, runtime.settings)
        if runtime.stop_file.is_there():
            note(f"nothing is posted from here while {runtime.stop_file.full_path} exists: bulkpost start --file")


@app.command("watch")
def watch(id_: Id, as_json: AsJson = False) -> None:
    """Follow a campaign until it has ended; Ctrl-C ends the watching only."""
    with opened() as runtime:
        shown = watch_until_ended(runtime, id_)
        show_json(shown) if as_json else print_campaign(shown, runtime.settings)


@app.command("pause")
def pause(id_: Id, reason: Reason = "paused by hand") -> None:
    """Stop claiming batches of a campaign. What is in flight is still answered."""
    with opened() as runtime:
        with transaction(runtime.sessions) as session:
            stopped = pause_campaign(session, id_, actor=user_name(), reason=reason)
        note(f"campaign {id_} is paused; {stopped.in_flight_count} documents were already in flight")


@app.command("resume")
def resume(
    id_: Id,
    latest: Annotated[
        str | None, typer.Option(help="For a late one: until when it may be sent now; a time, or 2h from now.")
    ] = None,
    late_anyway: Annotated[
        bool, typer.Option("--late-anyway", help="For a late one: send it whenever it may go.")
    ] = False,
    max_segments: Annotated[
        int | None,
        typer.Option(min=0, max=LARGEST_NUMBER, help="How many segments may be billed in all; 0 for any number."),
    ] = None,
) -> None:
    """Let a paused campaign go on exactly where it stopped."""
    if latest is not None and late_anyway:
        raise ConfigurationError("--latest and --late-anyway say different things: give one of them")
    with opened() as runtime:
        with reading(runtime.sessions) as session:
            zone = zone_of(show(session, id_)["time_zone"], runtime.settings)
        change = Resumption(read_latest(latest, None, zone), late_anyway, max_segments)
        wake = waker(runtime.settings)
        with transaction(runtime.sessions) as session:
            resume_campaign(session, id_, actor=user_name(), change=change)
        wake()
        note(f"campaign {id_} goes on")


@app.command("cancel")
def cancel(id_: Id, reason: Reason = "cancelled by hand") -> None:
    """End a campaign: what was not posted is not sent any more."""
    with opened() as runtime:
        with transaction(runtime.sessions) as session:
            stopped = cancel_campaign(session, id_, actor=user_name(), reason=reason)
        with reading(runtime.sessions) as session:
            counts = show(session, id_)["counts"]
        note(
            f"campaign {id_} is cancelled: {counts['cancelled']:,} will not be sent, {counts['accepted']:,} were "
            f"accepted before, {counts['unknown']:,} are in doubt; {stopped.in_flight_count} documents were in flight"
        )
        if stopped.scheduled_count:
            note(
                f"up to {stopped.scheduled_count:,} of those accepted lie at the provider with a delivery time and "
                "will be delivered: only the provider can stop them"
            )
