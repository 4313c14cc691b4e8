"""A run of a peer: its worker with two children, its tasks published within the time, as they are in its life."""

import json
from contextlib import ExitStack
from functools import partial

from sqlalchemy import NullPool, create_engine

from worker.bench import peer_tables
from worker.bench.floor import DONE, READY
from worker.bench.gateway import Stuck, running_sink
from worker.bench.metering import Meter, peak_mib
from worker.bench.order import PEER_RECIPIENTS, Order
from worker.bench.peers import ASKED
from worker.bench.sample import Sample, check_counts
from worker.bench.stage import Stage
from worker.bench.starting_gun import Runner
from worker.clock import monotonic, pause
from worker.drill.program import CELERY, Program
from worker.drill.stage import CELERY_WORKER

PEER = "peer"
START_SECONDS = 30.0
LONGEST_SECONDS = 600.0
POLL_SECONDS = 0.005


def run_peer(name: str, stage: Stage, order: Order) -> Sample:
    """Send the first of the list once. Raises: NoProgram, Stuck, WrongRun."""
    redis = stage.redis
    assert redis is not None, "peers are Celery applications"
    count = order.count(name)
    stage.databases.fill(PEER, lambda url: peer_tables.fill(url, max(PEER_RECIPIENTS.values())))
    with ExitStack() as stack:
        url = stack.enter_context(stage.databases.copied(PEER))
        gateway = stack.enter_context(running_sink(order.latency_ms, stage.folder))
        redis.forget()
        asked = {"database_url": url, "broker_url": redis.url, "gateway_url": gateway.url}
        (stage.folder / ASKED).write_text(json.dumps({**asked, "personalised": order.personalised}))
        own = ("--concurrency=2", "--loglevel=ERROR")
        worker = Program(name, (*CELERY, "-A", "worker.bench.peers", "worker", *CELERY_WORKER, *own), {}, stage.folder)
        stack.callback(worker.end)
        worker.start()
        arguments = ("-m", "worker.bench.peers", name, str(count))
        publisher = stack.enter_context(Runner(f"{name} publisher", arguments, stage.folder))
        publisher.await_word(READY, START_SECONDS)
        meter = Meter({"workers": [worker.pid, publisher.pid], **stage.servers, "gateway": [gateway.pid]})
        began = monotonic()
        publisher.go()
        publisher.await_word(DONE, LONGEST_SECONDS)
        gateway.await_recipients(count, LONGEST_SECONDS)
        engine = create_engine(url, poolclass=NullPool)
        while (found := peer_tables.count_sent(engine))["accepted"] < count:
            if monotonic() - began > LONGEST_SECONDS:
                raise Stuck(f"{name} keeps {found['accepted']:,} of {count:,} answers")
            pause(POLL_SECONDS)
        sample = Sample(count, monotonic() - began, meter.read(), peak_mib(worker.pid))
        found["arrived"] = gateway.counters()["recipients"]
    check_counts(name, dict.fromkeys(found, count), found)
    return sample


PEER_RUNS = {name: partial(run_peer, name) for name in PEER_RECIPIENTS}
