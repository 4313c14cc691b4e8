"""`bulkpost schedule`: campaigns that are made again and again."""

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from models.content import Content, warnings
from models.ledger.schedules import (
    Recipe,
    create_schedule,
    end_schedule,
    list_schedules,
    pause_schedule,
    resume_schedule,
    show_schedule,
)
from models.schedule import Schedule
from models.session import database_clock, reading, transaction
from models.timing import Timing, column_of, read_duration
from worker.cli import ruling
from worker.cli.console import AsJson, note, opened, out, show_json, show_table
from worker.cli.saying import saying
from worker.core.cron import Cron, read_cron
from worker.errors import ConfigurationError
from worker.intake.opening import STDIN
from worker.recipes import check_recipe, to_options
from worker.runtime import Runtime
from worker.settings import user_name
from worker.start import check_database, check_fence

app = typer.Typer(help="Campaigns that are made again and again.", no_args_is_help=True)

SHOWN_AHEAD = 5
LONGEST_NAME = 150


class Missed(StrEnum):
    """What becomes of occurrences that nobody was there for."""

    SKIP = "skip"
    ONCE = "once"


Called = Annotated[str, typer.Argument(help="Its name or number.", metavar="SCHEDULE")]
Column = Annotated[str | None, typer.Option(help="The {column} with the moment.", metavar="{COLUMN}")]


@app.command("create")
@saying
def create(
    said: Content,
    cron: Annotated[str, typer.Option(help='When: minute hour day-of-month month day-of-week, "0 10 1 * *".')],
    called: Annotated[str | None, typer.Argument(help="What to call it.", metavar="[NAME]")] = None,
    name: Annotated[str | None, typer.Option(help="What to call it, as an option.")] = None,
    time_zone: ruling.Zone = None,
    recipients: Annotated[str | None, typer.Option(help="The file, read anew for each occurrence.")] = None,
    list_: Annotated[str | None, typer.Option("--list", help="The saved list, instead of a file.")] = None,
    missed: Annotated[Missed, typer.Option(help="Occurrences that nobody was there for: none, or one for all.")] = (
        Missed.SKIP
    ),
    account: Annotated[str, typer.Option(help="The account that sends them.")] = "default",
    priority: Annotated[int, typer.Option(min=0, max=9, help="9 goes first.")] = 5,
    latest: Annotated[str | None, typer.Option(help="Claim nothing so long after the start, like 2h.")] = None,
    window: ruling.WindowOption = None,
    holidays: ruling.Holidays = None,
    canary: ruling.Canary = None,
    canary_errors: ruling.CanaryErrors = ruling.CANARY_ERRORS,
    max_segments: ruling.MaxSegments = None,
    phone_column: Annotated[str | None, typer.Option(help="The column with the numbers.")] = None,
    ref_column: Annotated[str | None, typer.Option(help="The column with your own reference.")] = None,
    time_send: Column = None,
    validity_period: Column = None,
    validity_period_viber: Column = None,
    as_json: AsJson = False,
) -> None:
    """Make a campaign at each moment of a cron line. Its list is tried now, so that a wrong column is seen now."""
    if latest is not None and read_duration(latest) is None:
        raise ConfigurationError(f'--latest "{latest}": a schedule takes a length of time after each start, like 2h')
    timing = Timing(
        _column("--time-send", time_send),
        _column("--validity-period", validity_period),
        _column("--validity-period-viber", validity_period_viber),
    )
    asked = ruling.RuleOptions(latest, window, holidays, time_zone, canary, canary_errors, max_segments)
    with opened() as runtime:
        check_database(runtime)
        check_fence(runtime, account)
        settings = runtime.settings
        plan = read_cron(cron, ruling.zone_of(time_zone, settings).key)
        with reading(runtime.sessions) as session:
            now = database_clock(session)
        first = _first(plan, now)
        recipe = Recipe(
            name=_name(called, name, said, plan),
            account=account,
            cron=plan.line,
            time_zone=plan.zone.key,
            content=said,
            recipients_file=_file(recipients, list_),
            list_name=list_,
            missed="once" if missed is Missed.ONCE else "skip",
            options=to_options(
                priority=priority,
                phone_column=phone_column,
                ref_column=ref_column,
                timing=timing,
                rules=ruling.read_rules(asked, first, settings),
                first=first,
            ),
        )
        total, refused = check_recipe(runtime.sessions, recipe, first, now, plan, settings.default_region)
        with transaction(runtime.sessions) as session:
            schedule_id = create_schedule(session, recipe, next_at=first, actor=user_name())
        for warning in warnings(said):
            note(f"warning: {warning}")
        note(f"the list has {total:,} rows now{f', of which {refused.total():,} are refused' if refused else ''}")
        _show(runtime, str(schedule_id), as_json)


@app.command("list")
def list_(
    ended: Annotated[bool, typer.Option("--all", help="Those too that have ended.")] = False, as_json: AsJson = False
) -> None:
    """Show the schedules, and when each fires next."""
    with opened() as runtime:
        with reading(runtime.sessions) as session:
            found = list_schedules(session, ended=ended)
        if as_json:
            show_json(found)
            return
        show_table(
            ("id", "name", "status", "cron", "zone", "next", "last problem"),
            [
                (one["id"], one["name"], one["status"], one["cron"], one["time_zone"],
                 _shown(one, one["next_at"]), one["last_problem"])
                for one in found
            ],
            right=("id",),
        )  # fmt: skip


