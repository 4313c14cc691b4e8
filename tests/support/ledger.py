"""The ledger alone, without workers: a migrated database, a clock that is set by hand, campaigns, leases, closings.

Every verb runs in a transaction of its own, as in the product, and after each one the data must be sound.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Barrier, Lock
from typing import Any, TypeVar

from sqlalchemy import URL, Dialect, Engine, Select, event, func, select
from sqlalchemy.orm import Session

from models.account import Account
from models.attempt import Attempt, AttemptOutcome, unfold_positions
from models.batch import Batch
from models.campaign import Campaign
from models.content import Content, Sms
from models.direct import direct
from models.event import Event
from models.ledger.at_once import record_at_once
from models.ledger.claim import claim
from models.ledger.control import cancel_campaign, set_account
from models.ledger.enqueue import Recipient, enqueue_campaign
from models.ledger.plan import plan, start_due
from models.ledger.prove import find_breaches
from models.ledger.record import Recorded, record
from models.ledger.rescue import find_lost, rescue
from models.ledger.settle import settle
from models.outcome import Outcome
from models.session import Clock, Sessions, open_engine, open_sessions, read_url, reading, transaction
from models.states import READY_BATCH, BatchStatus, CampaignStatus, ErrorClass, RecipientStatus
from models.work import Brake, Closing, Lease, RecipientOutcome, Refused, Verdict

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PLAIN = Sms(sender="Shop", text="Hello")
LEASE_SECONDS = 180.0
QUIET_SECONDS = 480.0
DOUBT_LIMIT_SECONDS = 86_400.0
MAX_ATTEMPTS = 8

T = TypeVar("T")


class SetClock:
    """A clock that stands still but for a microsecond per reading, as no two moments of a database are equal."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now
        self._lock = Lock()

    def __call__(self, session: Session) -> datetime:
        with self._lock:
            self.now += timedelta(microseconds=1)
            return self.now

    def jump(self, seconds: float) -> None:
        """Let time pass."""
        with self._lock:
            self.now += timedelta(seconds=seconds)


