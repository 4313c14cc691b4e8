"""A raw server on loopback that plays one scene per connection, and how a gateway posts to it."""

import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import run
from threading import Event, Thread

import pytest

from worker.core.messages import Exchange
from worker.errors import GatewayError
from worker.gateway.client import Gateway

BODY = b'<?xml version="1.0" encoding="utf-8"?><request><security><token value="secret-token"/></security></request>'
ACCEPTED = b'<response><information number_sms="1" id_sms="7" parts="1">send</information></response>'

Scene = Callable[[socket.socket, "Host"], None]


class Host:
    """A server that plays one scene per connection, in order, and keeps every request it could read."""

    def __init__(self, scenes: list[Scene], context: ssl.SSLContext | None = None) -> None:
        self.requests: list[bytes] = []
        self.connection_count = 0
        self.scene_over = Event()
        self._context = context
        self._scenes = scenes
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._players: list[Thread] = []
        self._thread = Thread(target=self._serve)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"{'https' if self._context else 'http'}://127.0.0.1:{self.port}/xml"

    def _serve(self) -> None:
        for scene in self._scenes:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # stopped, with a scene left that nobody asked for
                return
            self.connection_count += 1
            self._players.append(Thread(target=self._play, args=(scene, connection)))
            self._players[-1].start()

    def _play(self, scene: Scene, connection: socket.socket) -> None:
        with connection, suppress(OSError):  # the client is gone, as some scenes want
            connection.settimeout(30)
            if self._context is None:
                scene(connection, self)
            else:
                with self._context.wrap_socket(connection, server_side=True) as tls:
                    scene(tls, self)
        self.scene_over.set()

    def read_request(self, connection: socket.socket) -> None:
        """Read one request to its end by its Content-Length. Raises: OSError when the client leaves before."""
        received = b""
        while True:
            head, found, body = received.partition(b"\r\n\r\n")
            if found and len(body) >= content_length(head):
                break
            piece = connection.recv(2**16)
            if not piece:
                raise OSError("the client left")
            received += piece
        self.requests.append(received)

    def stop(self) -> None:
        """End the thread, whatever it waits for, once its clients are gone."""
        self.scene_over.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        for player in self._players:
            player.join()
        self._listener.close()


def content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def answer(body: bytes = ACCEPTED, status: str = "200 OK", *headers: str) -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def says(*answers: bytes) -> Scene:
    """One connection on which one request after another gets its answer; then it is closed."""

    def scene(connection: socket.socket, host: Host) -> None:
        for each in answers:
            host.read_request(connection)
            connection.sendall(each)

    return scene


def then_resets(before: Scene) -> Scene:
    def scene(connection: socket.socket, host: Host) -> None:
        before(connection, host)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return scene


def drips(start: bytes, drop: bytes) -> Scene:
    """Answer without end, a drop at a time: each of them in good time for a timeout per read."""

    def scene(connection: socket.socket, host: Host) -> None:
        host.read_request(connection)
        connection.sendall(start)
        pause = Event()
        while True:
            connection.sendall(drop)
            pause.wait(0.02)

    return scene


def waits_for_the_client_to_leave(connection: socket.socket, host: Host) -> None:
    host.read_request(connection)
    while connection.recv(2**16):
        pass


def reads_a_little(connection: socket.socket, _host: Host) -> None:
    connection.recv(10)


def reads_nothing(_connection: socket.socket, host: Host) -> None:
    host.scene_over.wait(30)


def post(gateway: Gateway, url: str, body: bytes = BODY, connect: float = 5, read: float = 5) -> Exchange:
    return gateway.post(url, body, connect_timeout_seconds=connect, read_timeout_seconds=read)


def failure(gateway: Gateway, url: str, body: bytes = BODY, connect: float = 5, read: float = 5) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        post(gateway, url, body, connect, read)
    return caught.value


@contextmanager
def hosts_stopped() -> Iterator[Callable[..., Host]]:
    """Yield what starts a host; stop every one of them at the end."""
    hosts: list[Host] = []

    def start_host(*scenes: Scene, context: ssl.SSLContext | None = None) -> Host:
        hosts.append(Host(list(scenes), context))
        return hosts[-1]

    yield start_host
    for host in hosts:
        host.stop()


def make_certificate(directory: Path) -> Path:
    """Make a certificate for 127.0.0.1 that signs itself, its key beside it."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-keyout", "key.pem", "-out", "certificate.pem"]
    run(command, cwd=directory, check=True, capture_output=True)
    return directory / "certificate.pem"
