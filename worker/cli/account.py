"""`bulkpost account`: provider logins, their gateways and limits."""

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from models.account import LARGEST_BATCH, MOST_PARALLEL
from models.ledger.accounts import has_zone, list_accounts
from models.ledger.control import pause_account_by_hand, resume_account, set_account
from models.ledger.locks import find_account
from models.ledger.report import gateway_urls
from models.rules import LARGEST_NUMBER
from models.session import reading, transaction
from models.window import read_zone
from worker.cli.console import AsJson, local, note, opened, show_json, show_table
from worker.cli.ruling import days_of
from worker.cli.waking import wake_workers
from worker.clock import utc_now
from worker.errors import ConfigurationError
from worker.gateway.clock import ask_offset_minutes
from worker.runtime import Runtime
from worker.setting import gateway_problem
from worker.settings import user_name, variable_stem

app = typer.Typer(help="Provider logins: where they post, how fast, and whether they may.", no_args_is_help=True)

PROVEN_BATCH_SIZE = 500
PROVEN_PARALLEL = 5
"""What has been seen to work. Source: protocol.md 16 and 18."""

LARGEST_OFFSET_MINUTES = 14 * 60
SLOWEST_PER_SECOND, FASTEST_PER_SECOND = 0.001, 1_000_000

Name = Annotated[
    str, typer.Argument(help="The account's name; its secrets are BULKPOST_ACCOUNT_<NAME>_LOGIN and so on.")
]


