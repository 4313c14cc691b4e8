"""What is measured does its work: peers send to everybody and keep every answer, every door posts its message."""

from collections.abc import Iterator

import pytest

from worker.bench.order import PEERS, Order
from worker.bench.rounds import RUNS
from worker.bench.stage import Stage, open_stage
from worker.bench.urgent import idle_system

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


def test_message_of_every_door_is_posted_after_it_was_asked_for(stage: Stage) -> None:
    with idle_system(stage) as idle:
        found = [idle.measure(door, 1) for door in idle.doors]  # raises where one is not posted
        assert idle.gateway.counters() == {"documents": 4, "recipients": 4}
    assert all(milliseconds > 0 for one in found for milliseconds in one.milliseconds)
    assert {one.door for one in found if not one.wakes} == {"Python, by SQL alone"}