@dataclass
class Ledger:
    """The verbs with the settings of the product, each in a transaction, each followed by the proof."""

    sessions: Sessions
    clock: SetClock = field(default_factory=SetClock)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Open a transaction that writes, and prove the data afterwards."""
        with transaction(self.sessions) as session:
            yield session
        self.prove()

    def do(self, verb: Callable[..., T], *arguments: object, **named: object) -> T:
        """Run one verb in a transaction of its own on the test's clock."""
        with self.transaction() as session:
            return verb(session, *arguments, **named, clock=self.clock)

    def read(self, verb: Callable[..., T], *arguments: object, **named: object) -> T:
        """Run one reading verb on the test's clock."""
        with reading(self.sessions) as session:
            return verb(session, *arguments, **named, clock=self.clock)

    def all(self, statement: Select[Any]) -> list[Any]:
        """Return what a query of one column, or of one table, finds."""
        with reading(self.sessions) as session:
            return list(session.execute(statement).scalars().all())

    def prove(self) -> None:
        """Raise an AssertionError where the data breaks a promise."""
        with reading(self.sessions) as session:
            if found := find_unsoundness(session):
                raise AssertionError("; ".join(found))

    def an_account(self, name: str = "default", **columns: object) -> int:
        """Make an account, or change account `default`; return its id."""
        changes = {"gateway_url": "http://127.0.0.1:9/xml", **columns}
        with transaction(self.sessions) as session:
            return set_account(session, name, changes, actor="test", clock=self.clock).id

    def a_draft(self, total: int = 3, **named: Any) -> int:
        """Enqueue a campaign for `total` recipients, which the tick has not seen yet; return its id."""
        recipients = named.pop("recipients", None) or numbers(total)
        content: Content = named.pop("content", PLAIN)
        with transaction(self.sessions) as session:
            return enqueue_campaign(session, content=content, recipients=recipients, clock=self.clock, **named)

    def a_campaign(self, total: int = 3, **named: Any) -> int:
        """Enqueue a campaign that is running and planned; return its id."""
        campaign_id = self.a_draft(total, **named)
        self.plan()
        return campaign_id

    def plan(self) -> None:
        """Do the tick's first half: start what is due, plan it all."""
        with self.transaction() as session:
            start_due(session, clock=self.clock)
            while plan(session, clock=self.clock):
                pass

    def claim(self, account_id: int = 1, *, first_of_lane: bool = False) -> Lease | Refused:
        """Claim with the settings of the product."""
        return self.do(claim, account_id, first_of_lane=first_of_lane, **CLAIMING)

    def a_lease(self, account_id: int = 1) -> Lease:
        """Claim a batch; there must be one."""
        lease = self.claim(account_id)
        assert isinstance(lease, Lease), lease
        return lease

    def no_lease(self, account_id: int = 1) -> Refused:
        """Claim nothing; there must be a reason."""
        refused = self.claim(account_id)
        assert isinstance(refused, Refused), refused
        return refused

    def record(self, lease: Lease, closing: Closing, **named: Any) -> Recorded:
        """Record with the settings of the product."""
        return self.do(record, lease, closing, **{**RECORDING, **named})

    def record_at_once(self, lease: Lease, closing: Closing) -> Recorded | None:
        """Close an attempt by one statement, if that can be."""
        with self.sessions() as session:
            now = self.clock(session)
        with direct(self.sessions) as connection:
            return record_at_once(connection, lease, closing, now=now)

    def rescue(self, **named: Any) -> int:
        """Rescue all leases that ran out; return how many."""
        lost = self.read(find_lost)
        return sum(self.do(rescue, one, **{"quiet_seconds": QUIET_SECONDS, **RECORDING, **named}) for one in lost)

    def settle(self) -> int:
        """Do the tick's last step."""
        return self.do(settle)

    def cancel(self, campaign_id: int) -> int:
        """Cancel a campaign; return how many of its documents were in flight."""
        return self.do(cancel_campaign, campaign_id, actor="anna", reason="wrong text").in_flight_count

    def campaign(self, campaign_id: int) -> Campaign:
        """Return the campaign as it is now."""
        (campaign,) = self.all(select(Campaign).where(Campaign.id == campaign_id))
        assert isinstance(campaign, Campaign)
        return campaign

    def account(self, account_id: int = 1) -> Account:
        """Return the account as it is now."""
        (account,) = self.all(select(Account).where(Account.id == account_id))
        assert isinstance(account, Account)
        return account

    def batches(self, campaign_id: int) -> list[Batch]:
        """Return the batches of a campaign by the order of their ranges, and of their making."""
        return self.all(select(Batch).where(Batch.campaign_id == campaign_id).order_by(Batch.first_position, Batch.id))

    def attempts(self, campaign_id: int) -> list[Attempt]:
        """Return the attempts of a campaign, oldest first."""
        return self.all(select(Attempt).where(Attempt.campaign_id == campaign_id).order_by(Attempt.id))

    def outcomes(self, campaign_id: int) -> dict[int, Outcome]:
        """Return the outcomes of a campaign by position."""
        return {one.position: one for one in self.all(select(Outcome).where(Outcome.campaign_id == campaign_id))}

    def statuses(self, campaign_id: int) -> dict[int, str]:
        """Return the status of every recipient that has an outcome."""
        return {position: one.status.value for position, one in sorted(self.outcomes(campaign_id).items())}

    def events(self) -> list[str]:
        """Return the kinds of all events, oldest first."""
        return self.all(select(Event.kind).order_by(Event.id))

    def pause_reason(self, account_id: int = 1) -> str | None:
        """Return why the account is paused."""
        return self.account(account_id).status_reason


CLAIMING: dict[str, Any] = {
    "environment": "development",
    "lease_seconds": LEASE_SECONDS,
    "doubt_limit_seconds": DOUBT_LIMIT_SECONDS,
}
RECORDING: dict[str, Any] = {"max_attempts": MAX_ATTEMPTS, "doubt_limit_seconds": DOUBT_LIMIT_SECONDS}


@contextmanager
def open_ledger(database_url: str, clock: SetClock | None = None) -> Iterator[Ledger]:
    """Open a migrated database as a ledger, one of a kind at a time."""
    engine = _shared_engine(read_url(database_url))
    try:
        yield Ledger(open_sessions(engine), clock or SetClock())
    finally:
        engine.dispose()


