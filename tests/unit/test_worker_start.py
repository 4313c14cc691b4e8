"""What a worker sets up before its first task."""

import sys
from collections.abc import Iterator

import pytest
from celery import signals

from worker.celery import SWITCH_SECONDS, app


@pytest.fixture(autouse=True)
def _interval_of_before() -> Iterator[None]:
    before = sys.getswitchinterval()
    yield
    sys.setswitchinterval(before)


def test_threads_of_a_worker_hand_the_interpreter_over_sooner_than_python_makes_them() -> None:
    assert sys.getswitchinterval() > SWITCH_SECONDS
    signals.worker_init.send(sender=app)
    assert sys.getswitchinterval() == pytest.approx(SWITCH_SECONDS)
