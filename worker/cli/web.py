"""`bulkpost web`: the HTTP door as a process of its own; `bulkpost up --web` has it inside."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Annotated

import typer

from worker.cli.console import note, opened
from worker.cli.waking import waker
from worker.runtime import Runtime, open_runtime
from worker.start import check_database

HOST = "127.0.0.1"
Port = Annotated[int, typer.Option(help="The port to listen on; 0 takes any.", min=0, max=65535)]
Host = Annotated[str, typer.Option(help="The address to listen on; 0.0.0.0 for every network of this host.")]


def web(port: Port = 8000, host: Host = HOST) -> None:
    """Serve the HTTP interface until SIGTERM or Ctrl-C; /docs describes it, and bulkpost key create makes keys.

    Put a proxy with TLS in front of it: keys and numbers travel in it.
    """
    # FastAPI takes a second to import: only this command pays for it.
    from web.door import Door
    from web.serving import bind, serve

    with opened() as runtime:
        check_database(runtime)
        with bind(host, port) as listening:
            note(f"bulkpost web listens on {_address(host, listening.getsockname()[1])}")
            serve(Door(runtime, waker(runtime.settings)), listening)


@contextmanager
def web_beside(runtime: Runtime, port: int | None, host: str) -> Iterator[None]:
    """Serve the HTTP interface while the block runs, with connections of its own; with no port do nothing."""
    if port is None:
        yield
        return
    from web.door import Door
    from web.serving import bind, serving

    # The lanes' connections are not the door's: neither waits for the other's.
    with bind(host, port) as listening, closing(open_runtime(runtime.settings)) as own:
        note(f"bulkpost web listens on {_address(host, listening.getsockname()[1])}")
        with serving(Door(own, waker(runtime.settings, inside=True)), listening):
            yield


def _address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
