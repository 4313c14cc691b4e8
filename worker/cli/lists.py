"""`bulkpost list`: recipients that are read once, and sent to by many campaigns."""

from pathlib import Path
from typing import Annotated

import typer

from models.ledger.lists import LONGEST_NAME, find_list, list_lists, plain_list, remove_list
from models.session import reading, transaction
from worker.cli.console import AsJson, local, note, opened, out, show_json, show_table
from worker.errors import ConfigurationError
from worker.intake.opening import open_list
from worker.intake.rejected import RejectedRows
from worker.saved_lists import NobodyListed, remove_rows, save_list
from worker.settings import user_name
from worker.start import check_database

app = typer.Typer(help="Lists that are read once, and sent to by many campaigns.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The list's name.", metavar="NAME")]


@app.command("save")
def save(
    name: Name,
    file: Annotated[str, typer.Argument(help="CSV, XLSX, JSONL, plain numbers; - for standard input.")],
    phone_column: Annotated[str | None, typer.Option(help="The column with the numbers.")] = None,
    ref_column: Annotated[str | None, typer.Option(help="The column with your own reference.")] = None,
    rejected: Annotated[Path | None, typer.Option(help="Where to write refused rows.")] = None,
    as_json: AsJson = False,
) -> None:
    """Save a list under a name. A list of that name is replaced all at once, also for its schedules."""
    name = _checked(name)
    with opened() as runtime:
        check_database(runtime)
        region = runtime.settings.default_region
        with (
            open_list(file, phone_column=phone_column, ref_column=ref_column, default_region=region) as rows,
            RejectedRows(file, rejected) as refused,
        ):
            if rows.unread_sheets:
                note(f"warning: {file} has more sheets, which are not read: {', '.join(rows.unread_sheets)}")
            try:
                saved = save_list(runtime.sessions, name, rows, refused, actor=user_name())
            except NobodyListed as error:
                raise NobodyListed(f"{file}: {error}") from None
        if refused.count:
            note(
                f"{refused.count:,} of {saved.total_count:,} rows will be skipped; all of them, by line: {refused.path}"
            )
        note(f'list "{name}" {"is replaced by" if saved.replaced else "has"} {saved.total_count:,} rows')
        with reading(runtime.sessions) as session:
            shown = plain_list(find_list(session, name))
        if as_json:
            show_json(shown)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Show the saved lists."""
    with opened() as runtime:
        with reading(runtime.sessions) as session:
            found = list_lists(session)
        if as_json:
            show_json(found)
            return
        show_table(
            ("name", "rows", "saved", "by"),
            [
                (one["name"], f"{one['rows']:,}", local(one["saved_at"], runtime.settings), one["saved_by"])
                for one in found
            ],
            right=("rows",),
        )


@app.command("show")
def show(name: Name, as_json: AsJson = False) -> None:
    """Show a list: how long it is, and which columns it has."""
    with opened() as runtime:
        with reading(runtime.sessions) as session:
            shown = plain_list(find_list(session, name))
        if as_json:
            show_json(shown)
            return
        saved = f"saved {local(shown['saved_at'], runtime.settings)} by {shown['saved_by']}"
        columns = ", ".join(shown["columns"]) or "none beside the number"
        out.print(f"list {name}  {shown['rows']:,} rows, {saved}\n  columns  {columns}", markup=False)


@app.command("remove")
def remove(name: Name) -> None:
    """Remove a list. Campaigns that were made from it keep their recipients."""
    with opened() as runtime:
        with transaction(runtime.sessions) as session:
            list_id = remove_list(session, name, actor=user_name())
        remove_rows(runtime.sessions, list_id)
        note(f'list "{name}" is removed')


def _checked(name: str) -> str:
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise ConfigurationError(f"a list's name has 1 to {LONGEST_NAME} printable characters: give such a one")
    return name
