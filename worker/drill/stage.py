"""Everything that a drill runs: servers, the proxy, the simulator, workers and beats, in a folder of their own."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from json import dumps
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.exc import SQLAlchemyError

from models.content import Sms
from models.ledger.control import set_account
from models.ledger.enqueue import Recipient, enqueue_campaign
from models.ledger.report import show
from models.session import reading, transaction
from worker.drill.order import Order
from worker.drill.program import BULKPOST, CELERY, Program
from worker.drill.proxy import Proxy, running_proxy
from worker.gateway.double import read_counters
from worker.installing import prepare_database
from worker.private_servers import PrivatePostgres, PrivateRedis, private_postgres, private_redis
from worker.runtime import Runtime, open_runtime
from worker.settings import load_settings

FIRST_PHONE = 79030000001
CELERY_WORKER = ("--pool=prefork", "--without-gossip", "--without-mingle")


@dataclass
class Stage:
    """What is there to be broken. `runtime` is the drill's own look at the database."""

    order: Order
    folder: Path
    gateway_url: str
    variables: dict[str, str]
    runtime: Runtime
    campaign_id: int
    postgres: PrivatePostgres | None = None
    redis: PrivateRedis | None = None
    proxy: Proxy | None = None
    workers: list[Program] = field(default_factory=list)
    beats: list[Program] = field(default_factory=list)

    @property
    def gateway_port(self) -> int:
        """The simulator's port."""
        return urlsplit(self.gateway_url).port or 0

    @property
    def programs(self) -> list[Program]:
        """Workers and beats."""
        return [*self.workers, *self.beats]

    def counters(self) -> dict[str, int]:
        """Return what the simulator has counted."""
        return read_counters(self.gateway_url)

    def show(self) -> dict[str, Any] | None:
        """Return the campaign, or None while the database is away."""
        try:
            with reading(self.runtime.sessions) as session:
                return show(session, self.campaign_id)
        except SQLAlchemyError:
            return None


@contextmanager
def open_stage(order: Order, folder: Path) -> Iterator[Stage]:
    """Start everything and leave a campaign ready to be sent; at the end of the block no process is left.

    Raises:
        NoServer, NoProgram: something did not start.
    """
    with ExitStack() as stack:
        postgres = redis = proxy = None
        if not order.on_sqlite:
            # A drill is short: no background writing may decide how long it takes.
            postgres = stack.enter_context(private_postgres({"autovacuum": "off"}))
        if not order.embedded:
            redis = stack.enter_context(private_redis())
            proxy = stack.enter_context(running_proxy(redis.port))
        variables = order.variables(
            postgres.url if postgres is not None else f"sqlite:///{folder / 'bulkpost.db'}",
            f"redis://127.0.0.1:{proxy.port}/0" if proxy is not None else None,
        )
        gateway_url = _start_simulator(stack, order, folder)
        # Only these variables are read: nothing can reach a real gateway.
        runtime = open_runtime(load_settings(variables, log_level="CRITICAL"))
        stack.callback(runtime.close)
        campaign_id = _prepare(order, runtime, gateway_url)
        stage = Stage(order, folder, gateway_url, variables, runtime, campaign_id, postgres, redis, proxy)
        _add_programs(stage)
        for program in stage.programs:
            stack.callback(program.end)
            program.start()
        yield stage


@contextmanager
def a_folder(kept: Path | None) -> Iterator[Path]:
    """Give the folder for databases and logs: `kept`, or one that is thrown away."""
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept.resolve()
        return
    with TemporaryDirectory(prefix="bulkpost-drill-", ignore_cleanup_errors=True) as made:
        yield Path(made)


def _start_simulator(stack: ExitStack, order: Order, folder: Path) -> str:
    (folder / "faults.json").write_text(dumps(order.gateway_plan()), encoding="utf-8")
    command = (*BULKPOST, "simulator", "--port", "0", "--faults", "faults.json")
    simulator = Program("simulator", command, {}, folder)
    stack.callback(simulator.end)
    return simulator.start(says="simulator listening on ")


def _prepare(order: Order, runtime: Runtime, gateway_url: str) -> int:
    prepare_database(runtime)
    account = {"gateway_url": gateway_url, "batch_size": order.batch_size, "max_parallel": order.max_parallel}
    everybody = (
        Recipient(phone=str(FIRST_PHONE + number), variables={"name": f"Name {number + 1}"})
        for number in range(order.recipient_count)
    )
    with transaction(runtime.sessions) as session:
        set_account(session, "default", account, actor="drill")
        content = Sms(sender="Drill", text="Hello {name}")
        return enqueue_campaign(session, content=content, recipients=everybody, actor="drill")


def _add_programs(stage: Stage) -> None:
    order, variables, folder = stage.order, stage.variables, stage.folder
    if order.embedded:
        for number in range(1, order.worker_count + 1):
            stage.workers.append(Program(f"up {number}", (*BULKPOST, "up"), variables, folder))
        return
    for number in range(1, order.worker_count + 1):
        own = (f"--concurrency={order.child_count}", f"--hostname=w{number}@%h")
        command = [*CELERY, "-A", order.application, "worker", *CELERY_WORKER, *own]
        stage.workers.append(Program(f"worker {number}", command, variables, folder))
    for number in range(1, order.beat_count + 1):
        command = [*CELERY, "-A", order.application, "beat", f"--schedule={folder / f'beat-{number}'}"]
        stage.beats.append(Program(f"beat {number}", command, variables, folder))
