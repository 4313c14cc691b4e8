"""A drill from the first process to the verdict."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from models.ledger.fencing import count_attempts, find_overwritten
from models.ledger.prove import Breach
from models.session import reading
from worker.drill.acts import ACTS, Act
from worker.drill.order import STALL_SECONDS, Order
from worker.drill.plan import Mischief, plan_mischief
from worker.drill.stage import Stage, a_folder, open_stage
from worker.drill.verdict import Done, Found, find_broken
from worker.gateway.double import read_charges
from worker.proof import prove

START_SECONDS = 30.0
POLL_SECONDS = 0.2
Tell = Callable[[str], None]
Script = Callable[[Stage], None]


@dataclass(frozen=True, slots=True)
class Report:
    """What was done to whom, what the gateway and the database say, and which promises that breaks."""

    seed: int
    seconds: float
    done: tuple[Done, ...]
    counts: dict[str, int]
    status: str
    charged: int
    asked_again: int
    documents: int
    attempts: int
    most_at_once: int
    limit: int
    breaches: tuple[Breach, ...]

    @property
    def holds(self) -> bool:
        """Whether no promise was broken."""
        return not self.breaches


def run_drill(
    order: Order, *, tell: Tell = lambda line: None, script: Script | None = None, logs: Path | None = None
) -> Report:
    """Run the product, break it, wait until the campaign has finished, and prove.

    Without a `script` the order's seed decides what is done. Whatever happens, no process is left behind.

    Raises:
        NoServer, NoProgram: something did not start.
    """
    began = time.monotonic()
    with a_folder(logs) as folder, open_stage(order, folder) as stage:
        tell(f"seed {order.seed}: {len(stage.programs)} programs, {order.recipient_count:,} recipients")
        _await_first_document(stage)
        done: list[Done] = []
        if script is not None:
            script(stage)
        else:
            plan = plan_mischief(order.seed, order.deeds, span_seconds=order.span_seconds, stall_seconds=STALL_SECONDS)
            _carry_out(stage, plan, done, tell)
        shown = _await_end(stage, tell)
        for program in stage.programs:
            program.end()
        found = _look(stage, shown)
    return _report(order, time.monotonic() - began, done, found)


def _await_first_document(stage: Stage) -> None:
    """Wait until something is sent; where nothing ever is, the end of the drill says so."""
    deadline = time.monotonic() + START_SECONDS
    while not stage.counters().get("documents") and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS / 10)


def _carry_out(stage: Stage, plan: Sequence[Mischief], done: list[Done], tell: Tell) -> None:
    """Do and mend every deed at its time; what a deed takes for itself moves all later ones."""
    began = planned_from = time.monotonic()
    acts: dict[int, Act] = {}
    moments = [(mischief.at_seconds, number, "begins") for number, mischief in enumerate(plan)]
    moments += [(mischief.ends_seconds, number, "ends") for number, mischief in enumerate(plan)]
    for at, number, what in sorted(moments):
        _look_after(stage, planned_from + at, tell)
        turned_to = time.monotonic()
        mischief = plan[number]
        if what == "begins":
            acts[number] = ACTS[mischief.deed](stage, mischief.pick)
            described = next(acts[number])
            done.append(Done(round(time.monotonic() - began, 1), mischief.deed.value, described))
            tell(f"{done[-1].at_seconds:6.1f} s  {described}")
        else:
            with suppress(StopIteration):
                next(acts[number])
        planned_from += time.monotonic() - turned_to


def _look_after(stage: Stage, until: float, tell: Tell) -> None:
    """Wait until a moment of the monotonic clock, and start again what ends meanwhile."""
    while True:
        for program in stage.programs:
            if program.revive():
                tell(f"          {program.name} ended by itself and was started again")
        left = until - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(left, POLL_SECONDS))


def _await_end(stage: Stage, tell: Tell) -> dict[str, Any]:
    """Wait until the campaign has finished, or the deadline is over; return it as it is then."""
    deadline = time.monotonic() + stage.order.deadline_seconds
    while True:
        shown = stage.show()
        late = time.monotonic() > deadline
        if shown is not None and (late or shown["status"] in ("finished", "cancelled")):
            return shown
        if late:
            return {"status": "not to be seen: the database does not answer", "counts": {}, "waiting_for": None}
        _look_after(stage, time.monotonic() + POLL_SECONDS, tell)


def _look(stage: Stage, shown: dict[str, Any]) -> Found:
    with reading(stage.runtime.sessions) as session:
        attempts = count_attempts(session, stage.campaign_id)
        overwritten = list(find_overwritten(session, stage.campaign_id))
    return Found(
        status=shown["status"],
        counts=shown["counts"],
        waiting_for=shown["waiting_for"],
        parallel_limit=stage.order.max_parallel,
        attempt_count=attempts,
        counters=stage.counters(),
        charged_phones=Counter(charge.msisdn for charge in read_charges(stage.gateway_url)),
        breaches=(*prove(stage.runtime.sessions, stage.campaign_id).breaches, *overwritten),
    )


def _report(order: Order, seconds: float, done: Sequence[Done], found: Found) -> Report:
    counters = found.counters
    return Report(
        seed=order.seed,
        seconds=round(seconds, 1),
        done=tuple(done),
        counts=dict(found.counts),
        status=found.status,
        charged=sum(found.charged_phones.values()),
        asked_again=counters.get("repeats", 0),
        documents=counters.get("documents", 0),
        attempts=found.attempt_count,
        most_at_once=counters.get("parallel_high_water", 0),
        limit=found.parallel_limit,
        breaches=find_broken(found),
    )


def broken_promises(report: Report) -> list[str]:
    """Return the names of the promises that were broken, each once."""
    return sorted(set(chain.from_iterable([breach.promise] for breach in report.breaches)))
