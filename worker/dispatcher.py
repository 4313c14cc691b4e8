"""One batch, from claim to record.

    claim -> read -> render -> group -> build -> POST -> parse -> decide -> record

Two transactions, claim and record; none is open during the POST. Everything that can fail outside of this process
(database, gateway, clocks, chance) is a collaborator, so that tests replace it; `at` is called with a step's name when
the step is done, so that tests can kill the process there.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.direct import Direct, direct
from models.ledger.at_once import record_at_once, recorded_at_once
from models.ledger.claim import claim
from models.ledger.claim_at_once import claim_at_once
from models.ledger.importing import no_offset
from models.ledger.owed import read_owed
from models.ledger.record import Recorded, record
from models.ledger.usual import TrustMisplaced
from models.ledger.written import is_recorded
from models.session import Clock, Sessions, database_clock, transaction
from models.states import ErrorClass
from models.work import Brake, ClaimRefusal, Closing, Lease, Owing, RecipientOutcome, Refused, Verdict
from worker.clock import jitter, monotonic, pause
from worker.collecting import uncollected
from worker.core.backoff import wait_seconds
from worker.core.decide import decide_error, decide_reply
from worker.core.messages import Decision, Exchange, Submission
from worker.core.prepare import Prepared, prepare
from worker.errors import GatewayError
from worker.gateway.client import Gateway
from worker.gateway.document import Credentials, build, masked
from worker.insisting import Patience, insist, insist_on_stating, insist_on_writing
from worker.logs import bound, log
from worker.settings import Settings, variable_stem

LARGEST_DOCUMENT = 1024 * 1024
"""Bytes of one document; a larger one is halved before it is posted. Source: protocol.md 18."""


@dataclass(frozen=True, slots=True)
class _Post:
    """One POST and what came back: exactly one of exchange and error."""

    body: bytes
    seconds: float
    exchange: Exchange | None = None
    error: GatewayError | None = None


@dataclass(frozen=True)
class Dispatcher:
    """Takes one batch of an account through its life."""

    settings: Settings
    sessions: Sessions
    gateway: Gateway
    clock: Clock = database_clock
    monotonic: Callable[[], float] = monotonic
    pause: Callable[[float], None] = pause
    jitter: Callable[[], float] = jitter
    saw: Callable[[Lease], None] = field(default=lambda lease: None)
    stopped: Callable[[], bool] = field(default=lambda: False)
    at: Callable[[str], None] = field(default=lambda step: None)

    def dispatch(self, account_id: int, *, first_of_lane: bool = False) -> Recorded | Refused:
        """Claim one batch, post it, and record what came of it.

        Raises nothing for what the provider does. While the database fails with what may pass, the answer is written
        again until the lease ends.

        Raises:
            SQLAlchemyError: the claim failed, or the database did not come back; a lease is left to rescue.
        """
        with uncollected():
            return self._dispatch(account_id, first_of_lane)

    def _dispatch(self, account_id: int, first_of_lane: bool) -> Recorded | Refused:
        if self.stopped():
            return Refused(ClaimRefusal.STOPPED)
        began = self.monotonic()
        lease = self._claim(account_id, first_of_lane)
        if isinstance(lease, Refused):
            return lease
        self.saw(lease)
        with bound(campaign=lease.campaign_id, batch=lease.batch_id, attempt=lease.attempt_number):
            closing = self._close(lease, began)
            recorded = self._record(lease, closing, began)
            self._say(lease, closing, recorded, self.monotonic() - began)
        return recorded

    def _claim(self, account_id: int, first_of_lane: bool) -> Lease | Refused:
        lease: Lease | Refused | None = self._claim_at_once(account_id, first_of_lane)
        if lease is None:
            with transaction(self.sessions) as session:
                lease = claim(
                    session,
                    account_id,
                    environment=self.settings.environment,
                    lease_seconds=self.settings.lease_seconds,
                    doubt_limit_seconds=self.settings.doubt_limit_seconds,
                    first_of_lane=first_of_lane,
                    clock=self.clock,
                )
                self.at("claiming")
        self.at("claimed")
        return lease

    def _claim_at_once(self, account_id: int, first_of_lane: bool) -> Lease | None:
        """Claim for an account that nothing limits; None for any other."""
        now = self._told()
        with direct(self.sessions) as connection:
            return claim_at_once(
                connection,
                account_id,
                environment=self.settings.environment,
                lease_seconds=self.settings.lease_seconds,
                doubt_limit_seconds=self.settings.doubt_limit_seconds,
                first_of_lane=first_of_lane,
                now=now,
                before_commit=lambda: self.at("claiming"),
            )

    def _told(self) -> datetime | None:
        """Return the moment by a clock that is not the database's."""
        if self.clock is database_clock:
            return None
        with self.sessions() as session:
            return self.clock(session)

    def _close(self, lease: Lease, began: float) -> Closing:
        """Post what the lease owes and say what record has to write."""
        limit = self.settings.connect_timeout_seconds + self.settings.read_timeout_seconds
        if lease.timing.is_given and lease.time_offset_minutes is None:
            return _stopped(lease, (), no_offset(lease.account_name))
        patience = self._patience(began + self.settings.lease_seconds - limit)
        # What was read is kept no longer than until it is rendered: a document of personal texts is large.
        prepared = prepare(lease, insist(lambda: self._read(lease), patience), self.settings.fence(lease.gateway_url))
        submission, skipped = prepared.submission, prepared.skipped
        self.at("rendered")
        if not submission.lines:
            return _not_posted(skipped, Verdict.COMPLETE, "nobody of the range is left to post")
        credentials = self.settings.credentials(lease.account_name, lease.gateway_url)
        if credentials is None:
            return _stopped(lease, skipped, _no_credentials(lease))
        body = build(submission, credentials)
        if len(body) > LARGEST_DOCUMENT and len(submission.lines) > 1:
            return _not_posted(skipped, Verdict.SPLIT, f"the document would have {len(body):,} bytes: halved")
        if self.monotonic() - began + limit > self.settings.lease_seconds:
            return _not_posted(skipped, Verdict.PUT_BACK, "too little of the lease was left for a POST: given back")
        if self.stopped():
            return _not_posted(skipped, Verdict.PUT_BACK, "the stop file was there before the POST: given back")
        post = self._post(lease, body)
        self.at("posted")
        decision = _decide(lease, submission, post)
        return self._closing(lease, prepared, credentials, post, decision)

    def _read(self, lease: Lease) -> Owing:
        with direct(self.sessions) as connection:
            return read_owed(connection, lease)

    def _post(self, lease: Lease, body: bytes) -> _Post:
        self.at("posting")
        began = self.monotonic()
        exchange = error = None
        try:
            exchange = self.gateway.post(
                lease.gateway_url,
                body,
                connect_timeout_seconds=self.settings.connect_timeout_seconds,
                read_timeout_seconds=self.settings.read_timeout_seconds,
            )
        except GatewayError as failure:
            error = failure
        return _Post(body, self.monotonic() - began, exchange, error)

    def _closing(
        self,
        lease: Lease,
        prepared: Prepared,
        credentials: Credentials,
        post: _Post,
        decision: Decision,
    ) -> Closing:
        answer = post.exchange or post.error
        assert answer is not None, "a POST ends in an exchange or in an error"
        delay = wait_seconds(
            decision.pace,
            attempt=lease.retry_count + 1,
            base_seconds=self.settings.retry_base_seconds,
            jitter=self.jitter(),
            read_timeout_seconds=self.settings.read_timeout_seconds,
            since_post_seconds=post.seconds,
            retry_after_seconds=decision.retry_after_seconds,
        )
        return Closing(
            outcomes=(*decision.outcomes, *prepared.skipped) if prepared.skipped else decision.outcomes,
            verdict=decision.verdict,
            attempt_outcome=decision.attempt_outcome,
            explanation=decision.explanation,
            positions=prepared.submission.lines.positions,
            expected_segments=prepared.expected_segments,
            delay_seconds=delay,
            doubt=decision.doubt,
            unseen=decision.unseen,
            brake=decision.brake,
            transport_failed=decision.transport_failed,
            document_refused=decision.document_refused,
            shrink=decision.shrink,
            timed_out=decision.timed_out,
            http_status=answer.http_status,
            request_size=len(post.body),
            request_hash=hashlib.sha256(post.body).hexdigest(),
            request_bytes=masked(prepared.submission, credentials) if decision.keep_request else None,
            reply_bytes=answer.raw or None,
        )

    def _record(self, lease: Lease, closing: Closing, began: float) -> Recorded:
        def write(session: Session, trusting: bool) -> Recorded:
            recorded = record(
                session,
                lease,
                closing,
                max_attempts=self.settings.max_attempts,
                doubt_limit_seconds=self.settings.doubt_limit_seconds,
                trusting=trusting,
                clock=self.clock,
            )
            self.at("recording")
            return recorded

        def insist_with(trusting: bool) -> Recorded:
            patience = self._patience(began + self.settings.lease_seconds)
            is_written = partial(is_recorded, lease=lease)
            return insist_on_writing(self.sessions, partial(write, trusting=trusting), is_written, patience)

        try:
            recorded = self._record_at_once(lease, closing, began) or insist_with(trusting=True)
        except (IntegrityError, TrustMisplaced):
            # An id that somebody holds, somebody who was answered before, a lease that was lost: look closely.
            recorded = insist_with(trusting=False)
        self.at("recorded")
        return recorded

    def _record_at_once(self, lease: Lease, closing: Closing, began: float) -> Recorded | None:
        """Record an answer that takes one statement; None for any other."""

        def state(connection: Direct) -> Recorded | None:
            self.at("stating")
            return record_at_once(connection, lease, closing, now=self._told())

        written = partial(recorded_at_once, closing)
        is_written = partial(is_recorded, lease=lease)
        return insist_on_stating(
            self.sessions, state, written, is_written, self._patience(began + self.settings.lease_seconds)
        )

    def _patience(self, ends: float) -> Patience:
        return Patience(ends, self.monotonic, self.pause, self.jitter)

    def _say(self, lease: Lease, closing: Closing, recorded: Recorded, seconds: float) -> None:
        log.info(
            "batch_recorded",
            account=lease.account_name,
            positions=f"{lease.first_position}-{lease.last_position}",
            outcome=closing.attempt_outcome,
            explanation=closing.explanation,
            late=recorded.late,
            seconds=round(seconds, 3),
        )
        if recorded.alarm is not None:
            alarm = recorded.alarm
            log.error(f"{alarm.scope}_paused", account=lease.account_name, reason=alarm.reason, mend=alarm.mend)
        if recorded.resumed:
            log.warning("account_resumed", account=lease.account_name, reason="the gateway takes messages again")


