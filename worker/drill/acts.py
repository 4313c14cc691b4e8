"""How each deed is done, and undone. An act does its harm, yields what it did to whom, and then mends it."""

import os
from collections.abc import Callable, Generator
from contextlib import suppress
from signal import SIGCONT, SIGKILL, SIGSTOP

from worker.drill.plan import Deed
from worker.drill.posting import freeze_poster
from worker.drill.program import Program
from worker.drill.stage import Stage
from worker.private_servers import PrivatePostgres, PrivateRedis

Act = Generator[str, None, None]
NOBODY = "nobody posted, so nobody was hit"


def _kill_worker(stage: Stage, pick: int) -> Act:
    yield from _kill(stage.workers[pick % len(stage.workers)])


def _kill_beat(stage: Stage, pick: int) -> Act:
    yield from _kill(stage.beats[pick % len(stage.beats)])


def _kill(program: Program) -> Act:
    pid = program.pid
    program.kill()
    yield f"killed {program.name} (pid {pid})"
    program.start()


def _kill_child(stage: Stage, pick: int) -> Act:
    pid = freeze_poster(stage, pick)
    if pid is not None:
        os.kill(pid, SIGKILL)
    yield NOBODY if pid is None else f"killed pool child {pid} during its POST"


def _stall_child(stage: Stage, pick: int) -> Act:
    pid = freeze_poster(stage, pick)
    yield NOBODY if pid is None else f"stalled {pid} during its POST, until its lease is lost"
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, SIGCONT)


def _flush_broker(stage: Stage, _pick: int) -> Act:
    _redis(stage).forget()
    yield "FLUSHALL: lost every broker message"


def _restart_broker(stage: Stage, _pick: int) -> Act:
    redis = _redis(stage)
    pid = redis.pid
    redis.kill()
    yield f"killed Redis (pid {pid}); it comes back empty"
    redis.start()


def _freeze_broker(stage: Stage, _pick: int) -> Act:
    pid = _redis(stage).pid
    os.kill(pid, SIGSTOP)
    yield f"froze Redis (pid {pid})"
    os.kill(pid, SIGCONT)


def _half_open_broker(stage: Stage, _pick: int) -> Act:
    assert stage.proxy is not None, "a drill with a broker has a proxy"
    yield f"half opened {stage.proxy.swallow()} connections to Redis"
    stage.proxy.let_through()


def _restart_database(stage: Stage, _pick: int) -> Act:
    postgres = _postgres(stage)
    pid = postgres.pid
    postgres.kill()
    yield f"killed PostgreSQL with all its connections (pid {pid})"
    postgres.start()


def _redis(stage: Stage) -> PrivateRedis:
    assert stage.redis is not None, "a deed to Redis needs one"
    return stage.redis


def _postgres(stage: Stage) -> PrivatePostgres:
    assert stage.postgres is not None, "a deed to PostgreSQL needs one"
    return stage.postgres


ACTS: dict[Deed, Callable[[Stage, int], Act]] = {
    Deed.KILL_WORKER: _kill_worker,
    Deed.KILL_CHILD: _kill_child,
    Deed.STALL_CHILD: _stall_child,
    Deed.KILL_BEAT: _kill_beat,
    Deed.FLUSH_BROKER: _flush_broker,
    Deed.RESTART_BROKER: _restart_broker,
    Deed.FREEZE_BROKER: _freeze_broker,
    Deed.HALF_OPEN_BROKER: _half_open_broker,
    Deed.RESTART_DATABASE: _restart_database,
}
