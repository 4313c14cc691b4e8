"""A run of the floor."""

from contextlib import ExitStack

from worker.bench import floor_tables
from worker.bench.floor import DONE, READY, Share
from worker.bench.gateway import running_sink
from worker.bench.metering import Meter, peak_mib
from worker.bench.order import FLOOR, Order
from worker.bench.sample import Sample, check_counts
from worker.bench.stage import Stage
from worker.bench.starting_gun import Runner
from worker.clock import monotonic

START_SECONDS = 30.0
LONGEST_SECONDS = 1800.0


def run_floor(stage: Stage, order: Order) -> Sample:
    """Send the list once. Raises: NoProgram, Stuck, WrongRun."""
    template = f"{FLOOR}_{order.recipients}"
    stage.databases.fill(template, lambda url: floor_tables.fill(url, order.recipients))
    with ExitStack() as stack:
        url = stack.enter_context(stage.databases.copied(template))
        gateway = stack.enter_context(running_sink(order.latency_ms, stage.folder))
        shares = [
            Share(url, gateway.url, order.recipients, order.batch_size, order.personalised, number,
                  order.processes, order.threads)
            for number in range(order.processes)
        ]  # fmt: skip
        runners = [
            stack.enter_context(Runner(f"floor {share.offset}", share.arguments, stage.folder)) for share in shares
        ]
        for runner in runners:
            runner.await_word(READY, START_SECONDS)
        meter = Meter({"workers": [runner.pid for runner in runners], **stage.servers, "gateway": [gateway.pid]})
        began = monotonic()
        for runner in runners:
            runner.go()
        for runner in runners:
            runner.await_word(DONE, LONGEST_SECONDS)
        seconds = monotonic() - began
        sample = Sample(order.recipients, seconds, meter.read(), max(peak_mib(runner.pid) for runner in runners))
        found = floor_tables.count_results(url) | {"arrived": gateway.counters()["recipients"]}
    check_counts("the floor", dict.fromkeys(found, order.recipients), found)
    return sample
