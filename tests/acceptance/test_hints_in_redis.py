"""P2: a pool that is busy, or away, for an hour does not find an hour's worth of hints."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from celery import Celery
from redis import Redis

from models.content import Sms
from models.ledger.enqueue import enqueue_campaign
from models.ledger.hints import HINT_AGAIN_SECONDS, take_hints
from models.ledger.plan import plan, start_due
from models.ledger.report import show
from models.session import reading, transaction
from tests.support.driving import a_runtime, create, some_recipients
from tests.support.ledger import DOUBT_LIMIT_SECONDS, SetClock
from tests.support.programs import environment, program
from worker.celery import QUEUE
from worker.simulator.running import running_simulator
from worker.wake import EXPIRES_SECONDS, TICK, Wake

pytestmark = pytest.mark.timeout(120)

FREE_POSTS = 3
MINUTES = 10
PUBLISHED_IN_AN_HOUR = 3600


def a_broker(url: str) -> Celery:
    return Celery("test", broker=url, set_as_current=False, task_default_queue=QUEUE)


def test_hints_that_nobody_takes_up_come_seldom_and_all_expire(sqlite_url: str, redis_url: str) -> None:
    wake, clock = Wake(a_broker(redis_url)), SetClock()
    with a_runtime(sqlite_url, "http://127.0.0.1:9/xml", batch_size=1, max_parallel=FREE_POSTS) as runtime:
        with transaction(runtime.sessions) as session:
            content = Sms(sender="Shop", text="Hello")
            enqueue_campaign(session, content=content, recipients=some_recipients(50), clock=clock)
            start_due(session, clock=clock)
            plan(session, clock=clock)
        for _ in range(MINUTES * 60):
            clock.jump(1)
            with transaction(runtime.sessions) as session:
                lanes = take_hints(session, doubt_limit_seconds=DOUBT_LIMIT_SECONDS, clock=clock)
            wake.lanes(lanes)
    with Redis.from_url(redis_url) as broker:
        messages = [json.loads(one) for one in broker.lrange(QUEUE, 0, -1)]
    assert 0 < len(messages) <= FREE_POSTS * (MINUTES * 60 / HINT_AGAIN_SECONDS + 1)
    latest = datetime.now(UTC) + timedelta(seconds=EXPIRES_SECONDS)
    assert max(datetime.fromisoformat(one["headers"]["expires"]) for one in messages) <= latest


def test_worker_that_comes_back_drops_an_hour_of_expired_hints_and_does_nothing_for_them(
    postgres_url: str, redis_url: str, tmp_path: Path
) -> None:
    settings = environment(postgres_url, BROKER_URL=redis_url)
    broker = a_broker(redis_url)
    with running_simulator() as simulator, a_runtime(postgres_url, simulator.url) as runtime:
        planned = create(runtime, 1)
        with transaction(runtime.sessions) as session:
            start_due(session)
            plan(session)
        waiting = create(runtime, 1)
        long_ago = datetime.now(UTC) - timedelta(hours=1)
        for _ in range(PUBLISHED_IN_AN_HOUR):
            broker.send_task(TICK, expires=long_ago, ignore_result=True)
        assert Wake(broker).lane(1)
        with Redis.from_url(redis_url) as redis:
            assert redis.llen(QUEUE) == PUBLISHED_IN_AN_HOUR + 1
        worker = ("celery", "-A", "worker", "worker", "--concurrency=1", "--without-gossip", "--without-mingle")
        with program(settings, *worker, log=tmp_path / "worker.log"):
            simulator.wait_for_documents(1, timeout_seconds=90)
        with reading(runtime.sessions) as session:
            assert show(session, planned)["counts"]["accepted"] == 1
            assert show(session, waiting)["status"] == "scheduled", "an expired tick was done"
