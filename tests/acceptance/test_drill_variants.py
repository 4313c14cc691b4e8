"""The drill can fail: for each variant of the product that is broken on purpose it turns red and names the promise."""

import os
from collections.abc import Mapping, Sequence
from signal import SIGCONT
from time import monotonic, sleep
from typing import Any

import pytest

from worker.drill.drill import Report, broken_promises, run_drill
from worker.drill.order import Order
from worker.drill.posting import freeze_poster
from worker.drill.stage import Stage

pytestmark = pytest.mark.timeout(120)

THE_PRODUCT = "worker.drill.thrice"
PATIENCE_SECONDS = 40.0


def an_order(application: str, faults: Sequence[Mapping[str, Any]], **changes: Any) -> Order:
    """Return a small drill on SQLite in which nothing but the gateway's faults happens."""
    usual = {
        "recipient_count": 40, "batch_size": 10, "max_parallel": 1, "beat_count": 1, "delay_seconds": 0.0,
        "deadline_seconds": 12.0, "sqlite": True,
    }  # fmt: skip
    settings = {"READ_TIMEOUT_SECONDS": "1", "CONNECT_TIMEOUT_SECONDS": "0.3", "LEASE_SECONDS": "6.3"}
    settings |= {"RETRY_BASE_SECONDS": "0.1", "TICK_SECONDS": "0.5"}
    order = {**usual, "application": application, "faults": tuple(faults), "settings": settings, **changes}
    return Order(1, deeds=(), **order)


def broken(variant: str) -> str:
    return f"tests.support.broken.{variant}"


def findings(report: Report) -> str:
    return "\n".join(f"{breach.promise}: {breach.finding}" for breach in report.breaches)


def test_new_keys_on_a_repetition_break_p1() -> None:
    report = run_drill(an_order(broken("new_keys"), [{"every": 2, "cut": "after"}]))
    assert "P1" in broken_promises(report)
    assert "charged more than once" in findings(report)


def test_doubt_recorded_as_refusal_breaks_p3() -> None:
    report = run_drill(an_order(broken("doubt_is_failure"), [{"every": 2, "cut": "after"}]))
    assert "P3" in broken_promises(report)
    assert "was charged, and is recorded as rejected" in findings(report)


def test_lease_shorter_than_the_timeout_breaks_p9() -> None:
    report = run_drill(an_order(broken("short_lease"), [], recipient_count=80, delay_seconds=0.9))
    assert "P9" in broken_promises(report)
    assert "POSTs at once, the limit is 1" in findings(report)


def test_hints_trusted_without_a_claim_break_p2() -> None:
    once = {"recipient_count": 10, "delay_seconds": 0.8, "deadline_seconds": 3.0}
    report = run_drill(an_order(broken("trusted_hints"), [], **once))
    assert "P2" in broken_promises(report)
    assert "hints alone cause POSTs" in findings(report)


def stall_until_it_is_asked_again(stage: Stage) -> None:
    """Freeze who posts the only batch until its lease is lost and another process is in the middle of the next POST."""
    pid = freeze_poster(stage, 0)
    assert pid is not None
    try:
        deadline = monotonic() + PATIENCE_SECONDS
        while stage.counters()["documents"] < 2:
            assert monotonic() < deadline, "nobody took over the lost lease"
            sleep(0.01)
    finally:
        os.kill(pid, SIGCONT)


LATE: tuple[Mapping[str, Any], ...] = (
    {"requests": [1], "text": "closed", "delay": 0.8},
    {"requests": [2], "drip_bytes": 10, "drip_seconds": 0.3},
)


def test_late_worker_without_fencing_breaks_p7() -> None:
    order = an_order(broken("no_fence"), LATE, recipient_count=10)
    report = run_drill(order, script=stall_until_it_is_asked_again)
    assert "P7" in broken_promises(report)
    assert "attempt 1" in findings(report)


def test_late_worker_changes_nothing_in_the_product() -> None:
    report = run_drill(an_order(THE_PRODUCT, LATE, recipient_count=10), script=stall_until_it_is_asked_again)
    assert findings(report) == ""
    assert report.charged == report.counts["accepted"] == 10
