"""A loopback proxy that can swallow bytes: a connection whose other end has gone without a word."""

from asyncio import (
    AbstractEventLoop,
    CancelledError,
    Event,
    Runner,
    StreamReader,
    StreamWriter,
    create_task,
    gather,
    get_running_loop,
    open_connection,
    start_server,
)
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from threading import Thread

CHUNK = 65536


class Proxy:
    """Passes connections on to a port of this host. Its methods may be called from any thread."""

    def __init__(self, port: int) -> None:
        self._to_port = port
        self._swallowing = False
        self._dead: set[StreamWriter] = set()
        """Connections that lost bytes: never again a word to or from them, as the streams are broken."""
        self._open: set[StreamWriter] = set()
        started: Future[tuple[AbstractEventLoop, Event, int]] = Future()
        self._thread = Thread(target=self._run, args=(started,), name="proxy", daemon=True)
        self._thread.start()
        self._loop, self._stopped, self.port = started.result()

    def swallow(self) -> int:
        """Deliver nothing more on any connection, old or new; return how many there are."""
        self._swallowing = True
        self._loop.call_soon_threadsafe(lambda: self._dead.update(self._open))
        return len(self._open)

    def let_through(self) -> None:
        """Deliver again on new connections; those that lost bytes stay dead until their client gives up."""
        self._swallowing = False

    def stop(self) -> None:
        """Close everything."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopped.set)
            self._thread.join()

    def _run(self, started: "Future[tuple[AbstractEventLoop, Event, int]]") -> None:
        async def run() -> None:
            stopped = Event()
            server = await start_server(self._pass_on, "127.0.0.1", 0)
            started.set_result((get_running_loop(), stopped, server.sockets[0].getsockname()[1]))
            await stopped.wait()
            server.close()

        with Runner() as runner:
            runner.run(run())  # its end cancels whatever is still passed on

    async def _pass_on(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._open.add(writer)
        if self._swallowing:
            self._dead.add(writer)
        try:
            to_reader, to_writer = await open_connection("127.0.0.1", self._to_port)
        except OSError:
            writer.close()
            self._open.discard(writer)
            return
        up = create_task(self._pump(reader, to_writer, writer))
        down = create_task(self._pump(to_reader, writer, writer))
        try:
            await up
            down.cancel()
            with suppress(CancelledError):
                await gather(down, return_exceptions=True)
        finally:
            for each in (writer, to_writer):
                each.close()
            self._open.discard(writer)
            self._dead.discard(writer)

    async def _pump(self, reader: StreamReader, to: StreamWriter, connection: StreamWriter) -> None:
        """Pass bytes on until the sender has gone; a dead connection's bytes go nowhere, and its end is not told."""
        with suppress(ConnectionError):
            while received := await reader.read(CHUNK):
                if connection not in self._dead:
                    to.write(received)
                    await to.drain()
        if connection not in self._dead:
            to.close()


@contextmanager
def running_proxy(port: int) -> Iterator[Proxy]:
    """Run a proxy to a port of this host for the length of the block."""
    proxy = Proxy(port)
    try:
        yield proxy
    finally:
        proxy.stop()
