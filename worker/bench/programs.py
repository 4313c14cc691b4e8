"""The product's programs as they are in production, and what they are told."""

from collections.abc import Sequence
from contextlib import ExitStack

from celery import Celery

from models.ledger.control import set_account
from models.session import transaction
from worker.bench.gateway import Gateway, Stuck
from worker.bench.order import Order
from worker.bench.product_list import ACTOR
from worker.bench.stage import Stage
from worker.celery import options
from worker.drill.program import BULKPOST, CELERY, Program
from worker.runtime import Runtime
from worker.wake import Wake

CELERY_WORKER = ("-A", "worker", "worker", "--without-gossip", "--without-mingle")


def variables_of(stage: Stage, url: str) -> dict[str, str]:
    """Return all that the product is told: what is not here is its default. Redis is empty then."""
    if stage.redis is None:
        return {"BULKPOST_DATABASE_URL": url}
    stage.redis.forget()
    return {"BULKPOST_DATABASE_URL": url, "BULKPOST_BROKER_URL": stage.redis.url}


def programs_of(order: Order, variables: dict[str, str], stage: Stage) -> list[Program]:
    """Return workers and beat, or `bulkpost up`; none of them runs yet."""
    if order.embedded:
        return [Program("up", (*BULKPOST, "up", "--threads", str(order.up_threads)), variables, stage.folder)]
    if order.threads == 1:
        kinds = [("--pool=prefork", f"--concurrency={order.processes}", "--hostname=prefork@%h")]
    else:
        # A slot more than lanes: for ticks.
        own = ("--pool=threads", f"--concurrency={order.threads + 1}")
        kinds = [(*own, f"--hostname=threads{number}@%h") for number in range(1, order.processes + 1)]
    workers = [
        Program(f"worker {number}", (*CELERY, *CELERY_WORKER, *kind), variables, stage.folder)
        for number, kind in enumerate(kinds, 1)
    ]
    beat = (*CELERY, "-A", "worker", "beat", f"--schedule={stage.folder / 'beat'}")
    return [*workers, Program("beat", beat, variables, stage.folder)]


def set_up_account(runtime: Runtime, order: Order, gateway: Gateway) -> None:
    """Make the account post to the sink, as much at once as was ordered."""
    account = {"gateway_url": gateway.url, "batch_size": order.batch_size, "max_parallel": order.max_parallel}
    with transaction(runtime.sessions) as session:
        set_account(session, "default", account, actor=ACTOR)


def waker(stage: Stage, runtime: Runtime, stack: ExitStack) -> Wake | None:
    """Return what publishes ticks, as doors do; nothing where there is no broker."""
    if stage.redis is None:
        return None
    # One of its own: the house's application would keep its connections to the Redis of an earlier stage.
    app = Celery("bench", set_as_current=False)
    app.conf.update(options(runtime.settings))
    stack.callback(app.close)
    return Wake(app)


def stuck(what: str, programs: Sequence[Program]) -> Stuck:
    """Return what is to be raised when programs do not come to their end: with the last that they said."""
    return Stuck("; ".join([what, *(f"{one.name} last said: {one.last_words()}" for one in programs)]))
