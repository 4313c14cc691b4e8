"""What the product is measured against does its work: everybody is sent to, and every answer is kept."""

from collections.abc import Iterator

import pytest

from worker.bench.order import PEERS, Order
from worker.bench.rounds import RUNS
from worker.bench.stage import Stage, open_stage

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with open_stage(embedded=False) as opened:
        yield opened


@pytest.mark.parametrize("peer", PEERS)
def test_peer_sends_to_everybody_and_keeps_the_answers(peer: str, stage: Stage) -> None:
    order = Order(recipients=150, personalised=peer == PEERS[1])
    found = RUNS[peer](stage, order)  # raises where one is missing
    assert (found.recipients, found.seconds > 0) == (150, True)
    assert found.cpu.keys() == {"workers", "database", "Redis", "gateway"}
