"""Serving the door: uvicorn on a socket that is bound before anything else begins."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from uvicorn import Config, Server

from web.app import create_app
from web.connections import within
from web.door import Door
from worker.errors import ConfigurationError

DRAIN_SECONDS = 30


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 takes any.

    Raises:
        ConfigurationError: the port is taken, or the host is not ours.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=256)
    except (OSError, OverflowError) as error:
        raise ConfigurationError(
            f"cannot listen on {host} port {port} ({getattr(error, 'strerror', None) or error}): choose another --port"
        ) from None


def serve(door: Door, listening: socket.socket) -> None:
    """Serve until SIGTERM or Ctrl-C; requests that are being answered are finished first."""
    _server(door).run(sockets=[listening])


@contextmanager
def serving(door: Door, listening: socket.socket) -> Iterator[None]:
    """Serve in a thread of its own while the block runs."""
    server = _server(door)
    thread = Thread(target=server.run, kwargs={"sockets": [listening]}, name="web")
    thread.start()
    waiting = Event()
    while not server.started and thread.is_alive():
        waiting.wait(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


def _server(door: Door) -> Server:
    return Server(
        Config(
            create_app(door),
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            http=within(door.limits),
            ws="none",
            timeout_keep_alive=15,
            timeout_graceful_shutdown=DRAIN_SECONDS,
            h11_max_incomplete_event_size=32 * 1024,
        )
    )
