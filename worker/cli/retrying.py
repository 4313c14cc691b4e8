"""`bulkpost campaign retry`: what failed, shown, and posted again under the same keys."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, TypeVar

import typer

from models.ledger.failed import RETRIABLE, Choice, Failed, LeftOut
from models.ledger.report import show
from models.ledger.retry import find_failed
from models.ledger.retry import retry as retry_failed
from models.session import reading, transaction
from models.states import CampaignStatus, ErrorClass, RecipientStatus
from worker.cli.asking import Yes, check_asked
from worker.cli.console import AsJson, Id, note, opened, out, show_json, show_table
from worker.cli.waking import wake_workers
from worker.errors import ConfigurationError
from worker.gateway.phrases import why_no_repeat_helps
from worker.settings import user_name
from worker.start import check_database, check_fence

S = TypeVar("S", bound=StrEnum)

WHY_LEFT_OUT: Mapping[str, str] = {
    LeftOut.COLLISION: "the gateway answered with the id of another recipient's message: a repeat would send nothing",
    LeftOut.RESENT: "another campaign, a resend, has or may have a message for the number",
    LeftOut.IN_FLIGHT: "in doubt, with a document of their range in flight: retry again when it is answered",
    LeftOut.FORGOTTEN: "in doubt for longer than DOUBT_LIMIT_SECONDS: the provider may have forgotten the key, and a "
    "repeat may send twice; --force posts them",
}


def retry(
    id_: Id,
    status: Annotated[str, typer.Option(help="Whom: unknown, rejected, or both.")] = "unknown,rejected",
    error_class: Annotated[str | None, typer.Option(help="Only these classes, separated by commas.")] = None,
    text: Annotated[str | None, typer.Option(help="Only whom the provider answered this, word for word.")] = None,
    batch: Annotated[int | None, typer.Option(help="Only the range of this batch.", min=1)] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also those whom a repeat cannot help, or may send the message twice.")
    ] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Post again what failed: exactly those, under the same keys. Shows how many first, and asks.

    The provider answers a repeated key with the first message's id, so whoever got the message gets no second one.
    """
    choice = Choice(
        statuses=read_choices("--status", status, RecipientStatus, RETRIABLE),
        error_classes=None
        if error_class is None
        else read_choices("--error-class", error_class, ErrorClass, frozenset(ErrorClass) - {ErrorClass.COLLISION}),
        provider_text=text,
        batch_id=batch,
        forced=force,
    )
    with opened() as runtime:
        check_database(runtime)
        limit = runtime.settings.doubt_limit_seconds
        judging: dict[str, Any] = {"explain": why_no_repeat_helps, "doubt_limit_seconds": limit}
        with reading(runtime.sessions) as session:
            failed = find_failed(session, id_, choice, **judging)
            shown = show(session, id_)
        check_fence(runtime, shown["account"])
        skipped = shown["counts"]["skipped"]
        if not as_json:
            _print_failed(failed, skipped)
        if failed.chosen_count:
            if force and failed.doubtful_count:
                note(
                    "warning: --force also posts doubts older than the limit; where the provider has forgotten the "
                    "key, that is a second message"
                )
            check_asked(f"Post these {failed.chosen_count:,} again?", yes=yes)
        with transaction(runtime.sessions) as session:
            done = retry_failed(
                session, id_, choice, **judging, quiet_seconds=runtime.settings.quiet_seconds, actor=user_name()
            )
        if done.failed.chosen_count:
            wake_workers(runtime.settings)
        if as_json:
            show_json(_to_plain(id_, done.failed, skipped, done.status))
            return
        _say_done(id_, done.failed, done.status)


def read_choices(option: str, written: str, enum: type[S], known: frozenset[S]) -> frozenset[S]:
    """Read words separated by commas.

    Raises:
        ConfigurationError: one of them is not known, or there is none.
    """
    words = [word.strip() for word in written.split(",") if word.strip()]
    names = ", ".join(member.value for member in enum if member in known)
    if not words:
        raise ConfigurationError(f"{option} is empty: there is {names}")
    for word in words:
        if word not in known:
            raise ConfigurationError(f'{option} "{word}": there is {names}')
    return frozenset(enum(word) for word in words)


def say_left_out(left_out: Mapping[str, int]) -> None:
    """Say on stderr how many are left out, and why."""
    for why, count in sorted(left_out.items(), key=lambda one: -one[1]):
        note(f"left out: {count:,}  {WHY_LEFT_OUT.get(why, f'{why}; --force posts them')}")


def _print_failed(failed: Failed, skipped: int) -> None:
    if failed.groups:
        rows = [(f"{one.count:,}", one.status.value, one.error_class, one.text) for one in failed.groups]
        show_table(("recipients", "status", "class", "text"), rows, right=("recipients",))
        shown = sum(one.count for one in failed.groups)
        if shown < failed.chosen_count:
            out.print(f"and {failed.chosen_count - shown:,} with other texts", markup=False)
    say_left_out(failed.left_out)
    if skipped:
        note(f"skipped: {skipped:,}  never posted, so there is nothing to repeat; bulkpost campaign results says why")


def _say_done(id_: int, failed: Failed, status: CampaignStatus) -> None:
    if not failed.chosen_count:
        note("nobody to retry")
        return
    doubt = f", {failed.doubtful_count:,} of them in doubt" if failed.doubtful_count else ""
    note(f"{failed.chosen_count:,} recipients are posted again under the same keys{doubt}")
    if status is CampaignStatus.PAUSED:
        note(f"campaign {id_} is paused: they wait for bulkpost campaign resume {id_}")


def _to_plain(id_: int, failed: Failed, skipped: int, status: CampaignStatus) -> dict[str, object]:
    return {
        "id": id_,
        "status": status.value,
        "retried": failed.chosen_count,
        "in_doubt": failed.doubtful_count,
        "groups": [
            {"status": one.status, "error_class": one.error_class, "text": one.text, "count": one.count}
            for one in failed.groups
        ],
        "left_out": failed.left_out,
        "skipped": skipped,
    }
