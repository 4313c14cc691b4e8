"""What a schedule makes, as a mailing and its rows: the same for the check at its creation and for every occurrence."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any

from models.errors import EmptyList
from models.ledger.importing import no_offset
from models.ledger.lists import find_list
from models.ledger.locks import SYSTEM, find_account
from models.ledger.schedules import Recipe
from models.rules import CANARY_SHARE, Rules, check_rules
from models.session import Sessions, reading
from models.timing import Timing, check_timing
from models.timing import from_json as timing_from_json
from models.timing import to_json as timing_to_json
from worker.core.cron import Cron
from worker.errors import ConfigurationError
from worker.importer import check_list
from worker.intake.opening import open_list
from worker.intake.row import Rows
from worker.list_reader import Mailing
from worker.saved_lists import SavedRecipients


def to_options(
    *,
    priority: int,
    phone_column: str | None,
    ref_column: str | None,
    timing: Timing,
    rules: Rules,
    first: datetime,
) -> dict[str, Any]:
    """Return what is stored of a schedule's options: plain values, those that are given.

    `rules` are those of the occurrence `first`; its latest moment becomes a length of time.
    """
    latest = None if rules.latest_at is None else (rules.latest_at - first).total_seconds()
    given = {
        "priority": priority,
        "phone_column": phone_column,
        "ref_column": ref_column,
        "timing": timing_to_json(timing),
        "latest_seconds": latest,
        "window": rules.window,
        "holidays": [day.isoformat() for day in rules.holidays] or None,
        "max_segments": rules.max_segments,
        "canary_count": rules.canary_count,
        "canary_share": None if rules.canary_count is None else rules.canary_share,
    }
    return {name: value for name, value in given.items() if value is not None}


def rules_of(recipe: Recipe, occurrence: datetime) -> Rules:
    """Return the rules of one occurrence's campaign."""
    options = recipe.options
    latest = options.get("latest_seconds")
    return Rules(
        latest_at=None if latest is None else occurrence + timedelta(seconds=latest),
        window=options.get("window"),
        time_zone=recipe.time_zone,
        holidays=tuple(date.fromisoformat(day) for day in options.get("holidays", ())),
        max_segments=options.get("max_segments"),
        canary_count=options.get("canary_count"),
        canary_share=options.get("canary_share", CANARY_SHARE),
    )


def mailing_of(recipe: Recipe, occurrence: datetime, cron: Cron) -> Mailing:
    """Return what the campaign of an occurrence is, apart from its list."""
    return Mailing(
        content=recipe.content,
        account=recipe.account,
        actor=SYSTEM,
        name=f"{recipe.name} {cron.shown(occurrence)}",
        at=occurrence,
        priority=recipe.options.get("priority", 5),
        timing=timing_from_json(recipe.options.get("timing")),
        rules=rules_of(recipe, occurrence),
        time_zone=recipe.time_zone,
    )


def check_recipe(
    sessions: Sessions, recipe: Recipe, first: datetime, now: datetime, cron: Cron, default_region: str
) -> tuple[int, Counter[str]]:
    """Try a recipe on its list as that is now, and write nothing; return its rows, and those refused by reason.

    Raises:
        BadTimes: by its rules nothing could be sent.
        ConfigurationError: the account cannot write the times that are wanted.
        IntakeError, EmptyList, UnknownColumn, UnknownList, UnknownAccount: as the import would.
    """
    mailing = mailing_of(recipe, first, cron)
    check_rules(mailing.rules, first, now)
    check_timing(mailing.timing, now)
    with reading(sessions) as session:
        offset = find_account(session, recipe.account).time_offset_minutes
    if mailing.timing.is_given and offset is None:
        raise ConfigurationError(no_offset(recipe.account))
    with open_source(sessions, recipe, default_region) as rows:
        try:
            return check_list(mailing, rows, Untold())
        except EmptyList as error:
            raise EmptyList(f"{source_name(recipe)}: {error}") from None


@contextmanager
def open_source(sessions: Sessions, recipe: Recipe, default_region: str) -> Iterator[Rows]:
    """Open the file or the list that a recipe sends to.

    Raises:
        IntakeError: the file cannot be read.
        UnknownList: there is no such list.
    """
    if recipe.list_name is not None:
        with reading(sessions) as session:
            yield SavedRecipients(session, find_list(session, recipe.list_name))
        return
    assert recipe.recipients_file is not None, "a recipe has one of the two"
    with open_list(
        recipe.recipients_file,
        phone_column=recipe.options.get("phone_column"),
        ref_column=recipe.options.get("ref_column"),
        default_region=default_region,
    ) as rows:
        yield rows


def source_name(recipe: Recipe) -> str:
    """Return what to call the list of a recipe."""
    return f'list "{recipe.list_name}"' if recipe.recipients_file is None else recipe.recipients_file


class Untold:
    """Where refused rows go that nobody is at hand to read: the campaign keeps each with its reason."""

    def add(self, line: int, value: str, reason: str) -> None:
        """Take down nothing."""
