"""How long one urgent message takes on an idle system, from being asked for to its POST, by each door."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from worker.bench.doors import Door, broker_door, command_door, http_door, sql_door
from worker.bench.finding import Finding, Judged, Table, Tell
from worker.bench.gateway import Gateway, Stuck, running_sink
from worker.bench.order import Order
from worker.bench.programs import programs_of, set_up_account, stuck, variables_of
from worker.bench.stage import Stage, open_stage
from worker.bench.statistics import spread
from worker.clock import pause
from worker.drill.program import BULKPOST, Program
from worker.installing import prepare_database
from worker.private_servers import free_port
from worker.runtime import open_runtime
from worker.settings import load_settings

MOST_MILLISECONDS = 100.0
TICK_MILLISECONDS = 1_000.0
"""The default of BULKPOST_TICK_SECONDS: who cannot wake waits for the next tick."""
PATIENCE_SECONDS = 60.0
WARM_UPS = 4
"""By the first door: connections are open then, as in a system of yesterday."""
COLUMNS = ("", "median ms", "min", "max")
TEMPLATE = "urgent"


@dataclass(frozen=True, slots=True)
class Latency:
    """What one door took, message by message."""

    door: str
    wakes: bool
    milliseconds: Sequence[float]


@dataclass(frozen=True, slots=True)
class Urgent:
    """So many messages by every door: workers with beat, then `bulkpost up --web`."""

    messages: int = 10

    def run(self, tell: Tell, logs: Path | None) -> Finding:
        """Measure every door. Raises: NoServer, NoProgram, Stuck."""
        found = []
        for embedded in (False, True):
            where = "bulkpost up on SQLite" if embedded else "PostgreSQL, Redis, workers and beat"
            tell(f"{self.messages} urgent messages by each door: {where}")
            with open_stage(embedded=embedded, logs=logs) as stage, idle_system(stage) as idle:
                idle.measure(idle.doors[0], WARM_UPS)
                for door in idle.doors:
                    found.append(idle.measure(door, self.messages))
                    tell(f"  {door.name}: {spread(found[-1].milliseconds).median:.0f} ms")
        return shown(found)


def shown(found: Sequence[Latency]) -> Finding:
    """Return the doors as a table and figures."""
    rows, figures, bounds = [], [], []
    for one in found:
        took = spread(one.milliseconds)
        rows.append((one.door, *(f"{value:,.0f}" for value in (took.median, took.minimum, took.maximum))))
        each = [round(value, 1) for value in one.milliseconds]
        figures.append({"door": one.door, "wakes": one.wakes, "median_ms": round(took.median, 1), "rounds": each})
        most = MOST_MILLISECONDS if one.wakes else TICK_MILLISECONDS
        bounds.append(Judged("milliseconds of an urgent message", most, took.median, one.door, at_most=True))
    title = f"An urgent message on an idle system, from being asked for to its POST; median of {len(each)}"
    return Finding("urgent", [Table(title, COLUMNS, rows)], figures, bounds)


@dataclass(frozen=True, slots=True)
class Idle:
    """The product with nothing to do."""

    gateway: Gateway
    programs: Sequence[Program]
    doors: Sequence[Door]

    def measure(self, door: Door, messages: int) -> Latency:
        """Send so many urgent messages. Raises: Stuck."""
        took = []
        for number in range(messages):
            # Longer than a tick, so that nothing is left to do; and each time at another moment between two ticks.
            pause(1.0 + (number * 0.37) % 1.0)
            wanted = self.gateway.counters()["recipients"] + 1
            asked_at = door.ask()
            try:
                self.gateway.await_recipients(wanted, PATIENCE_SECONDS)
            except Stuck:
                raise stuck(f"a message by {door.name} has not been posted", self.programs) from None
            took.append((self.gateway.last_at() - door.counts_from(asked_at)).total_seconds() * 1000)
        return Latency(door.name, door.wakes, took)


@contextmanager
def idle_system(stage: Stage) -> Iterator[Idle]:
    """Run the product with every door, and nothing to do."""
    stage.databases.fill(TEMPLATE, _prepare)
    embedded, port = stage.redis is None, free_port()
    order = Order(embedded=embedded, processes=1 if embedded else 2)
    with ExitStack() as stack:
        url = stack.enter_context(stage.databases.copied(TEMPLATE))
        gateway = stack.enter_context(running_sink(0, stage.folder))
        variables = variables_of(stage, url)
        runtime = stack.enter_context(closing(open_runtime(load_settings(variables, log_level="CRITICAL"))))
        set_up_account(runtime, order, gateway)
        door = ("up", "--web") if embedded else ("web", "--port")
        programs = [] if embedded else programs_of(order, variables, stage)
        programs.append(Program(door[0], (*BULKPOST, *door, str(port)), variables, stage.folder))
        for program in programs:
            stack.callback(program.end)
            program.start()
        if stage.redis is None:
            yield Idle(gateway, programs, [stack.enter_context(http_door("HTTP, up --web", runtime, port))])
            return
        doors = [
            stack.enter_context(http_door("HTTP", runtime, port)),
            stack.enter_context(command_door(runtime, variables, stage.folder)),
            stack.enter_context(broker_door(stage.redis.url)),
            sql_door(runtime),
        ]
        yield Idle(gateway, programs, doors)


def _prepare(url: str) -> None:
    with closing(open_runtime(load_settings({}, database_url=url, log_level="CRITICAL"))) as runtime:
        prepare_database(runtime)
