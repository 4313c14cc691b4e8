"""One campaign against one misbehaving provider, and the questions that every test of its answers asks afterwards."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from models.account import Account
from models.attempt import Attempt
from models.batch import Batch
from models.content import Content
from models.event import Event
from models.ledger.control import resume_account, resume_campaign, set_account
from models.ledger.report import ResultRow, results, show
from models.session import reading, transaction
from models.states import AccountStatus
from tests.support.driving import JumpingClock, create, quick_settings, work_once, work_until_ended
from worker.proof import prove
from worker.runtime import Runtime, open_runtime
from worker.simulator.running import RunningSimulator, running_simulator

Faults = list[dict[str, Any]]
ENOUGH_ROUNDS = 40


@dataclass
class Mailing:
    """A campaign, the provider that it is sent to, and a clock that jumps over every wait."""

    runtime: Runtime
    provider: RunningSimulator
    campaign_id: int
    clock: JumpingClock = field(default_factory=JumpingClock)

    def work_until_ended(self) -> dict[str, int]:
        """Work until everybody has an outcome; return the counts that are not zero, without the total."""
        counts = work_until_ended(self.runtime, self.campaign_id, self.clock)
        return {status: count for status, count in counts.items() if count and status != "total"}

    def work_until_paused(self) -> str:
        """Work until the account or the campaign is paused; return the reason that a person reads."""
        for _ in range(ENOUGH_ROUNDS):
            work_once(self.runtime, self.clock)
            reason = self.pause_reason()
            if reason is not None:
                return reason
            self.clock.jump(60)
        raise AssertionError("nothing was paused")

    def pause_reason(self) -> str | None:
        """Return why account or campaign is paused, None where neither is."""
        account = self.account
        shown = self.shown()
        if account.status is AccountStatus.PAUSED:
            return account.status_reason
        return str(shown["reason"]) if shown["status"] == "paused" else None

    def resume(self) -> None:
        """Let account and campaign go on, as a person would who has mended the cause."""
        # After every POST so far: what began before the resume cannot pause again.
        self.clock.jump(1)
        with transaction(self.runtime.sessions) as session:
            if self.account.status is AccountStatus.PAUSED:
                resume_account(session, "default", actor="test", clock=self.clock)
            else:
                resume_campaign(session, self.campaign_id, actor="test", clock=self.clock)
        self.clock.jump(1)

    @property
    def account(self) -> Account:
        with reading(self.runtime.sessions) as session:
            return session.execute(select(Account)).scalar_one()

    def shown(self) -> dict[str, Any]:
        with reading(self.runtime.sessions) as session:
            return show(session, self.campaign_id, clock=self.clock)

    def rows(self) -> list[ResultRow]:
        with reading(self.runtime.sessions) as session:
            return list(results(session, self.campaign_id))

    def row(self, position: int) -> ResultRow:
        return self.rows()[position - 1]

    def attempts(self) -> list[Attempt]:
        with reading(self.runtime.sessions) as session:
            return list(session.execute(select(Attempt).order_by(Attempt.id)).scalars())

    def attempt_outcomes(self) -> Counter[str]:
        return Counter(str(attempt.outcome) for attempt in self.attempts())

    def batches(self) -> list[Batch]:
        with reading(self.runtime.sessions) as session:
            return list(session.execute(select(Batch).order_by(Batch.id)).scalars())

    def events(self, kind: str) -> list[Event]:
        with reading(self.runtime.sessions) as session:
            return list(session.execute(select(Event).where(Event.kind == kind)).scalars())

    def check_truth(self, *, conflicts: int = 0) -> None:
        """Compare the ledger with the results: nobody charged twice, nobody's id is another's, proof and all.

        `conflicts`: how often the provider took another recipient's key for one that it knew.
        """
        messages = self.provider.ledger()["messages"]
        keys = [message["client_id_sms"] for message in messages]
        assert len(set(keys)) == len(keys)
        charged = {message["client_id_sms"]: message for message in messages}
        for row in self.rows():
            message = charged.get(row.client_id_sms)
            if row.status == "accepted":
                assert message is not None, f"position {row.position} is accepted and was never charged"
                assert message["phone"] == row.phone
                assert row.id_sms in (None, str(message["id_sms"]))
                assert row.parts in (None, message["parts"])
            elif row.status in ("rejected", "skipped", "cancelled"):
                assert message is None, f"position {row.position} is {row.status} and was charged"
        billed = sum(row.parts or 0 for row in self.rows() if row.status == "accepted")
        assert self.shown()["segments"]["billed"] == billed
        assert sum(message["conflicts"] for message in messages) == conflicts
        assert prove(self.runtime.sessions).breaches == ()

    def check_evidence(self) -> None:
        """Hold every attempt that an answer came to, and keep no secret, phone or text where it does not belong."""
        for attempt in self.attempts():
            assert attempt.outcome is not None and attempt.explanation
            told = attempt.explanation
            assert "7903" not in told and "Name " not in told and "pa55" not in told
            assert b"pa55" not in (attempt.request_bytes or b"")
            if attempt.outcome == "answered":
                assert b"<" in (attempt.reply_bytes or b"").replace(b"\0", b"") and attempt.http_status


@contextmanager
def mailing(
    database_url: str,
    faults: Faults,
    *,
    count: int = 25,
    content: Content | None = None,
    language: str = "en",
    settings: Mapping[str, object] | None = None,
    password: str | None = None,
    **account: object,
) -> Iterator[Mailing]:
    """Start a provider with these faults and commit a campaign to it, in documents of 10."""
    login = "shop" if password else None
    with running_simulator(faults=faults, language=language, login=login, password=password) as provider:
        overrides = {"connect_timeout_seconds": 1, "read_timeout_seconds": 1, **(settings or {})}
        runtime = open_runtime(quick_settings(database_url, **overrides))
        try:
            with transaction(runtime.sessions) as session:
                columns = {"gateway_url": provider.url, "batch_size": 10, **account}
                set_account(session, "default", columns, actor="test")
            yield Mailing(runtime, provider, create(runtime, count, content))
        finally:
            runtime.close()


def charged(work: Mailing) -> int:
    """Return how many messages the provider charged."""
    return int(work.provider.ledger()["charged"])
