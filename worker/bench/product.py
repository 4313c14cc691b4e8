"""A run of the product as it is in production: workers and beat, or `bulkpost up`, each a process of its own.

The campaign lies ready as a draft. Workers and beat are started, send a small campaign first, and are idle again; then
the clock begins with the draft's start, and ends when the result of the last recipient is committed.
"""

import json
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import islice
from typing import Any

from models.content import Sms
from models.ledger.control import set_account, start_campaign
from models.ledger.importing import add_rows, begin_import, finish_import
from models.ledger.report import show
from models.ledger.rows import ROWS_AT_ONCE, NewRow
from models.session import reading, transaction
from worker.bench.gateway import Gateway, Stuck, running_sink
from worker.bench.lists import phones
from worker.bench.metering import Meter, peak_mib
from worker.bench.order import PERSONAL_TEXT, PRODUCT, SENDER, TEXT, Order
from worker.bench.sample import Sample, WrongRun, check_counts
from worker.bench.stage import Stage
from worker.celery import configure
from worker.clock import monotonic, pause
from worker.drill.program import BULKPOST, CELERY, Program
from worker.drill.stage import CELERY_WORKER
from worker.installing import prepare_database
from worker.proof import prove
from worker.runtime import Runtime, open_runtime
from worker.settings import load_settings
from worker.wake import Wake

ACTOR = "bench"
WARM_UP = 1
MEASURED = 2
"""The campaigns' ids in a new database."""
WARM_UP_DOCUMENTS = 10
"""For each lane: so that connections are open and statements are prepared, as in a worker of yesterday."""
EMBEDDED_TICK_SECONDS = 0.1
"""`up` hears of another process's work by its tick alone, which would be seconds of a short run."""
IDLE_SECONDS = 1.0
START_SECONDS = 20.0
LONGEST_SECONDS = 1800.0
POLL_SECONDS = 0.005


def run_product(stage: Stage, order: Order) -> Sample:
    """Send the list once. Raises: NoProgram, Stuck, WrongRun."""
    text = "personal" if order.personalised else "one"
    template = f"{PRODUCT}_{order.recipients}_{text}_{_warm_up_count(order)}"
    stage.databases.fill(template, lambda url: _fill(url, order))
    with ExitStack() as stack:
        url = stack.enter_context(stage.databases.copied(template))
        gateway = stack.enter_context(running_sink(order.latency_ms, stage.folder))
        variables = {"BULKPOST_DATABASE_URL": url}
        if stage.redis is not None:
            stage.redis.forget()
            variables["BULKPOST_BROKER_URL"] = stage.redis.url
        else:
            variables["BULKPOST_TICK_SECONDS"] = str(EMBEDDED_TICK_SECONDS)
        runtime = stack.enter_context(closing(open_runtime(load_settings(variables, log_level="CRITICAL"))))
        _set_account(runtime, order, gateway)
        programs = _programs(order, variables, stage)
        for program in programs:
            stack.callback(program.end)
            program.start()
        run = _Run(runtime, gateway, programs, wake=stage.redis is not None)
        run.send(WARM_UP, _warm_up_count(order), START_SECONDS)
        run.await_end(WARM_UP, START_SECONDS)
        pause(IDLE_SECONDS)
        before = gateway.counters()
        meter = Meter({"workers": [program.pid for program in programs], **stage.servers, "gateway": [gateway.pid]})
        seconds = run.send(MEASURED, before["recipients"] + order.recipients, LONGEST_SECONDS)
        used = meter.read()
        peak = max(peak_mib(program.pid) for program in programs)
        run.await_end(MEASURED, START_SECONDS)
        for program in programs:
            program.end()
        run.check(before, order)
    return Sample(order.recipients, seconds, used, peak)


