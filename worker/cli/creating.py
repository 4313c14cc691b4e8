"""`bulkpost campaign create`: from a list and a content to a campaign, or to a look at what it would be."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from models.content import Content, warnings
from models.errors import EmptyList
from models.ledger.lookalike import Lookalike
from models.ledger.repeats import find_by_key
from models.ledger.report import show
from models.rules import NO_RULES
from models.session import reading
from models.timing import Timing, When, column_of
from models.work import Owed
from worker.cli import ruling
from worker.cli.console import AsJson, err, local, note, opened, show_json
from worker.cli.previewing import print_preview, to_plain
from worker.cli.saying import saying
from worker.cli.showing import print_campaign, watch_until_ended
from worker.cli.waking import waker
from worker.clock import utc_now
from worker.cost import check_draft
from worker.errors import ConfigurationError
from worker.importer import Imported, import_list
from worker.intake.opening import open_list
from worker.intake.rejected import RejectedRows
from worker.list_reader import Mailing
from worker.preview import Preview
from worker.preview import preview as look_at
from worker.runtime import Runtime
from worker.settings import Settings, user_name
from worker.start import check_database, check_fence
from worker.trial import create_trial, first_sendable, read_numbers

When_ = Annotated[str | None, typer.Option(help="A moment, or {column}; in --time-zone unless it says an offset.")]


@saying
def create(
    said: Content,
    recipients: Annotated[str, typer.Option(help="The list: CSV, XLSX, JSONL, plain numbers; - for standard input.")],
    name: Annotated[str | None, typer.Option(help="What to call the campaign.")] = None,
    account: Annotated[str, typer.Option(help="The account that sends it.")] = "default",
    at: ruling.At = None,
    now: ruling.Now = False,
    latest: ruling.Latest = None,
    window: ruling.WindowOption = None,
    holidays: ruling.Holidays = None,
    time_zone: ruling.Zone = None,
    canary: ruling.Canary = None,
    canary_errors: ruling.CanaryErrors = ruling.CANARY_ERRORS,
    max_segments: ruling.MaxSegments = None,
    priority: Annotated[int, typer.Option(min=0, max=9, help="9 goes first.")] = 5,
    phone_column: Annotated[str | None, typer.Option(help="The column with the numbers.")] = None,
    ref_column: Annotated[str | None, typer.Option(help="The column with your own reference.")] = None,
    key: Annotated[str | None, typer.Option(help="Your own key: repeated, it returns the first campaign.")] = None,
    rejected: Annotated[Path | None, typer.Option(help="Where to write refused rows.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse the whole list if a row is refused.")] = False,
    draft: Annotated[bool, typer.Option("--draft", help="Do not start it; bulkpost campaign start does.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be posted; create nothing.")] = False,
    test: Annotated[
        str | None, typer.Option(help="Own numbers, separated by commas: they alone get what the first row would get.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Watch until it has ended.")] = False,
    time_send: When_ = None,
    validity_period: When_ = None,
    validity_period_viber: When_ = None,
    as_json: AsJson = False,
) -> None:
    """Create a campaign from a list. Bad rows are refused one by one, and written to a file with the reason.

    Every text that a person reads takes values from the list: {column}. In a link they are encoded.
    """
    if key is not None and not key.strip():
        raise ConfigurationError("--key is empty: leave it out, or give your own key of this campaign")
    if test is not None and (dry_run or draft or key is not None):
        raise ConfigurationError(
            "--test sends at once and creates nothing else: leave out --dry-run, --draft and --key"
        )
    asked = ruling.RuleOptions(latest, window, holidays, time_zone, canary, canary_errors, max_segments)
    with opened() as runtime:
        check_database(runtime)
        settings = runtime.settings
        own_numbers = () if test is None else read_numbers(test, settings.default_region)
        check_fence(runtime, account)
        zone = ruling.zone_of(time_zone, settings)
        timing = Timing(
            _when("--time-send", time_send, zone),
            _when("--validity-period", validity_period, zone),
            _when("--validity-period-viber", validity_period_viber, zone),
        )
        start_at, rules = None, NO_RULES
        if key is None or not _exists(runtime, account, key, said):
            # A command that is repeated later with its key still names the first campaign.
            start_at = ruling.read_start(at, zone, at_once=now)
            rules = ruling.read_rules(asked, start_at, settings)
        mailing = Mailing(
            content=said,
            account=account,
            actor=user_name(),
            name=name or f"{said.kind} {utc_now().astimezone(ZoneInfo(settings.time_zone)):%Y-%m-%d %H:%M}",
            key=key,
            at=start_at,
            priority=priority,
            timing=timing,
            rules=rules,
            time_zone=zone.key,
            start=not draft,
            strict=strict,
        )
        for warning in warnings(said):
            note(f"warning: {warning}")
        seen: list[Preview] = []
        tried: list[Owed] = []
        look: Callable[[int], None] | None = None
        if dry_run:
            look = lambda draft_id: seen.append(look_at(runtime.sessions, settings, draft_id))  # noqa: E731
        elif own_numbers:
            look = lambda draft_id: tried.append(first_sendable(runtime.sessions, draft_id))  # noqa: E731
        wake = waker(settings)  # before the commit: from then on the message should be on its way
        imported, refused_path = _import(runtime, mailing, recipients, phone_column, ref_column, rejected, look)
        _say_refused(imported, refused_path)
        if seen:
            show_json(to_plain(seen[0])) if as_json else print_preview(seen[0])
            return
        campaign_id = imported.campaign_id
        if tried:
            campaign_id = create_trial(runtime.sessions, tried[0], own_numbers, mailing)
            note(
                f"test: what row {tried[0].position:,} of the list would get goes to {len(own_numbers)} own numbers, "
                f"at once, as campaign {campaign_id}; nobody of the list gets anything, and nothing else was created"
            )
        if not draft:
            wake()
        if wait and not draft:
            watch_until_ended(runtime, campaign_id)
        with reading(runtime.sessions) as session:
            shown = show(session, campaign_id)
        show_json(shown) if as_json else print_campaign(shown, settings)


def _import(
    runtime: Runtime,
    mailing: Mailing,
    recipients: str,
    phone_column: str | None,
    ref_column: str | None,
    rejected: Path | None,
    look: Callable[[int], None] | None,
) -> tuple[Imported, Path | None]:
    region = runtime.settings.default_region
    with (
        open_list(recipients, phone_column=phone_column, ref_column=ref_column, default_region=region) as rows,
        RejectedRows(recipients, rejected) as refused,
        _import_bar() as progress,
    ):
        if rows.unread_sheets:
            note(f"warning: {recipients} has more sheets, which are not read: {', '.join(rows.unread_sheets)}")
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
                look=look,
                approve=lambda draft_id: check_draft(runtime.sessions, runtime.settings, draft_id, mailing),
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


def _exists(runtime: Runtime, account: str, key: str, said: Content) -> bool:
    with reading(runtime.sessions) as session:
        return find_by_key(session, account, key, said) is not None


def _when(option: str, written: str | None, zone: ZoneInfo) -> When:
    """Return a moment for everybody, or the column that it comes from."""
    if written is not None and column_of(written) is not None:
        return written.strip()
    return ruling.read_time(option, written, zone)
