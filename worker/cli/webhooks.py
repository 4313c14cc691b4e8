"""`bulkpost webhooks`: which applications are told what happens."""

import json
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from models.ledger.outbox import KINDS
from models.ledger.webhooks import (
    add_webhook,
    disable_webhook,
    enable_webhook,
    find_webhook,
    list_webhooks,
    remove_webhook,
    replay_messages,
)
from models.session import database_clock, reading, transaction
from worker.cli.console import AsJson, local, note, opened, out, show_json, show_table
from worker.cli.waking import wake_workers
from worker.errors import ConfigurationError
from worker.settings import user_name
from worker.webhooks.addresses import find_addresses, read_address, read_target
from worker.webhooks.posting import Poster
from worker.webhooks.signing import sign, signing_secret

app = typer.Typer(help="Applications that are told over HTTP what happens to campaigns.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The webhook's name.", metavar="NAME")]


@app.command("add")
def add(
    name: Name,
    url: Annotated[str, typer.Option(help="Where to POST: https, at a public address.")],
    account: Annotated[str | None, typer.Option(help="Tell of this account only.")] = None,
    events: Annotated[str, typer.Option(help="What to tell, with commas between.")] = ",".join(KINDS),
    as_json: AsJson = False,
) -> None:
    """Add a webhook, and print the secret that its receiver verifies signatures with. It is shown this once."""
    with opened() as runtime:
        target = read_target(url, runtime.settings.webhook_private_addresses)
        with suppress(OSError):  # a name is resolved when something is told to it
            find_addresses(target, read_address)
        kinds = [kind.strip() for kind in events.split(",") if kind.strip()]
        if not kinds:
            raise ConfigurationError(f"--events names no event: there are {', '.join(KINDS)}")
        with transaction(runtime.sessions) as session:
            webhook = add_webhook(session, name, url, account=account, kinds=kinds, actor=user_name())
            secret = signing_secret(runtime.settings.webhook_secret, webhook.id, webhook.created_at)
    if as_json:
        show_json({"name": name, "url": url, "account": account, "events": webhook.kinds, "secret": secret})
    else:
        note(f'webhook "{name}" is told of {", ".join(webhook.kinds)}; its receiver needs this secret, shown once:')
        out.print(secret, markup=False)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List webhooks with what waits for them and what was given up."""
    with opened() as runtime:
        with reading(runtime.sessions) as session:
            states = list_webhooks(session)
        if as_json:
            show_json([asdict(state) for state in states])
            return
        rows = [
            (
                state.name, state.url, state.account, ", ".join(state.events), state.waiting, state.given_up,
                local(state.disabled_at, runtime.settings), state.disabled_reason or state.last_problem,
            )
            for state in states
        ]  # fmt: skip
    headings = ("name", "url", "account", "events", "waiting", "given up", "disabled at", "problem")
    show_table(headings, rows, right=("waiting", "given up"))


@app.command("disable")
def disable(name: Name) -> None:
    """Tell a webhook nothing more. What happens meanwhile is not kept for it."""
    with opened() as runtime, transaction(runtime.sessions) as session:
        disable_webhook(session, name, actor=user_name())
    note(f'webhook "{name}" is disabled')


@app.command("enable")
def enable(name: Name) -> None:
    """Tell a disabled webhook again what happens, and what still waits."""
    with opened() as runtime:
        with transaction(runtime.sessions) as session:
            enable_webhook(session, name, actor=user_name())
        wake_workers(runtime.settings)
    note(f'webhook "{name}" is enabled')


@app.command("remove")
def remove(name: Name) -> None:
    """Forget a webhook and whatever waits for it."""
    with opened() as runtime, transaction(runtime.sessions) as session:
        remove_webhook(session, name, actor=user_name())
    note(f'webhook "{name}" is removed')


@app.command("test")
def test(name: Name) -> None:
    """Tell a webhook `webhook.test`, once, from this computer. Exit 1 where its receiver does not take it."""
    with opened() as runtime:
        with transaction(runtime.sessions) as session:
            webhook, now = find_webhook(session, name), database_clock(session)
        settings = runtime.settings
        secret = signing_secret(settings.webhook_secret, webhook.id, webhook.created_at)
        target = read_target(webhook.url, settings.webhook_private_addresses)
        told = {"type": "webhook.test", "timestamp": now.isoformat(), "data": {"webhook": name}}
        body = json.dumps(told, ensure_ascii=False)
        message_id = f"test_{webhook.id}_{int(now.timestamp() * 1_000_000)}"
        delivery = Poster().post(target, body.encode(), sign(secret, message_id, now, body))
    if delivery.problem is not None:
        raise ConfigurationError(f'webhook "{name}": {delivery.problem}')
    note(f'webhook "{name}": its receiver took a test')


@app.command("replay")
def replay(
    since: Annotated[str, typer.Option(help="A moment, such as 2026-11-22T10:00:00+03:00; without a zone it is UTC.")],
    name: Annotated[str | None, typer.Argument(help="Only this webhook.", metavar="[NAME]")] = None,
) -> None:
    """Tell again what happened since a moment, under the same ids; messages are kept for 30 days."""
    try:
        moment = datetime.fromisoformat(since)
    except ValueError:
        raise ConfigurationError(f'--since "{since}" is no moment: write 2026-11-22T10:00:00+03:00') from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    with opened() as runtime:
        with transaction(runtime.sessions) as session:
            count = replay_messages(session, moment, name, actor=user_name())
        wake_workers(runtime.settings)
    note(f"{count:,} messages are told again")
