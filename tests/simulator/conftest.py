from collections.abc import Iterator

import pytest

from worker.simulator.running import RunningSimulator, running_simulator


@pytest.fixture
def simulator() -> Iterator[RunningSimulator]:
    """A simulator of this test's own, with nothing in its ledger and no faults."""
    with running_simulator() as running:
        yield running
