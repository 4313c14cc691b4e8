"""A run of the product as it is in production: workers and beat, or `bulkpost up`, each a process of its own.

The campaign lies ready as a draft. Workers and beat are started, send a small campaign first, and are idle again; then
the clock begins with the draft's start, and ends when the result of the last recipient is committed.
"""

from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any

from models.ledger.control import start_campaign
from models.ledger.report import show
from models.session import reading, transaction
from worker.bench.gateway import Gateway, Stuck, running_sink
from worker.bench.metering import Meter, peak_mib
from worker.bench.order import PRODUCT, Order
from worker.bench.product_list import ACTOR, MEASURED, WARM_UP, fill, template_of, warm_up_count
from worker.bench.programs import programs_of, set_up_account, stuck, variables_of, waker
from worker.bench.sample import Sample, WrongRun, check_counts
from worker.bench.stage import Stage
from worker.clock import monotonic, pause
from worker.drill.program import Program
from worker.proof import prove
from worker.runtime import Runtime, open_runtime
from worker.settings import load_settings
from worker.wake import Wake

EMBEDDED_TICK = {"BULKPOST_TICK_SECONDS": "0.25"}
"""`up` hears of another process's work by its tick alone: one of a second would be a third of a short run."""
IDLE_SECONDS = 1.0
START_SECONDS = 60.0
LONGEST_SECONDS = 1800.0
POLL_SECONDS = 0.005


def run_product(stage: Stage, order: Order) -> Sample:
    """Send the list once. Raises: NoProgram, Stuck, WrongRun."""
    stage.databases.fill(template_of(order), lambda url: fill(url, order))
    with ExitStack() as stack:
        url = stack.enter_context(stage.databases.copied(template_of(order)))
        gateway = stack.enter_context(running_sink(order.latency_ms, stage.folder))
        variables = {**variables_of(stage, url), **(EMBEDDED_TICK if order.embedded else {})}
        runtime = stack.enter_context(closing(open_runtime(load_settings(variables, log_level="CRITICAL"))))
        set_up_account(runtime, order, gateway)
        programs = programs_of(order, variables, stage)
        for program in programs:
            stack.callback(program.end)
            program.start()
        run = _Run(runtime, gateway, programs, waker(stage, runtime, stack))
        run.send(WARM_UP, warm_up_count(order), START_SECONDS)
        run.await_end(WARM_UP)
        pause(IDLE_SECONDS)
        before = gateway.counters()["recipients"]
        meter = Meter({"workers": [program.pid for program in programs], **stage.servers, "gateway": [gateway.pid]})
        seconds = run.send(MEASURED, before + order.recipients, LONGEST_SECONDS)
        sample = Sample(order.recipients, seconds, meter.read(), max(peak_mib(one.pid) for one in programs))
        run.await_end(MEASURED)
        for program in programs:
            program.end()
        stage.databases.analyse(url)
        run.check(order, gateway.counters()["recipients"] - before)
    return sample


@dataclass(frozen=True)
class _Run:
    runtime: Runtime
    gateway: Gateway
    programs: Sequence[Program]
    wake: Wake | None

    def send(self, campaign_id: int, arrivals: int, patience_seconds: float) -> float:
        """Start a draft, as every door does it, and return the seconds until nobody is pending. Raises: Stuck."""
        began = monotonic()
        with transaction(self.runtime.sessions) as session:
            start_campaign(session, campaign_id, actor=ACTOR)
        if self.wake is not None and not self.wake.tick():
            raise Stuck("Redis did not take the tick that starts the campaign")
        try:
            # The gateway tells when the last one has arrived, so that nobody asks the database before.
            self.gateway.await_recipients(arrivals, patience_seconds)
        except Stuck as error:
            raise stuck(str(error), self.programs) from None
        while self._shown(campaign_id)["counts"]["pending"]:
            if monotonic() - began > patience_seconds:
                raise stuck(f"campaign {campaign_id} does not come to its end", self.programs)
            pause(POLL_SECONDS)
        return monotonic() - began

    def await_end(self, campaign_id: int) -> None:
        """Return when the campaign is finished. Raises: Stuck."""
        deadline = monotonic() + START_SECONDS
        while self._shown(campaign_id)["status"] != "finished":
            if monotonic() > deadline:
                raise stuck(f"campaign {campaign_id} does not finish", self.programs)
            pause(POLL_SECONDS * 10)

    def check(self, order: Order, arrived: int) -> None:
        """Refuse a run that has not done exactly what it should. Raises: WrongRun."""
        found = {**self._shown(MEASURED)["counts"], "arrived": arrived}
        check_counts(PRODUCT, dict.fromkeys(("total", "accepted", "arrived"), order.recipients), found)
        if breaches := prove(self.runtime.sessions).breaches:
            raise WrongRun(f"the run of the product is void: {breaches[0].promise}: {breaches[0].finding}")

    def _shown(self, campaign_id: int) -> dict[str, Any]:
        with reading(self.runtime.sessions) as session:
            return show(session, campaign_id)
