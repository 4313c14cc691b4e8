"""Broken on purpose: no answer means refused."""

from collections.abc import Sequence
from dataclasses import replace

from models.states import RecipientStatus
from models.work import RecipientOutcome, Verdict
from worker import dispatcher
from worker.core.decide import decide_error
from worker.core.messages import Decision, History, Line
from worker.drill.thrice import app
from worker.errors import GatewayError

__all__ = ["app"]


def decide_without_doubt(lines: Sequence[Line], error: GatewayError, history: History) -> Decision:
    """Record as rejected whoever got no readable answer."""
    failed = tuple(RecipientOutcome(line.position, RecipientStatus.REJECTED, reason="no answer") for line in lines)
    decision = decide_error(lines, error, history)
    return replace(decision, outcomes=failed, verdict=Verdict.COMPLETE, doubt=False)


vars(dispatcher).update(decide_error=decide_without_doubt)
