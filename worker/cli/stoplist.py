"""`bulkpost stoplist`: the numbers that nothing is sent to any more."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from models.ledger.stops import add_stops, read_stops, remove_stops
from models.session import reading, transaction
from worker.cli.console import AsJson, note, opened
from worker.cli.rows import write_array, write_csv
from worker.errors import ConfigurationError
from worker.intake.opening import open_list
from worker.intake.phones import PhoneReader
from worker.intake.rejected import RejectedRows
from worker.settings import user_name

app = typer.Typer(help="Numbers that nothing is sent to any more, by any account.", no_args_is_help=True)

ROWS_AT_ONCE = 5_000
"""Numbers of one short transaction: lanes do not wait for a long list."""

COLUMNS = ("phone", "reason", "added_at", "added_by")
LONGEST_REASON = 1_000

Numbers = Annotated[list[str], typer.Argument(help="Phone numbers, spelled as in any list.", metavar="NUMBER...")]
Reason = Annotated[str, typer.Option(help="Why, for whoever looks at it later.")]


@app.command("add")
def add(numbers: Numbers, reason: Reason = "added by hand") -> None:
    """Put numbers on the list. From the next claim on nothing is posted to them, also by campaigns that run."""
    _check_reason(reason)
    with opened() as runtime:
        msisdns = _read(numbers, runtime.settings.default_region)
        with transaction(runtime.sessions) as session:
            added = add_stops(session, msisdns, reason=reason, actor=user_name())
    note(f"{added:,} added to the stop list{_were_there(len(set(msisdns)) - added)}")


@app.command("remove")
def remove(numbers: Numbers) -> None:
    """Take numbers off the list. What a campaign has skipped meanwhile stays skipped."""
    with opened() as runtime:
        msisdns = sorted(set(_read(numbers, runtime.settings.default_region)))
        with transaction(runtime.sessions) as session:
            removed = remove_stops(session, msisdns, actor=user_name())
    left = len(msisdns) - removed
    note(f"{removed:,} taken off the stop list{f', {left:,} were not on it' if left else ''}")


@app.command("import")
def import_(
    file: Annotated[str, typer.Argument(help="CSV, XLSX, JSONL, plain numbers; - for standard input.")],
    reason: Reason = "imported from a list",
    phone_column: Annotated[str | None, typer.Option(help="The column with the numbers.")] = None,
    rejected: Annotated[Path | None, typer.Option(help="Where to write refused rows.")] = None,
) -> None:
    """Put a list of numbers on the stop list. Rows without a readable number are refused one by one.

    Interrupted, it leaves what it has added so far; run again, it adds the rest.
    """
    _check_reason(reason)
    read = added = 0
    with (
        opened() as runtime,
        open_list(file, phone_column=phone_column, default_region=runtime.settings.default_region) as rows,
        RejectedRows(file, rejected) as refused,
    ):
        every = iter(rows)
        while chunk := list(islice(every, ROWS_AT_ONCE)):
            read += len(chunk)
            for row in chunk:
                if row.msisdn is None:
                    refused.add(row.line, row.raw_phone, row.problem or "no phone number")
            msisdns = [row.msisdn for row in chunk if row.msisdn is not None]
            with transaction(runtime.sessions) as session:
                added += add_stops(session, msisdns, reason=reason, actor=user_name())
    if refused.count:
        note(f"{refused.count:,} of {read:,} rows were refused; all of them, by line: {refused.path}")
    if refused.count == read:
        raise ConfigurationError(f"{file}: nobody was added: not one of {read:,} rows has a number that can be read")
    note(f"{added:,} added to the stop list{_were_there(read - refused.count - added)}")


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Write the whole list as CSV, in the order of its numbers."""
    with opened() as runtime, reading(runtime.sessions) as session:
        rows = (
            dict(zip(COLUMNS, (stop.msisdn, stop.reason, stop.added_at, stop.added_by), strict=True))
            for stop in read_stops(session)
        )
        write_array(rows) if as_json else write_csv(COLUMNS, rows)


def _read(numbers: Sequence[str], region: str) -> list[str]:
    """Return the digits of every number. No error quotes a number."""
    reader = PhoneReader(region)
    found: list[str] = []
    for place, number in enumerate(numbers, 1):
        msisdn, problem = reader.read(number)
        if msisdn is None:
            raise ConfigurationError(f"number {place} of {len(numbers)}: {problem}; nothing was changed")
        found.append(msisdn)
    return found


def _check_reason(reason: str) -> None:
    if not reason.strip() or len(reason) > LONGEST_REASON:
        raise ConfigurationError(f"--reason has {len(reason):,} characters: give 1 to {LONGEST_REASON:,}")


def _were_there(count: int) -> str:
    return f", {count:,} were there already" if count else ""
