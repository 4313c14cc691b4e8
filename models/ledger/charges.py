"""Comparing what a gateway's ledger charged with what is recorded here, key by key. Only reads."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..account import Account
from ..campaign import Campaign
from ..outcome import Outcome
from ..recipient import Recipient
from ..states import RecipientStatus
from .keys import read_key
from .prove import Breach

CLOSED_UNSENT = frozenset({RecipientStatus.REJECTED, RecipientStatus.CANCELLED, RecipientStatus.SKIPPED})


@dataclass(slots=True)
class Compared:
    """One campaign's side of the comparison: which positions the ledger has charged so far."""

    campaign_id: int
    accepted_count: int
    charged: bytearray = field(repr=False)
    charged_count: int = 0
    accepted_and_charged_count: int = 0


class Comparison:
    """Takes the charges of one gateway page by page, in bounded memory, and finds what does not agree."""

    def __init__(self, session: Session, gateway_url: str, campaign_id: int | None = None) -> None:
        self._session = session
        statement = (
            select(Campaign)
            .join(Account, Account.id == Campaign.account_id)
            .where(Account.gateway_url == gateway_url, Campaign.imported_at.is_not(None))
        )
        if campaign_id is not None:
            statement = statement.where(Campaign.id == campaign_id)
        self._campaigns = {
            campaign.key_prefix: Compared(campaign.id, campaign.accepted_count, bytearray(campaign.total_count + 1))
            for campaign in session.execute(statement).scalars()
        }

    @property
    def charged_count(self) -> int:
        """How many of our recipients the ledger has charged."""
        return sum(compared.charged_count for compared in self._campaigns.values())

    def take(self, charges: Iterable[tuple[str, str, str]]) -> Iterator[Breach]:
        """Yield what is wrong with these (key, provider id, number) charges; those of others are passed over."""
        found: dict[str, dict[int, tuple[str, str]]] = {}
        for key, message_id, msisdn in charges:
            read = read_key(key)
            compared = self._campaigns.get(read[0]) if read is not None else None
            if read is None or compared is None or not 1 <= read[1] < len(compared.charged):
                continue
            prefix, position = read
            if compared.charged[position]:
                yield Breach("P1", f"campaign {compared.campaign_id}, position {position} was charged twice")
                continue
            compared.charged[position] = 1
            compared.charged_count += 1
            found.setdefault(prefix, {})[position] = (message_id, msisdn)
        for prefix, by_position in found.items():
            yield from self._compare(self._campaigns[prefix], by_position)

    def _compare(self, compared: Compared, charged: dict[int, tuple[str, str]]) -> Iterator[Breach]:
        rows = self._session.execute(
            select(Recipient.position, Recipient.msisdn, Outcome.status, Outcome.provider_message_id)
            .outerjoin(
                Outcome, (Outcome.campaign_id == Recipient.campaign_id) & (Outcome.position == Recipient.position)
            )
            .where(
                Recipient.campaign_id == compared.campaign_id,
                Recipient.position.between(min(charged), max(charged)),
            )
        )
        for position, msisdn, status, message_id in rows:
            if position not in charged:
                continue
            their_id, their_msisdn = charged[position]
            where = f"campaign {compared.campaign_id}, position {position}"
            if msisdn is not None and msisdn != their_msisdn:  # a purged campaign has none any more
                yield Breach("P1", f"{where} was charged for another number")
            if status in CLOSED_UNSENT:
                yield Breach("P3", f"{where} was charged, and is recorded as {status}")
            if status is RecipientStatus.ACCEPTED:
                compared.accepted_and_charged_count += 1
                if message_id is not None and message_id != their_id:
                    yield Breach("P4", f"{where} was charged as {their_id}, and is recorded as {message_id}")

    def end(self) -> Iterator[Breach]:
        """Yield what only shows when all charges have been taken."""
        for compared in self._campaigns.values():
            missing = compared.accepted_count - compared.accepted_and_charged_count
            if missing > 0:
                yield Breach(
                    "P2", f"campaign {compared.campaign_id}: {missing} recorded as accepted were never charged"
                )
