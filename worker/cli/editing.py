"""`bulkpost campaign edit`: name and priority always, the start before it, the content before the first attempt."""

import json
from pathlib import Path
from typing import Annotated

import typer

from models.content import from_json, warnings
from models.ledger.edit import Changes, edit_campaign
from models.ledger.report import show
from models.session import reading, transaction
from worker.cli.console import AsJson, Id, note, opened, show_json
from worker.cli.ruling import At, Holidays, Latest, Now, Zone, days_of, read_latest, read_start, zone_of
from worker.cli.showing import print_campaign
from worker.cli.waking import wake_workers
from worker.errors import ConfigurationError
from worker.settings import user_name
from worker.start import check_database

Field = Annotated[str | None, typer.Option(help="The content's field of this name.")]


def edit(
    id_: Id,
    text: Annotated[str | None, typer.Option(help="What it says; {name} takes the recipient's stored value.")] = None,
    sender: Annotated[str | None, typer.Option(help="Whom the message is from.")] = None,
    text_viber: Field = None,
    sender_viber: Field = None,
    button_viber: Field = None,
    action_viber: Field = None,
    image_viber: Field = None,
    url: Field = None,
    content: Annotated[
        Path | None, typer.Option(help="JSON file with all of the content's fields, in place of those there are.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="What to call the campaign.")] = None,
    priority: Annotated[int | None, typer.Option(min=0, max=9, help="9 goes first.")] = None,
    at: At = None,
    now: Now = False,
    latest: Latest = None,
    window: Annotated[
        str | None, typer.Option(help='Hours in which it may be sent, "09:00-21:00 mon-sat"; "" for any time.')
    ] = None,
    holidays: Holidays = None,
    time_zone: Zone = None,
    as_json: AsJson = False,
) -> None:
    """Change a campaign. What it says can be changed until the first attempt, its start until it has started, its hours
    until it has ended."""
    options = {
        "text": text, "sender": sender, "text_viber": text_viber, "sender_viber": sender_viber,
        "button_viber": button_viber, "action_viber": action_viber, "image_viber": image_viber, "url": url,
    }  # fmt: skip
    fields = {option: value for option, value in options.items() if value is not None}
    given = (name, priority, at, latest, window)
    if not (fields or content or now or any(option is not None for option in given)):
        raise ConfigurationError(
            "nothing to change: give --text, --sender, --content, --name, --at, --now, --latest, --window or --priority"
        )
    if holidays is not None and not window:
        raise ConfigurationError("--holidays keeps a --window closed: give that as well")
    read = None if content is None else _read_fields(content)
    with opened() as runtime:
        check_database(runtime)
        zone = zone_of(time_zone, runtime.settings)
        start_at = read_start(at, zone, at_once=now)
        now = now or (at is not None and start_at is None)
        with transaction(runtime.sessions) as session:
            changes = Changes(
                fields, read, name, priority, start_at, at_once=now, latest_at=read_latest(latest, start_at, zone),
                window=window, time_zone=zone.key if window else None, holidays=days_of(holidays),
            )  # fmt: skip
            edited = edit_campaign(session, id_, changes, actor=user_name())
        with reading(runtime.sessions) as session:
            shown = show(session, id_)
        wake_workers(runtime.settings)
        note(f"campaign {id_}: changed {', '.join(edited.changed)}" if edited.changed else "nothing was different")
        if any(changed.startswith("content.") for changed in edited.changed):
            for warning in warnings(from_json(shown["kind"], shown["content"])):
                note(f"warning: {warning}")
        if edited.unskipped_count:
            note(
                f"{edited.unskipped_count:,} recipients who were skipped for a value that the text does not name any "
                "more will be sent to"
            )
        show_json(shown) if as_json else print_campaign(shown, runtime.settings)


def _read_fields(path: Path) -> dict[str, object]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"--content {path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ConfigurationError(f"--content {path}: not JSON: {error}") from None
    if not isinstance(read, dict):
        raise ConfigurationError(f"--content {path}: not an object with the content's fields")
    return read
