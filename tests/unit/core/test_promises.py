"""What never happens, whatever the provider says."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from models.states import RecipientStatus
from tests.support.decisions import lines
from worker.core.decide import decide_error, decide_reply
from worker.core.messages import Decision, History, Line, Meaning, Pace, Reply, ReplyEntry, Verdict
from worker.errors import GatewayError, Misdirected, NotSent, Throttled, TooLarge, Unanswered, Unreadable

S, V = RecipientStatus, Verdict


MEANINGS = st.sampled_from(Meaning)
ENTRIES = st.builds(
    ReplyEntry,
    number=st.none() | st.integers(0, 30),
    provider_message_id=st.none() | st.sampled_from(["1", "2", "3"]) | st.integers(10, 10**22).map(str),
    segments=st.none() | st.integers(1, 9),
    text=st.text(),
    meaning=MEANINGS,
)
HISTORIES = st.builds(History, doubtful=st.booleans(), unseen_count=st.integers(0, 4))
ERRORS = st.sampled_from([NotSent, Unanswered, Unreadable, Throttled, TooLarge, Misdirected])


def check_promises(asked: Sequence[Line], decision: Decision, history: History) -> None:
    positions = [outcome.position for outcome in decision.outcomes]
    assert len(positions) == len(set(positions))
    assert set(positions) <= {line.position for line in asked}
    assert (decision.verdict is V.COMPLETE) == (len(positions) == len(asked))
    assert {outcome.status for outcome in decision.outcomes} <= {S.ACCEPTED, S.REJECTED, S.UNKNOWN}
    assert len(decision.explanation.splitlines()) <= 1
    for outcome in decision.outcomes:
        assert (outcome.error_class is None) == (outcome.status is S.ACCEPTED)
        assert not history.doubtful or outcome.after_doubt or outcome.status is S.ACCEPTED
    if decision.verdict is not V.RETRY:
        assert decision.retry_after_seconds is None and decision.pace is Pace.NOW
    if decision.verdict in (V.COMPLETE, V.PUT_BACK):
        assert not decision.doubt
    if decision.brake is not None:
        assert len(decision.brake.reason.splitlines()) == 1


@given(
    count=st.integers(1, 25),
    entries=st.lists(ENTRIES, max_size=40),
    error=st.none() | st.tuples(st.text(), MEANINGS),
    history=HISTORIES,
)
def test_no_reply_breaks_a_promise(
    count: int, entries: list[ReplyEntry], error: tuple[str, Meaning] | None, history: History
) -> None:
    text, meaning = error or (None, None)
    reply = Reply(tuple(entries), text, meaning)
    asked = lines(count)
    decision = decide_reply(asked, reply, history)
    check_promises(asked, decision, history)
    assert not decision.transport_failed
    shuffled = replace(reply, entries=tuple(sorted(entries, key=lambda each: each.number or 0)))
    assert decide_reply(asked, shuffled, history).outcomes == decision.outcomes


@given(
    count=st.integers(1, 25), kind=ERRORS, history=HISTORIES, seconds=st.none() | st.floats(0, 100), busy=st.booleans()
)
def test_no_error_breaks_a_promise(
    count: int, kind: type[GatewayError], history: History, seconds: float | None, busy: bool
) -> None:
    asked = lines(count)
    error = kind("HTTP 599", retry_after_seconds=seconds, still_at_work=busy and kind is Unanswered)
    check_promises(asked, decide_error(asked, error, history), history)
