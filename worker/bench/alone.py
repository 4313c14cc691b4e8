"""Work in a process of its own, so that its memory and CPU time are its own."""

from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from signal import SIG_BLOCK, SIG_SETMASK, SIGINT, pthread_sigmask
from typing import Any, TypeVar

from worker.drill.program import NoProgram

T = TypeVar("T")


def run_alone(work: Callable[..., T], *arguments: Any) -> T:
    """Return what `work` returns in a new process, which is gone then. Raises: NoProgram when it fails."""
    spawn = get_context("spawn")
    ours, theirs = spawn.Pipe(duplex=False)
    child = spawn.Process(target=_tell, args=(theirs, work, arguments))
    held = pthread_sigmask(SIG_BLOCK, {SIGINT})  # inherited: Ctrl-C is for us, and we end the child
    try:
        child.start()
    finally:
        pthread_sigmask(SIG_SETMASK, held)
    try:
        theirs.close()
        found: T = ours.recv()
        return found
    except EOFError:
        raise NoProgram(f"{work.__name__} failed in a process of its own; what it said stands above") from None
    finally:
        child.kill()
        child.join()
        ours.close()


def _tell(answer: Connection, work: Callable[..., object], arguments: tuple[Any, ...]) -> None:
    answer.send(work(*arguments))
