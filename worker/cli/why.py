"""`bulkpost why`: one number's story across campaigns."""

from typing import Annotated, Any

import typer

from models.ledger.why import Story, read_story
from models.session import database_clock, reading
from worker.cli.console import AsJson, local, opened, out, show_json
from worker.errors import ConfigurationError
from worker.intake.phones import PhoneReader
from worker.settings import Settings
from worker.story import Step, plain, tell


def why(
    phone: Annotated[str, typer.Argument(help="A number, spelled as in any list.")],
    as_json: AsJson = False,
) -> None:
    """Tell what happened to a number in every campaign, what happens next, and when.

    Imported, skipped or planned, each attempt with the gateway's own words, each decision of a person, the state now.
    A number that nothing is known of is an answer too.
    """
    with opened() as runtime:
        msisdn, problem = PhoneReader(runtime.settings.default_region).read(phone)
        if msisdn is None:
            raise ConfigurationError(f"the number cannot be read: {problem}")
        with reading(runtime.sessions) as session:
            story = read_story(session, msisdn)
            steps = tell(story)
            told = plain(story, steps, database_clock(session))
        if as_json:
            show_json(told)
        else:
            _print(story, told["campaigns"], steps, runtime.settings)


def _print(story: Story, told: list[dict[str, Any]], steps: list[Step], settings: Settings) -> None:
    lines = [f"{story.msisdn}: {_in_short(story)}"]
    for step in steps:
        of = f"campaign {step.campaign_id}" if step.campaign_id is not None else ""
        status = f" (HTTP {step.http_status})" if step.http_status is not None else ""
        text = f'; the gateway said "{step.provider_text}"' if step.provider_text else ""
        said = f"{step.said}{status}{text}"
        lines.append(f"  {local(step.at, settings)}  {of:<12}  {step.what.replace('_', ' '):<18}  {said}".rstrip())
    for one in told:
        at = f", not before {local(one['next_at'], settings)}" if one["next_at"] is not None else ""
        lines.append(
            f"campaign {one['campaign']}  {one['name']}  {one['campaign_status']}: it is {one['status']} there; "
            f"next: {one['next']}{at}"
        )
    out.print("\n".join(lines), markup=False, soft_wrap=True)


def _in_short(story: Story) -> str:
    count = len(story.appearances)
    known = f"{count} campaign{'s' if count != 1 else ''}" if count else "in no campaign"
    if story.stop is not None:
        known += ", on the stop list"
    if story.purged_count:
        known += f"; the numbers of {story.purged_count:,} purged campaigns are not known any more"
    return known