def _shared_engine(url: URL) -> Engine:
    """Return the one engine of this kind, which from now on connects to `url`.

    An engine remembers the statements that it has compiled; new ones would cost half of the tests' time.
    """
    kind = url.get_backend_name()
    _URLS[kind] = url
    if kind not in _ENGINES:
        _ENGINES[kind] = open_engine(url, pool_size=16)
        event.listen(_ENGINES[kind], "do_connect", _connect_elsewhere)
    return _ENGINES[kind]


_URLS: dict[str, URL] = {}
_ENGINES: dict[str, Engine] = {}


def _connect_elsewhere(dialect: Dialect, _record: object, positional: list[Any], named: dict[str, Any]) -> None:
    found = dialect.create_connect_args(_URLS[dialect.name])
    positional[:] = found[0]
    named.update(found[1])


def numbers(count: int) -> Iterator[Recipient]:
    """Yield recipients; the n-th has the number 79030000000 + n."""
    for number in range(1, count + 1):
        yield Recipient(phone=str(79030000000 + number))


def positions(lease: Lease) -> range:
    """Return the positions that a lease covers."""
    return range(lease.first_position, lease.last_position + 1)


def accepted(lease: Lease, only: Iterable[int] | None = None, *, prefix: str = "id", **named: Any) -> Closing:
    """An answer that accepts everybody of the lease, or only these positions; the others stay pending, in doubt."""
    chosen = tuple(positions(lease)) if only is None else tuple(only)
    rest = len(chosen) < len(positions(lease))
    return Closing(
        **{
            "outcomes": tuple(an_acceptance(lease, position, prefix) for position in chosen),
            "verdict": Verdict.RETRY if rest else Verdict.COMPLETE,
            "attempt_outcome": "answered",
            "explanation": f"{len(chosen)} accepted",
            "positions": tuple(positions(lease)),
            "doubt": rest,
            **named,
        }
    )


def an_acceptance(lease: Lease, position: int, prefix: str = "id") -> RecipientOutcome:
    """An acceptance whose id nobody else gets."""
    message_id = f"{prefix}-{lease.campaign_id}-{position}"
    return RecipientOutcome(
        position, RecipientStatus.ACCEPTED, provider_message_id=message_id, segments=2, provider_text="send"
    )


def rejected(lease: Lease, only: Iterable[int] | None = None, **named: Any) -> Closing:
    """An answer that refuses everybody of the lease, or only these positions; the others stay pending, not in doubt."""
    chosen = tuple(positions(lease)) if only is None else tuple(only)
    rest = len(chosen) < len(positions(lease))
    outcomes = tuple(
        RecipientOutcome(
            position,
            RecipientStatus.REJECTED,
            provider_text="Number phone is incorrect",
            error_class=ErrorClass.RECIPIENT,
        )
        for position in chosen
    )
    return Closing(
        **{
            "outcomes": outcomes,
            "verdict": Verdict.PUT_BACK if rest else Verdict.COMPLETE,
            "attempt_outcome": "answered",
            "explanation": f"{len(chosen)} rejected",
            "positions": tuple(positions(lease)),
            **named,
        }
    )


def in_doubt(lease: Lease, delay_seconds: float = 60.0, **named: Any) -> Closing:
    """No readable answer: the document may have been processed."""
    return _nobody(lease, "in_doubt", Verdict.RETRY, delay_seconds, doubt=True, transport_failed=True, **named)


def not_sent(lease: Lease, delay_seconds: float = 60.0, **named: Any) -> Closing:
    """Not one byte reached the provider."""
    return _nobody(lease, "not_sent", Verdict.RETRY, delay_seconds, transport_failed=True, **named)


def throttled(lease: Lease, delay_seconds: float = 60.0, **named: Any) -> Closing:
    """Come later, said the provider."""
    return _nobody(lease, "throttled", Verdict.RETRY, delay_seconds, **named)


def refused(lease: Lease, **named: Any) -> Closing:
    """The document was refused whole, and is halved."""
    return _nobody(lease, "refused", Verdict.SPLIT, **{"document_refused": True, **named})


