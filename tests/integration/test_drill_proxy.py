"""The proxy of the drill: it passes bytes on, swallows them, and never delivers on a connection that lost some."""

from collections.abc import Iterator
from contextlib import closing
from socket import create_connection, create_server, socket
from threading import Thread

import pytest

from worker.drill.proxy import Proxy, running_proxy

SILENCE_SECONDS = 0.2


@pytest.fixture
def echo_port() -> Iterator[int]:
    """A server that answers every byte with the same byte."""

    def answer(connection: socket) -> None:
        with closing(connection), connection:
            while received := connection.recv(100):
                connection.sendall(received)

    def serve(listener: socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            Thread(target=answer, args=(connection,), daemon=True).start()

    with create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        yield int(listener.getsockname()[1])
        listener.shutdown(2)
        thread.join()


@pytest.fixture
def proxy(echo_port: int) -> Iterator[Proxy]:
    """A proxy to the server that answers."""
    with running_proxy(echo_port) as running:
        yield running


def echo(client: socket) -> bytes:
    client.sendall(b"a")
    return client.recv(1)


def hears_nothing(client: socket) -> bool:
    client.settimeout(SILENCE_SECONDS)
    client.sendall(b"b")
    try:
        client.recv(1)
    except TimeoutError:
        return True
    return False


def test_bytes_pass_both_ways(proxy: Proxy) -> None:
    with create_connection(("127.0.0.1", proxy.port), timeout=5) as client:
        assert echo(client) == b"a"


def test_half_open_connection_stays_silent_and_a_new_one_works(proxy: Proxy) -> None:
    with create_connection(("127.0.0.1", proxy.port), timeout=5) as old:
        assert echo(old) == b"a"
        assert proxy.swallow() == 1
        with create_connection(("127.0.0.1", proxy.port), timeout=5) as during:
            assert hears_nothing(during)
            proxy.let_through()
            assert hears_nothing(old)
            assert hears_nothing(during)
        with create_connection(("127.0.0.1", proxy.port), timeout=5) as new:
            assert echo(new) == b"a"


def test_port_where_nobody_listens_closes_the_connection() -> None:
    with socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with (
            running_proxy(taken.getsockname()[1]) as proxy,
            create_connection(("127.0.0.1", proxy.port), timeout=5) as client,
        ):
            assert client.recv(1) == b""