def _decide(lease: Lease, submission: Submission, post: _Post) -> Decision:
    if post.error is not None:
        return decide_error(submission.lines, post.error, lease.history)
    assert post.exchange is not None
    return decide_reply(
        submission.lines,
        post.exchange.reply,
        lease.history,
        retry_after_seconds=post.exchange.retry_after_seconds,
    )


def _not_posted(skipped: Sequence[RecipientOutcome], verdict: Verdict, explanation: str) -> Closing:
    return Closing(tuple(skipped), verdict, "not_posted", explanation)


def _stopped(lease: Lease, skipped: Sequence[RecipientOutcome], reason: str) -> Closing:
    """Put everything back and pause the account: nothing can be sent until a person mends the set-up."""
    brake = Brake("account", reason, ErrorClass.REQUEST, may_pass=True)
    return Closing(tuple(skipped), Verdict.PUT_BACK, "not_posted", reason, brake=brake)


def _no_credentials(lease: Lease) -> str:
    own = "" if lease.account_name == "default" else variable_stem(lease.account_name)
    return (
        f"account {lease.account_name} has no credentials: set BULKPOST_{own}LOGIN and BULKPOST_{own}PASSWORD, or "
        f"BULKPOST_{own}TOKEN, for every worker, then bulkpost account resume {lease.account_name}"
    )
