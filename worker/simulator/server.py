"""The listening simulator: `serve` for the command, `running_simulator` for tests and the demo."""

from asyncio import Event, Runner, get_running_loop, sleep
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, nullcontext
from dataclasses import dataclass, field
from os import strerror
from pathlib import Path
from signal import SIGINT, SIGTERM
from time import time

from worker.simulator.access import Access
from worker.simulator.connection import Connection
from worker.simulator.journal import Journal
from worker.simulator.ledger import Ledger
from worker.simulator.plan import Plan
from worker.simulator.routes import Route
from worker.simulator.service import Service

_BACKLOG = 512


class ListenError(Exception):
    """Raised when the address cannot be listened on; one line that names it."""


def _keep_quiet(line: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Options:
    """How a simulator runs. Port 0 takes a free one; `ledger` is the file of the journal; see Service for the rest."""

    host: str = "127.0.0.1"
    port: int = 0
    plan: Plan = ()
    access: Access = field(default_factory=Access)
    ledger: Path | None = None
    strict: bool = False
    language: str = "en"
    clock: Callable[[], float] = time
    tell: Callable[[str], None] = _keep_quiet


@asynccontextmanager
async def listening(options: Options) -> AsyncIterator[tuple[Service, str]]:
    """Listen, and yield the service and the URL to post documents to; on leaving, end every connection.

    Raises: ListenError, JournalError.
    """
    journal = Journal(options.ledger) if options.ledger else None
    with closing(journal) if journal else nullcontext():
        service = Service(
            Ledger(journal), options.access, options.plan, options.strict, options.language, options.clock, options.tell
        )
        connections: set[Connection] = set()
        loop = get_running_loop()
        try:
            server = await loop.create_server(
                lambda: Connection(lambda head: Route(service, head), connections),
                options.host,
                options.port,
                backlog=_BACKLOG,
            )
        except (OSError, OverflowError) as error:
            reason = strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
            raise ListenError(
                f"cannot listen on {options.host}:{options.port}: {reason}; choose another port"
            ) from None
        try:
            port = server.sockets[0].getsockname()[1]
            host = f"[{options.host}]" if ":" in options.host else options.host
            yield service, f"http://{host}:{port}/xml"
        finally:
            server.close()
            for connection in list(connections):
                connection.abort()
            while connections:
                await sleep(0)


def serve(options: Options, announce: Callable[[str], None]) -> None:
    """Run a simulator until SIGTERM or SIGINT; `announce` is called with its URL once it listens.

    Raises: ListenError, JournalError.
    """

    async def run() -> None:
        stopped = Event()
        for signal_number in (SIGTERM, SIGINT):
            get_running_loop().add_signal_handler(signal_number, stopped.set)
        async with listening(options) as (_, url):
            announce(url)
            await stopped.wait()

    with Runner() as runner:
        runner.run(run())
