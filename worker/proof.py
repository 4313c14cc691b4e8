"""The proof: what must be true of the data, and, where the gateway is the simulator, of data and ledger together."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from models.errors import UnknownCampaign
from models.ledger.charges import Comparison
from models.ledger.prove import Breach, find_breaches
from models.ledger.report import gateway_urls, size
from models.session import Sessions, reading
from worker.gateway.double import Charge, is_simulator, read_charges

CHARGES_AT_ONCE = 20_000
MOST_BREACHES = 100


@dataclass(frozen=True, slots=True)
class Proof:
    """What was looked at, and every breach found (the first hundred of them)."""

    campaign_count: int
    recipient_count: int
    ledger_charged_count: int | None  # None where no gateway is a simulator
    breaches: tuple[Breach, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing was found."""
        return not self.breaches


def _anybody(_url: str) -> bool:
    return True


def prove(sessions: Sessions, campaign_id: int | None = None, *, may_ask: Callable[[str], bool] = _anybody) -> Proof:
    """Check one campaign or all of them. Changes nothing; asks only gateways that `may_ask` lets through.

    Raises:
        UnknownCampaign: there is no such campaign.
    """
    with reading(sessions) as session:
        campaigns, recipients = size(session, campaign_id)
        if campaign_id is not None and not campaigns:
            raise UnknownCampaign(f"no campaign {campaign_id}: bulkpost campaign list shows those that there are")
        urls = sorted(set(gateway_urls(session).values()))
        breaches = list(islice(find_breaches(session, campaign_id), MOST_BREACHES))
    charged: int | None = None
    for url in urls:
        if not may_ask(url) or not is_simulator(url):
            continue
        with reading(sessions) as session:
            comparison = Comparison(session, url, campaign_id)
            breaches += islice(_compare(comparison, read_charges(url)), MOST_BREACHES)
        charged = (charged or 0) + comparison.charged_count
    return Proof(campaigns, recipients, charged, tuple(breaches))


def _compare(comparison: Comparison, charges: Iterator[Charge]) -> Iterator[Breach]:
    triples = ((charge.send_key, charge.provider_message_id, charge.msisdn) for charge in charges)
    while page := list(islice(triples, CHARGES_AT_ONCE)):
        yield from comparison.take(page)
    yield from comparison.end()
