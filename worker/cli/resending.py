"""`bulkpost campaign resend`: new messages under new keys, as a new campaign, for whoever certainly got none."""

from collections.abc import Mapping
from typing import Annotated

import typer

from models.ledger.report import show
from models.ledger.resend import RESENDABLE, NotCopied, Resendable, find_resendable
from models.ledger.resend import resend as resend_campaign
from models.session import reading, transaction
from models.states import RecipientStatus
from worker.cli.asking import Yes, check_asked
from worker.cli.console import AsJson, Id, note, opened, show_json
from worker.cli.retrying import read_choices
from worker.cli.showing import print_campaign
from worker.cli.waking import wake_workers
from worker.errors import ConfigurationError
from worker.gateway.phrases import why_no_repeat_helps
from worker.settings import user_name
from worker.start import check_database, check_fence

WHY_NOT_COPIED: Mapping[str, str] = {
    NotCopied.IN_DOUBT: "an attempt may have carried the message: bulkpost campaign retry asks under the same key",
    NotCopied.NUMBER_IN_HAND: "the number has, or may have, a message of this campaign or of a resend",
    NotCopied.NO_NUMBER: "the row has no number that can be sent to",
    NotCopied.STOPPED: "on our own stop list",
    NotCopied.TWICE: "the same number as an earlier row",
}


def resend(
    id_: Id,
    status: Annotated[
        str, typer.Option(help="Whom: rejected, cancelled, skipped; accepted sends a second message.")
    ] = "rejected,cancelled",
    force: Annotated[bool, typer.Option("--force", help="Also those whom the provider will refuse again.")] = False,
    reason: Annotated[str, typer.Option(help="Why, for whoever looks at it later.")] = "resent by hand",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Send new messages under new keys, as a new campaign with the same content. Shows how many first, and asks.

    Never touches whoever is in doubt: their keys are asked again by bulkpost campaign retry.
    """
    statuses = read_choices("--status", status, RecipientStatus, RESENDABLE)
    with opened() as runtime:
        check_database(runtime)
        with reading(runtime.sessions) as session:
            found = find_resendable(session, id_, statuses, explain=why_no_repeat_helps, forced=force)
            original = show(session, id_)
        check_fence(runtime, original["account"])
        _say_found(found)
        if unknown := original["counts"]["unknown"]:
            note(f"not touched: {unknown:,} unknown, whom an attempt may have reached")
        if not found.chosen_count:
            if as_json:
                raise ConfigurationError(f"nobody of campaign {id_} is left to send to: no campaign was created")
            note("nobody to resend to: no campaign was created")
            return
        check_asked(f"Send {found.chosen_count:,} new messages under new keys?", yes=yes)
        with transaction(runtime.sessions) as session:
            new_id = resend_campaign(
                session, id_, statuses, explain=why_no_repeat_helps, actor=user_name(), reason=reason, forced=force
            )
        wake_workers(runtime.settings)
        note(f"campaign {new_id} sends them the same under new keys")
        with reading(runtime.sessions) as session:
            shown = show(session, new_id)
        show_json(shown) if as_json else print_campaign(shown, runtime.settings)


def _say_found(found: Resendable) -> None:
    for status, count in found.counts.items():
        note(f"{count:,} {status.value}")
    for why, count in sorted(found.left_out.items(), key=lambda one: -one[1]):
        note(f"left out: {count:,}  {WHY_NOT_COPIED.get(why, f'{why}; --force sends to them')}")
    if again := found.counts.get(RecipientStatus.ACCEPTED, 0):
        note(f"WARNING: {again:,} of them were accepted: they get the message a SECOND time, and it is paid again")