@dataclass(frozen=True)
class _Run:
    runtime: Runtime
    gateway: Gateway
    programs: Sequence[Program]
    wake: bool

    def send(self, campaign_id: int, arrivals: int, patience_seconds: float) -> float:
        """Start a draft, as every door does it, and return the seconds until nobody is pending. Raises: Stuck."""
        settings = self.runtime.settings
        waking = Wake(configure(settings)) if self.wake else None
        began = monotonic()
        with transaction(self.runtime.sessions) as session:
            start_campaign(session, campaign_id, actor=ACTOR)
        if waking is not None:
            waking.tick()
        # The gateway tells when the last one has arrived, so that nobody asks the database before.
        self.gateway.await_recipients(arrivals, patience_seconds)
        while self._shown(campaign_id)["counts"]["pending"]:
            if monotonic() - began > patience_seconds:
                raise Stuck(f"campaign {campaign_id} does not come to its end: {self._shown(campaign_id)}")
            pause(POLL_SECONDS)
        return monotonic() - began

    def await_end(self, campaign_id: int, patience_seconds: float) -> None:
        """Return when the campaign is finished. Raises: Stuck."""
        deadline = monotonic() + patience_seconds
        while self._shown(campaign_id)["status"] != "finished":
            if monotonic() > deadline:
                raise Stuck(f"campaign {campaign_id} does not finish: {self._shown(campaign_id)}")
            pause(POLL_SECONDS * 10)

    def check(self, before: dict[str, int], order: Order) -> None:
        """Refuse a run that has not done exactly what it should. Raises: WrongRun."""
        found = {
            **self._shown(MEASURED)["counts"],
            "arrived": self.gateway.counters()["recipients"] - before["recipients"],
        }
        check_counts(
            PRODUCT, {"total": order.recipients, "accepted": order.recipients, "arrived": order.recipients}, found
        )
        if breaches := prove(self.runtime.sessions).breaches:
            raise WrongRun(f"the run of the product is void: {breaches[0].promise}: {breaches[0].finding}")

    def _shown(self, campaign_id: int) -> dict[str, Any]:
        with reading(self.runtime.sessions) as session:
            return show(session, campaign_id)


def _programs(order: Order, variables: dict[str, str], stage: Stage) -> list[Program]:
    if order.embedded:
        return [Program("up", (*BULKPOST, "up", "--threads", str(order.up_threads)), variables, stage.folder)]
    worker = (*CELERY, "-A", "worker", "worker", *CELERY_WORKER[1:])
    if order.threads == 1:
        kinds = [("--pool=prefork", f"--concurrency={order.processes}", "--hostname=prefork@%h")]
    else:
        own = ("--pool=threads", f"--concurrency={order.threads}")
        kinds = [(*own, f"--hostname=threads{number}@%h") for number in range(order.processes)]
    workers = [
        Program(f"worker {number}", (*worker, *kind), variables, stage.folder) for number, kind in enumerate(kinds)
    ]
    beat = (*CELERY, "-A", "worker", "beat", f"--schedule={stage.folder / 'beat'}")
    return [*workers, Program("beat", beat, variables, stage.folder)]


def _set_account(runtime: Runtime, order: Order, gateway: Gateway) -> None:
    account = {"gateway_url": gateway.url, "batch_size": order.batch_size, "max_parallel": order.in_flight}
    with transaction(runtime.sessions) as session:
        set_account(session, "default", account, actor=ACTOR)


def _fill(url: str, order: Order) -> None:
    with closing(open_runtime(load_settings({}, database_url=url, log_level="CRITICAL"))) as runtime:
        prepare_database(runtime)
        assert _draft(runtime, order, _warm_up_count(order)) == WARM_UP
        assert _draft(runtime, order, order.recipients) == MEASURED


def _warm_up_count(order: Order) -> int:
    return min(order.recipients, WARM_UP_DOCUMENTS * order.batch_size * order.in_flight)


def _draft(runtime: Runtime, order: Order, count: int) -> int:
    content = Sms(sender=SENDER, text=PERSONAL_TEXT if order.personalised else TEXT)
    names = ("name",) if order.personalised else ()
    with transaction(runtime.sessions) as session:
        campaign_id = begin_import(session, content=content, account="default", column_names=names, actor=ACTOR)
    rows = (
        NewRow(phone, values_json=json.dumps([name], ensure_ascii=False) if order.personalised else None)
        for phone, name in phones(count)
    )
    position = 1
    while chunk := list(islice(rows, ROWS_AT_ONCE)):
        with transaction(runtime.sessions) as session:
            add_rows(session, campaign_id, position, chunk)
        position += len(chunk)
    with transaction(runtime.sessions) as session:
        finish_import(session, campaign_id, start=False, actor=ACTOR)
    return campaign_id
