"""One row of a list to own numbers, before anybody else gets it: a small campaign of its own."""

from dataclasses import replace

from models.errors import EmptyList, MissingValue, UnsendableText
from models.ledger.enqueue import Recipient, enqueue_campaign
from models.ledger.looking import look
from models.ledger.owed import read_owed
from models.session import Sessions, reading, transaction
from models.wording import compile_content
from models.work import Owed
from worker.errors import ConfigurationError
from worker.intake.phones import PhoneReader
from worker.list_reader import Mailing

READ_AT_ONCE = 500
MOST_NUMBERS = 20
HIGHEST_PRIORITY = 9


def read_numbers(written: str, default_region: str) -> tuple[str, ...]:
    """Read own numbers separated by commas, each once.

    Raises:
        ConfigurationError: one is no phone number, there is none, or there are so many that it is no trial.
    """
    phones = PhoneReader(default_region)
    found: dict[str, None] = {}
    for place, part in enumerate((part for part in written.split(",") if part.strip()), 1):
        msisdn, problem = phones.read(part.strip())
        if msisdn is None:
            raise ConfigurationError(f"--test: number {place}, ending in {part.strip()[-2:]}: {problem}")
        found[msisdn] = None
    if not 1 <= len(found) <= MOST_NUMBERS:
        raise ConfigurationError(f"--test takes 1 to {MOST_NUMBERS} own numbers, separated by commas: not {len(found)}")
    return tuple(found)


def first_sendable(sessions: Sessions, campaign_id: int) -> Owed:
    """Return the first recipient of a filled draft whose message can be rendered. Only reads.

    Raises:
        EmptyList: there is none.
    """
    with reading(sessions) as session:
        lease, _ = look(session, campaign_id)
        content = compile_content(lease.content)
        for first in range(1, lease.last_position + 1, READ_AT_ONCE):
            part = replace(
                lease, first_position=first, last_position=min(lease.last_position, first + READ_AT_ONCE - 1)
            )
            for owed in read_owed(session, part):
                try:
                    content.render(owed.values)
                except (MissingValue, UnsendableText):
                    continue
                return owed
    raise EmptyList("nobody can be sent to: no row can be rendered")


def create_trial(sessions: Sessions, row: Owed, numbers: tuple[str, ...], mailing: Mailing) -> int:
    """Enqueue what `row` would get for own numbers, at once and before everything else; return the campaign's id."""
    recipients = [Recipient(phone=number, variables=row.values) for number in numbers]
    with transaction(sessions) as session:
        return enqueue_campaign(
            session,
            content=mailing.content,
            recipients=recipients,
            account=mailing.account,
            name=f"test: {mailing.name}",
            priority=HIGHEST_PRIORITY,
            actor=mailing.actor,
        )
