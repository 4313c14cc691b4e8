"""The proof asks the simulator's ledger, and nobody whom the environment forbids to ask."""

from tests.support.driving import a_runtime, create, work_until_ended
from worker.proof import prove
from worker.simulator.running import running_simulator


def test_gateway_outside_of_the_fence_is_not_asked_for_a_ledger(sqlite_url: str) -> None:
    with running_simulator() as simulator, a_runtime(sqlite_url, simulator.url) as runtime:
        work_until_ended(runtime, create(runtime, 3))
        assert prove(runtime.sessions).ledger_charged_count == 3
        fenced = prove(runtime.sessions, may_ask=lambda url: False)
        assert (fenced.ledger_charged_count, fenced.holds) == (None, True)


def test_charge_that_nobody_recorded_breaks_the_proof(sqlite_url: str) -> None:
    with running_simulator() as simulator, a_runtime(sqlite_url, simulator.url) as runtime:
        work_until_ended(runtime, create(runtime, 3))
        with runtime.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE bulkpost_outcomes SET status = 'rejected' WHERE position = 2")
        broken = {breach.promise for breach in prove(runtime.sessions).breaches}
        assert broken >= {"P3", "P5"}