@app.command("set")
def set_(
    name: Name,
    gateway_url: Annotated[str | None, typer.Option(help="Where documents are posted.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, max=LARGEST_BATCH, help="Recipients per document.")] = None,
    max_parallel: Annotated[int | None, typer.Option(min=1, max=MOST_PARALLEL, help="POSTs at once.")] = None,
    per_second: Annotated[
        float | None, typer.Option(min=0, max=FASTEST_PER_SECOND, help="Recipients per second; 0 for no limit.")
    ] = None,
    per_day: Annotated[
        int | None, typer.Option(min=0, max=LARGEST_NUMBER, help="Recipients per day; 0 for no limit.")
    ] = None,
    segments_per_day: Annotated[
        int | None, typer.Option(min=0, max=LARGEST_NUMBER, help="Segments per day; 0 for no limit.")
    ] = None,
    window: Annotated[
        str | None, typer.Option(help='Hours in which it may send, "09:00-21:00 mon-sat"; "" for any time.')
    ] = None,
    holidays: Annotated[
        Path | None, typer.Option(help="File of dates, one a line, on which the window stays closed.")
    ] = None,
    time_zone: Annotated[str | None, typer.Option(help="Zone of its day and its window.")] = None,
    time_offset: Annotated[str | None, typer.Option(help="Of the account's local time from UTC, like +03:00.")] = None,
) -> None:
    """Create an account, or change what is given of it. Works while campaigns run."""
    changes: dict[str, Any] = {}
    if gateway_url is not None:
        changes["gateway_url"] = checked_url(gateway_url)
    if batch_size is not None:
        changes["batch_size"] = batch_size
    if max_parallel is not None:
        changes["max_parallel"] = max_parallel
    if per_second is not None:
        changes["per_second"] = _rate(per_second)
    if time_offset is not None:
        changes["time_offset_minutes"] = _offset(time_offset)
    limits = {"per_day": per_day, "segments_per_day": segments_per_day, "send_window": window}
    changes |= {column: value or None for column, value in limits.items() if value is not None}
    if time_zone is not None:
        changes["time_zone"] = read_zone(time_zone).key
    if holidays is not None:
        changes["holidays"] = [day.isoformat() for day in days_of(holidays)] or None
    with opened() as runtime:
        _check_name(runtime, name)
        _choose_zone(runtime, name, changes)
        with transaction(runtime.sessions) as session:
            known = gateway_urls(session).get(name)
            url = changes.get("gateway_url") or known or runtime.settings.gateway_url
            fence = runtime.settings.fence(url)
            if fence.forbids_everything:
                raise ConfigurationError(fence.mend(name))
            if known is None:
                changes["gateway_url"] = checked_url(url)
            set_account(session, name, changes, actor=user_name())
        note(f"account {name} {'created' if known is None else 'changed'}: posts to {url}")
    if (batch_size or 0) > PROVEN_BATCH_SIZE:
        note(f"warning: documents of more than {PROVEN_BATCH_SIZE} are unproven with this provider (protocol.md 16)")
    if (max_parallel or 0) > PROVEN_PARALLEL:
        note(f"warning: more than {PROVEN_PARALLEL} parallel POSTs may lose requests at this provider (protocol.md 16)")


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Show every account and whether it may send."""
    with opened() as runtime:
        with reading(runtime.sessions) as session:
            accounts = list_accounts(session)
        if as_json:
            show_json(accounts)
            return
        show_table(
            ("name", "status", "since", "gateway", "batch", "parallel", "per second", "day", "window", "reason"),
            [
                (
                    account["name"],
                    account["status"],
                    local(account["since"], runtime.settings),
                    account["gateway_url"],
                    account["batch_size"],
                    account["max_parallel"],
                    account["per_second"] or "no limit",
                    _shown_day(account),
                    account["window"] or "any time",
                    account["reason"],
                )
                for account in accounts
            ],
            right=("batch", "parallel"),
        )


def _shown_day(account: dict[str, Any]) -> str:
    limits = []
    if account["per_day"] is not None:
        limits.append(f"{account['sent_today']:,} of {account['per_day']:,}")
    if account["segments_per_day"] is not None:
        limits.append(f"{account['segments_today']:,} of {account['segments_per_day']:,} segments")
    return ", ".join(limits) or "no limit"


@app.command("pause")
def pause(
    name: Name, reason: Annotated[str, typer.Option(help="Why, for whoever looks at it later.")] = "paused by hand"
) -> None:
    """Stop claiming batches of an account. What is in flight is still answered."""
    with opened() as runtime:
        with transaction(runtime.sessions) as session:
            stopped = pause_account_by_hand(session, name, actor=user_name(), reason=reason)
        note(f"account {name} is paused; {stopped.in_flight_count} documents were already in flight")


@app.command("resume")
def resume(name: Name) -> None:
    """Let a paused account go on; nothing that was put back waits any longer."""
    with opened() as runtime:
        with transaction(runtime.sessions) as session:
            resume_account(session, name, actor=user_name())
        wake_workers(runtime.settings)
        note(f"account {name} is active")


@app.command("measure-time")
def measure_time(name: Name) -> None:
    """Ask the provider what time it is for the account, and keep its offset from UTC: messages with times need it."""
    with opened() as runtime:
        settings = runtime.settings
        with reading(runtime.sessions) as session:
            url = find_account(session, name).gateway_url
        fence = settings.fence(url)
        if fence.forbids_everything:
            raise ConfigurationError(fence.mend(name))
        credentials = settings.credentials(name, url)
        if credentials is None:
            raise ConfigurationError(f"account {name} has no credentials: set BULKPOST_LOGIN and BULKPOST_PASSWORD")
        minutes = ask_offset_minutes(
            runtime.gateway,
            url,
            credentials,
            utc_now(),
            connect_timeout_seconds=settings.connect_timeout_seconds,
            read_timeout_seconds=settings.read_timeout_seconds,
        )
        with transaction(runtime.sessions) as session:
            set_account(session, name, {"time_offset_minutes": minutes}, actor=user_name())
    note(f"account {name} has the offset {_shown_offset(minutes)}")


def _choose_zone(runtime: Runtime, name: str, changes: dict[str, Any]) -> None:
    """Give an account whose day or window begins to matter the installation's zone, if it has none of its own."""
    if "time_zone" in changes or not changes.keys() & {"per_day", "segments_per_day", "send_window"}:
        return
    with reading(runtime.sessions) as session:
        if not has_zone(session, name):
            changes["time_zone"] = runtime.settings.time_zone


def _rate(per_second: float) -> float | None:
    if 0 < per_second < SLOWEST_PER_SECOND:
        raise ConfigurationError(
            f"--per-second {per_second:g} is too slow to be meant: give at least {SLOWEST_PER_SECOND:g}, 0 for no "
            "limit, or bulkpost account pause"
        )
    return per_second or None


def _offset(written: str) -> int:
    """Return minutes from `+03:00`, `-5`, `+0530`."""
    found = re.fullmatch(r"([+-]?)(\d{1,2})(?::?(\d{2}))?", written.strip())
    minutes = int(found[2]) * 60 + int(found[3] or 0) if found else 0
    if found is None or minutes > LARGEST_OFFSET_MINUTES or int(found[3] or 0) > 59:
        raise ConfigurationError(f'--time-offset "{written}" is no offset from UTC: write it like +03:00')
    return -minutes if found[1] == "-" else minutes


def _shown_offset(minutes: int) -> str:
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def checked_url(url: str) -> str:
    """Return the URL if documents can be posted there.

    Raises:
        ConfigurationError: it is no http or https URL, or carries a secret, which the database must not hold.
    """
    if (problem := gateway_problem(url)) is not None:
        shown = "" if "@" in url else f' "{url}"'
        raise ConfigurationError(f"--gateway-url{shown} {problem}")
    return url


def _check_name(runtime: Runtime, name: str) -> None:
    if not name or len(name) > 64 or name != name.strip() or not name.isprintable():
        raise ConfigurationError(f'account name "{name}" is not usable: take up to 64 letters, digits, - and _')
    with reading(runtime.sessions) as session:
        names = gateway_urls(session)
    for other in names:
        if other != name and variable_stem(other) == variable_stem(name):
            raise ConfigurationError(
                f"accounts {other} and {name} would read the same variable BULKPOST_{variable_stem(name)}LOGIN: "
                "choose another name"
            )