def no_credit(lease: Lease, **named: Any) -> Closing:
    """The account has no credit: everybody is put back, and the account is to be paused."""
    brake = Brake("account", "no credit: top up", ErrorClass.ACCOUNT)
    return _nobody(lease, "refused", Verdict.PUT_BACK, **{"brake": brake, **named})


def bad_text(lease: Lease) -> Closing:
    """Everybody is refused for the text, and the campaign is to be paused."""
    brake = Brake("campaign", "the text is refused", ErrorClass.MESSAGE)
    return rejected(lease, brake=brake)


def _nobody(lease: Lease, outcome: str, verdict: Verdict, delay_seconds: float = 0.0, **named: Any) -> Closing:
    return Closing(
        **{
            "outcomes": (),
            "verdict": verdict,
            "attempt_outcome": outcome,
            "explanation": outcome,
            "positions": tuple(positions(lease)),
            "delay_seconds": delay_seconds,
            **named,
        }
    )


def find_unsoundness(session: Session) -> list[str]:
    """Return what must never be: the breaches that the product finds, and more.

    A lease that ran out is nothing wrong by itself: the next tick rescues it. So the proof's clock stands at the start.
    """
    early: Clock = lambda _: NOON  # noqa: E731
    found = [f"{one.promise} {one.finding}" for one in find_breaches(session, clock=early)]
    for campaign in session.execute(select(Campaign).where(Campaign.imported_at.is_not(None))).scalars():
        found += _segments(session, campaign)
        found += _work_left(session, campaign)
        found += _cancelled_in_doubt(session, campaign)
    return found


def _segments(session: Session, campaign: Campaign) -> list[str]:
    billed = session.execute(
        select(func.coalesce(func.sum(Outcome.segments), 0)).where(
            Outcome.campaign_id == campaign.id, Outcome.status == RecipientStatus.ACCEPTED
        )
    ).scalar_one()
    if billed == campaign.segment_count:
        return []
    return [f"campaign {campaign.id}: {campaign.segment_count} segments stored, {billed} counted"]


def _work_left(session: Session, campaign: Campaign) -> list[str]:
    ended = campaign.status in (CampaignStatus.FINISHED, CampaignStatus.CANCELLED)
    ready = session.execute(
        select(func.count()).where(Batch.campaign_id == campaign.id, Batch.status.in_(READY_BATCH))
    ).scalar_one()
    return [f"campaign {campaign.id} is {campaign.status} with {ready} claimable batches"] if ended and ready else []


def _cancelled_in_doubt(session: Session, campaign: Campaign) -> list[str]:
    doubts = session.execute(
        select(Attempt).where(
            Attempt.campaign_id == campaign.id, Attempt.outcome.in_((AttemptOutcome.IN_DOUBT, AttemptOutcome.LOST))
        )
    ).scalars()
    carried: set[int] = set()
    for one in doubts:
        carried |= set(unfold_positions(one.positions or f"{one.first_position}-{one.last_position}"))
    cancelled = session.execute(
        select(Outcome.position).where(Outcome.campaign_id == campaign.id, Outcome.status == RecipientStatus.CANCELLED)
    ).scalars()
    wrong = sorted(carried & set(cancelled))
    return [f"campaign {campaign.id}: {wrong} are cancelled, and may have been sent"] if wrong else []


def live_positions(session: Session) -> list[tuple[int, int]]:
    """Return (campaign, position) for every position of every live lease; one that is named twice is leased twice."""
    leased = session.execute(select(Batch).where(Batch.status == BatchStatus.RUNNING)).scalars()
    return [
        (one.campaign_id, position) for one in leased for position in range(one.first_position, one.last_position + 1)
    ]


def together(deeds: Sequence[Callable[[], T]]) -> list[T]:
    """Do everything at once, each in a thread of its own; return what came of it, in order."""
    barrier = Barrier(len(deeds))

    def do(deed: Callable[[], T]) -> T:
        barrier.wait()
        return deed()

    with ThreadPoolExecutor(len(deeds)) as pool:
        return [future.result(timeout=30) for future in [pool.submit(do, deed) for deed in deeds]]
