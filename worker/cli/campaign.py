"""`bulkpost campaign`: create, start, watch and control mailings, and read what became of them."""

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from models.content import KINDS, Content, from_json
from models.errors import EmptyList
from models.ledger.control import cancel_campaign, pause_campaign, resume_campaign, start_campaign
from models.ledger.locks import find_account
from models.ledger.lookalike import Lookalike
from models.ledger.report import list_campaigns, show
from models.session import reading, transaction
from models.states import CampaignStatus
from worker.cli.console import Id, err, local, note, opened, show_json, show_table
from worker.cli.results import results
from worker.cli.showing import print_campaign, watch_until_ended
from worker.cli.waking import wake_workers
from worker.errors import ConfigurationError
from worker.importer import Imported, Mailing, import_list
from worker.intake.opening import open_list
from worker.intake.rejected import RejectedRows
from worker.runtime import Runtime
from worker.settings import Settings, user_name
from worker.start import check_database

app = typer.Typer(help="Create, start, watch and control mailings.", no_args_is_help=True)
app.command("results")(results)

AsJson = Annotated[bool, typer.Option("--json", help="JSON alone on stdout.")]
Reason = Annotated[str, typer.Option(help="Why, for whoever looks at it later.")]


@app.command("create")
def create(
    recipients: Annotated[str, typer.Option(help="The list: CSV, XLSX, JSONL, plain numbers; - for standard input.")],
    sender: Annotated[str | None, typer.Option(help="Whom the message is from.")] = None,
    text: Annotated[str | None, typer.Option(help="What it says; {name} takes the recipient's column.")] = None,
    kind: Annotated[str, typer.Option(help="One of " + ", ".join(KINDS) + ".")] = "sms",
    content: Annotated[
        Path | None, typer.Option(help="JSON file with the content's fields, instead of options.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="What to call it.")] = None,
    account: Annotated[str, typer.Option(help="The account that sends it.")] = "default",
    at: Annotated[
        str | None, typer.Option(help="When to start, 2026-12-01 10:00 (with offset, or in TIME_ZONE).")
    ] = None,
    priority: Annotated[int, typer.Option(min=0, max=9, help="9 goes first.")] = 5,
    phone_column: Annotated[str | None, typer.Option(help="The column with the numbers.")] = None,
    ref_column: Annotated[str | None, typer.Option(help="The column with your own reference.")] = None,
    key: Annotated[str | None, typer.Option(help="Your own key: repeated, it returns the first campaign.")] = None,
    rejected: Annotated[Path | None, typer.Option(help="Where to write refused rows.")] = None,
    draft: Annotated[bool, typer.Option("--draft", help="Do not start it; bulkpost campaign start does.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Watch until it has ended.")] = False,
    as_json: AsJson = False,
) -> None:
    """Create a campaign from a list. Bad rows are refused one by one, and written to a file with the reason."""
    if key is not None and not key.strip():
        raise ConfigurationError("--key is empty: leave it out, or give your own key of this campaign")
    said = _content(kind, content, {"sender": sender, "text": text})
    with opened() as runtime:
        check_database(runtime)
        settings = runtime.settings
        _check_fence(runtime, account)
        mailing = Mailing(
            content=said,
            account=account,
            actor=user_name(),
            name=name,
            key=key,
            at=_moment(at, settings),
            priority=priority,
            start=not draft,
        )
        imported, refused_path = _import(runtime, mailing, recipients, phone_column, ref_column, rejected)
        if not draft:
            wake_workers(settings)
        _say_refused(imported, refused_path)
        if wait and not draft:
            watch_until_ended(runtime, imported.campaign_id)
        with reading(runtime.sessions) as session:
            shown = show(session, imported.campaign_id)
        show_json(shown) if as_json else print_campaign(shown, settings)


def _import(
    runtime: Runtime,
    mailing: Mailing,
    recipients: str,
    phone_column: str | None,
    ref_column: str | None,
    rejected: Path | None,
) -> tuple[Imported, Path | None]:
    region = runtime.settings.default_region
    with (
        open_list(recipients, phone_column=phone_column, ref_column=ref_column, default_region=region) as rows,
        RejectedRows(recipients, rejected) as refused,
        _import_bar() as progress,
    ):
        task = progress.add_task("importing", total=None)

        def ask(found: Lookalike) -> bool:
            progress.stop()
            return _go_on(found, runtime.settings)

        try:
            imported = import_list(
                runtime.sessions,
                mailing,
                rows,
                refused,
                on_progress=lambda count: progress.update(task, completed=count),
                on_lookalike=ask,
            )
        except EmptyList as error:
            raise EmptyList(f"{recipients}: {error}") from None
        except KeyboardInterrupt:
            note("interrupted: no campaign was created")
            raise
    return imported, refused.path


def _import_bar() -> Progress:
    columns = (TextColumn("importing"), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=err, disable=not err.is_terminal, transient=True)


def _go_on(found: Lookalike, settings: Settings) -> bool:
    note(
        f"warning: campaign {found.campaign_id}, created {local(found.created_at, settings)}, says the same to "
        f"{found.share:.0%} of these numbers"
    )
    if not sys.stdin.isatty():
        return True
    return typer.confirm("Create this one as well?", err=True)


def _say_refused(imported: Imported, path: Path | None) -> None:
    if imported.existed:
        note(f"campaign {imported.campaign_id} has this key already: nothing was created")
        return
    if not imported.refused:
        return
    note(f"{imported.refused.total():,} of {imported.total_count:,} rows were refused and will not be sent:")
    for reason, count in imported.refused.most_common(10):
        note(f"  {count:>9,}  {reason}")
    if len(imported.refused) > 10:
        note(f"  and {len(imported.refused) - 10} further reasons")
    if path is not None:
        note(f"  all of them, by line: {path}")


@app.command("start")
def start(id_: Id) -> None:
    """Start a draft."""
    with opened() as runtime:
        check_database(runtime)
        with reading(runtime.sessions) as session:
            account = show(session, id_)["account"]
        _check_fence(runtime, account)
        with transaction(runtime.sessions) as session:
            start_campaign(session, id_, actor=user_name())
        wake_workers(runtime.settings)
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
def resume(id_: Id) -> None:
    """Let a paused campaign go on exactly where it stopped."""
    with opened() as runtime:
        with transaction(runtime.sessions) as session:
            resume_campaign(session, id_, actor=user_name())
        wake_workers(runtime.settings)
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


def _content(kind: str, path: Path | None, options: dict[str, str | None]) -> Content:
    fields: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    if path is None:
        return from_json(kind, fields)
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"--content {path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ConfigurationError(f"--content {path}: not JSON: {error}") from None
    if not isinstance(read, dict):
        raise ConfigurationError(f"--content {path}: not an object with the content's fields")
    return from_json(kind, {**read, **fields})


def _check_fence(runtime: Runtime, account: str) -> None:
    with reading(runtime.sessions) as session:
        fence = runtime.settings.fence(find_account(session, account).gateway_url)
    if fence.forbids_everything:
        raise ConfigurationError(fence.mend(account))


def _moment(written: str | None, settings: Settings) -> datetime | None:
    if written is None:
        return None
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        raise ConfigurationError(f'--at "{written}" is no moment: write it like 2026-12-01 10:00') from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=ZoneInfo(settings.time_zone))