@app.command("show")
def show(called: Called, as_json: AsJson = False) -> None:
    """Show a schedule: its next occurrences, its newest campaigns, and what it could not make."""
    with opened() as runtime:
        _show(runtime, called, as_json)


@app.command("pause")
def pause(called: Called) -> None:
    """Make no campaigns until it is resumed. Campaigns that exist go on: bulkpost campaign pause stops those."""
    with opened() as runtime, transaction(runtime.sessions) as session:
        schedule = pause_schedule(session, called, actor=user_name())
        note(f'schedule "{schedule.name}" is paused; its occurrences until it is resumed are left out')


@app.command("resume")
def resume(called: Called) -> None:
    """Go on with the next occurrence from now on."""
    with opened() as runtime:
        check_database(runtime)
        with transaction(runtime.sessions) as session:
            schedule = resume_schedule(session, called, next_after=_next_after, actor=user_name())
        cron = read_cron(schedule.cron, schedule.time_zone)
        then = "never again" if schedule.next_at is None else f"next at {cron.shown(schedule.next_at)} {cron.zone.key}"
        note(f'schedule "{schedule.name}" goes on, {then}')


@app.command("delete", hidden=True)
@app.command("end")
def end(called: Called) -> None:
    """Make no campaigns any more. Those that were made stay; the name is free again."""
    with opened() as runtime, transaction(runtime.sessions) as session:
        schedule = end_schedule(session, called, actor=user_name())
        note(f"schedule {schedule.id} has ended; bulkpost schedule list --all still shows it")


def _show(runtime: Runtime, called: str, as_json: bool) -> None:
    with reading(runtime.sessions) as session:
        shown = show_schedule(session, called)
        now = database_clock(session)
    cron = read_cron(shown["cron"], shown["time_zone"])
    ahead: list[datetime] = []
    if shown["next_at"] is not None:
        ahead = [shown["next_at"], *cron.several_after(max(now, shown["next_at"]), SHOWN_AHEAD - 1)]
    shown["next"] = ahead
    show_json(shown) if as_json else _print(shown, cron)


def _print(shown: dict[str, Any], cron: Cron) -> None:
    lines = [
        f"schedule {shown['id']}  {shown['name']}  {shown['status']}",
        f"  when          {shown['cron']}  {shown['time_zone']}, missed: {shown['missed']}",
        f"  recipients    {shown['recipients'] or 'list ' + shown['list']}",
        f"  account       {shown['account']}",
    ]
    lines += [f"  {'next' if not at else '':<13} {cron.shown(moment)}" for at, moment in enumerate(shown["next"])]
    if shown["last_problem"]:
        lines.append(f"  last problem  {shown['last_problem']}")
    lines += [f"  campaign {one['id']}  {one['name']}  {one['status']}" for one in shown["campaigns"]]
    lines += [f"  {cron.shown(one['at'])}  {one['reason']}" for one in shown["notes"]]
    out.print("\n".join(lines), markup=False)


def _shown(one: dict[str, Any], moment: datetime | None) -> str:
    return "" if moment is None else read_cron(one["cron"], one["time_zone"]).shown(moment)


def _next_after(schedule: Schedule, now: datetime) -> datetime | None:
    return read_cron(schedule.cron, schedule.time_zone).after(now)


def _first(plan: Cron, now: datetime) -> datetime:
    first = plan.after(now)
    if first is None:
        raise ConfigurationError(f'cron "{plan.line}" never fires again: give another')
    return first


def _name(argument: str | None, option: str | None, said: Content, plan: Cron) -> str:
    if argument is not None and option is not None and argument != option:
        raise ConfigurationError(f'two names, "{argument}" and "{option}": give one of them')
    chosen = argument if argument is not None else option
    name = f"{said.kind} {plan.line}" if chosen is None else chosen.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise ConfigurationError(f"a schedule's name has 1 to {LONGEST_NAME} printable characters: give such a one")
    if name.isascii() and name.isdigit():
        raise ConfigurationError(f'the name "{name}" would be taken for a number: put a word into it')
    return name


def _file(recipients: str | None, listed: str | None) -> str | None:
    if (recipients is None) == (listed is None):
        raise ConfigurationError("whom to send to: give either --recipients FILE or --list NAME")
    if recipients == STDIN:
        raise ConfigurationError(
            "--recipients -: a schedule reads its list again and again, so give a file, or save the list with bulkpost "
            "list save NAME -"
        )
    # Whoever reads it works in another directory.
    return None if recipients is None else str(Path(recipients).absolute())


def _column(option: str, written: str | None) -> str | None:
    if written is not None and column_of(written) is None:
        raise ConfigurationError(
            f"{option} {written}: a schedule takes a {{column}} of its list, as a moment would be over after the first "
            "occurrence"
        )
    return None if written is None else written.strip()
