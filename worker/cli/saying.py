"""The options that say what a message is: the same for every command that makes one."""

import json
from collections.abc import Callable
from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from typing import Annotated, Any

import typer

from models.content import KINDS, Content, from_json
from worker.errors import ConfigurationError

Card = Annotated[str | None, typer.Option(help="Of a business card (vcard).")]
Viber_ = Annotated[str | None, typer.Option(help="Of a Viber message.")]

_FIRST = 4


def read_content(
    *,
    sender: Annotated[str | None, typer.Option(help="Whom the message is from.")] = None,
    text: Annotated[str | None, typer.Option(help="What it says; {name} takes the recipient's column.")] = None,
    kind: Annotated[str, typer.Option(help="One of " + ", ".join(KINDS) + ".")] = "sms",
    content: Annotated[
        Path | None, typer.Option(help="JSON file with the content's fields, instead of options.")
    ] = None,
    url: Annotated[str | None, typer.Option(help="Link of a WAP push or a business card.")] = None,
    contact_name: Annotated[str | None, typer.Option(help="Name on a business card (vcard).")] = None,
    cell: Card = None,
    work: Card = None,
    fax: Card = None,
    email: Card = None,
    position: Card = None,
    organization: Card = None,
    post_office_box: Card = None,
    street: Card = None,
    city: Card = None,
    region: Card = None,
    postal_code: Card = None,
    country: Card = None,
    additional: Card = None,
    sender_viber: Viber_ = None,
    text_viber: Viber_ = None,
    button_viber: Viber_ = None,
    action_viber: Viber_ = None,
    image_viber: Viber_ = None,
) -> Content:
    """Return what the options say; those that are given win over the file.

    Raises:
        ConfigurationError: the file cannot be read.
        ContentError: a field is missing, unknown or no text.
    """
    options = {
        "sender": sender, "text": text, "url": url, "name": contact_name, "cell": cell, "work": work, "fax": fax,
        "email": email, "position": position, "organization": organization, "post_office_box": post_office_box,
        "street": street, "city": city, "region": region, "postal_code": postal_code, "country": country,
        "additional": additional, "sender_viber": sender_viber, "text_viber": text_viber,
        "button_viber": button_viber, "action_viber": action_viber, "image_viber": image_viber,
    }  # fmt: skip
    given: dict[str, object] = {name: value for name, value in options.items() if value is not None}
    return from_json(kind, given if content is None else {**_read_fields(content), **given})


def saying(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `read_content`; it takes what they say as `said`."""
    own = [one for one in signature(command).parameters.values() if one.name != "said"]
    options = list(signature(read_content).parameters.values())

    @wraps(command)
    def run(**given: Any) -> None:
        said = read_content(**{option.name: given.pop(option.name) for option in options})
        command(said=said, **given)

    # What typer looks at; the options that everybody needs come first.
    ordered = options[:_FIRST] + own + options[_FIRST:]
    parameters = [one.replace(kind=Parameter.KEYWORD_ONLY) for one in ordered]
    run.__signature__ = signature(command).replace(parameters=parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    return run


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
