"""`bulkpost key`: API keys of the HTTP door."""

from typing import Annotated

import typer

from models.ledger.api_keys import ACTIONS, create_key, list_keys, revoke_key
from models.session import reading, transaction
from worker.cli.console import LARGEST_ID, AsJson, local, note, opened, out, show_json, show_table
from worker.settings import user_name

app = typer.Typer(help="Make and revoke the keys of the HTTP interface.", no_args_is_help=True)


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Who uses it; stands in the events.")],
    account: Annotated[str | None, typer.Option(help="The only account that it is for; by default all.")] = None,
    allow: Annotated[str, typer.Option(help="What it may do, separated by commas.")] = ",".join(ACTIONS),
    as_json: AsJson = False,
) -> None:
    """Make a key, and show it once: only its hash is kept."""
    allowed = {word.strip() for word in allow.split(",") if word.strip()}
    with opened() as runtime:
        with transaction(runtime.sessions) as session:
            id_, key = create_key(session, name, account=account, allowed=allowed, actor=user_name())
        if as_json:
            show_json({"id": id_, "key": key})
            return
        out.print(key, markup=False)
        note(f"key {id_} is made; it is shown this once, and ends with bulkpost key revoke {id_}")


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Show every key ever made: for what, when it was used, whether it is revoked."""
    with opened() as runtime:
        with reading(runtime.sessions) as session:
            keys = list_keys(session)
        if as_json:
            show_json(keys)
            return
        settings = runtime.settings
        show_table(
            ("id", "name", "account", "allowed", "created", "last used", "revoked"),
            [
                (
                    key["id"],
                    key["name"],
                    key["account"] or "every",
                    ",".join(key["allowed"]),
                    local(key["created_at"], settings),
                    local(key["last_used_at"], settings),
                    local(key["revoked_at"], settings),
                )
                for key in keys
            ],
            right=("id",),
        )


@app.command("revoke")
def revoke(
    id_: Annotated[int, typer.Argument(help="The key's number.", min=1, max=LARGEST_ID, metavar="ID")],
) -> None:
    """End a key: its next request is refused."""
    with opened() as runtime:
        with transaction(runtime.sessions) as session:
            name = revoke_key(session, id_, actor=user_name())
        note(f"key {id_} ({name}) is revoked")
