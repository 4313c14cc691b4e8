"""Any life of a campaign: claim, answer, lose, rescue, pause, resume, cancel in any order keeps every promise."""

from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import make_url, select

from models.errors import IllegalMove
from models.ledger.control import pause_account_by_hand, pause_campaign, resume_account, resume_campaign
from models.ledger.rescue import find_old_doubts, give_up_old_doubt
from models.outcome import Outcome
from models.session import reading
from models.states import CampaignStatus, RecipientStatus
from models.work import Closing, Lease
from tests.support.ledger import (
    DOUBT_LIMIT_SECONDS,
    Ledger,
    accepted,
    in_doubt,
    live_positions,
    no_credit,
    not_sent,
    open_ledger,
    positions,
    refused,
    rejected,
    throttled,
)

ANSWERS = {
    "accepted": accepted,
    "rejected": rejected,
    "in doubt": in_doubt,
    "not sent": not_sent,
    "refused": refused,
    "throttled": throttled,
    "no credit": no_credit,
}
TEMPLATE: list[Path] = []


class Lives(RuleBasedStateMachine):
    """Two campaigns of one account, batches of three, two at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = TemporaryDirectory()
        path = Path(self.directory.name) / "bulkpost.db"
        copyfile(TEMPLATE[0], path)
        self.opened = open_ledger(f"sqlite:///{path}")
        self.ledger: Ledger = self.opened.__enter__()
        self.ledger.an_account(batch_size=3)
        self.campaigns = [self.ledger.a_campaign(7), self.ledger.a_campaign(4)]
        self.leases: list[Lease] = []
        self.accepted: dict[tuple[int, int], str | None] = {}

    @rule()
    def claim(self) -> None:
        lease = self.ledger.claim()
        if isinstance(lease, Lease):
            self.leases.append(lease)

    @precondition(lambda self: self.leases)
    @rule(choice=st.data(), kind=st.sampled_from(sorted(ANSWERS)))
    def answer(self, choice: st.DataObject, kind: str) -> None:
        lease = self.leases.pop(choice.draw(st.integers(0, len(self.leases) - 1)))
        self.ledger.record(lease, ANSWERS[kind](lease), max_attempts=4)

    @precondition(lambda self: self.leases)
    @rule(choice=st.data())
    def answer_for_some(self, choice: st.DataObject) -> None:
        lease = self.leases.pop(choice.draw(st.integers(0, len(self.leases) - 1)))
        taken = choice.draw(st.sets(st.sampled_from(positions(lease))))
        refusals: Closing = rejected(lease, choice.draw(st.sets(st.sampled_from(positions(lease)))) - taken)
        acceptances = accepted(lease, sorted(taken))
        outcomes = (*acceptances.outcomes, *refusals.outcomes)
        self.ledger.record(lease, accepted(lease, sorted(taken), outcomes=outcomes, doubt=True), max_attempts=4)

    @rule(seconds=st.sampled_from([1, 61, 181, 600, DOUBT_LIMIT_SECONDS]))
    def time_passes(self, seconds: float) -> None:
        self.ledger.clock.jump(seconds)

    @rule()
    def tick(self) -> None:
        self.ledger.rescue(max_attempts=4)
        for one in self.ledger.read(find_old_doubts, doubt_limit_seconds=DOUBT_LIMIT_SECONDS):
            self.ledger.do(give_up_old_doubt, one, doubt_limit_seconds=DOUBT_LIMIT_SECONDS)
        self.ledger.plan()
        self.ledger.settle()

    @rule(which=st.integers(0, 1), pause=st.booleans())
    def pause_or_resume(self, which: int, pause: bool) -> None:
        verb, named = (pause_campaign, {"reason": "wait"}) if pause else (resume_campaign, {})
        try:
            self.ledger.do(verb, self.campaigns[which], actor="anna", **named)
        except IllegalMove:
            self.ledger.prove()

    @rule(pause=st.booleans())
    def pause_or_resume_the_account(self, pause: bool) -> None:
        verb, named = (pause_account_by_hand, {"reason": "wait"}) if pause else (resume_account, {})
        try:
            self.ledger.do(verb, "default", actor="anna", **named)
        except IllegalMove:
            self.ledger.prove()

    @rule(size=st.integers(1, 4))
    def change_the_batch_size(self, size: int) -> None:
        self.ledger.an_account(batch_size=size)

    @precondition(lambda self: self.ledger.campaign(self.campaigns[1]).finished_at is None)
    @rule()
    def cancel(self) -> None:
        self.ledger.cancel(self.campaigns[1])

    @invariant()
    def no_position_is_in_two_live_leases(self) -> None:
        with reading(self.ledger.sessions) as session:
            live = live_positions(session)
        assert len(live) == len(set(live))

    @invariant()
    def an_accepted_outcome_never_changes(self) -> None:
        found = {
            (one.campaign_id, one.position): one.provider_message_id
            for one in self.ledger.all(select(Outcome).where(Outcome.status == RecipientStatus.ACCEPTED))
        }
        assert {key: found.get(key) for key in self.accepted} == self.accepted
        self.accepted = found

    def teardown(self) -> None:
        """Answer everything from now on: every campaign ends, and nobody is pending."""
        try:
            self._go_to_the_end()
        finally:
            self.opened.__exit__(None, None, None)
            self.directory.cleanup()

    def _go_to_the_end(self) -> None:
        for campaign_id in self.campaigns:
            if self.ledger.campaign(campaign_id).status is CampaignStatus.PAUSED:
                self.ledger.do(resume_campaign, campaign_id, actor="anna")
        for _ in range(30):
            if self.ledger.account().status_reason is not None:
                self.ledger.do(resume_account, "default", actor="anna")
            self.ledger.clock.jump(600)
            self.tick()
            while isinstance(lease := self.ledger.claim(), Lease):
                self.ledger.record(lease, accepted(lease))
        for campaign_id in self.campaigns:
            campaign = self.ledger.campaign(campaign_id)
            assert campaign.finished_at is not None, campaign.status
            assert campaign.pending_count == 0


@pytest.mark.timeout(120)
def test_any_life_of_a_campaign_keeps_every_promise_and_ends(sqlite_url: str) -> None:
    database = make_url(sqlite_url).database
    assert database is not None
    TEMPLATE[:] = [Path(database)]
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Lives,
        settings=settings(
            max_examples=3, stateful_step_count=14, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
