"""A wire to PostgreSQL that breaks while something is committed: whoever commits is not told whether it happened."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from select import select
from socket import AF_UNIX, create_server, socket
from threading import Thread

from sqlalchemy import make_url


class Wire:
    """Relays connections on loopback to a server's unix socket; `url` is the same database through it."""

    def __init__(self, server_url: str) -> None:
        url = make_url(server_url)
        self._target = str(Path(str(url.query["host"])) / ".s.PGSQL.5432")
        self._listener = create_server(("127.0.0.1", 0))
        self._relays: list[Thread] = []
        self._breaks = self._delivers = self._hears = False
        self._at = b""
        port = self._listener.getsockname()[1]
        query = {"sslmode": "disable", "gssencmode": "disable"}
        self.url = url.set(host="127.0.0.1", port=port, query=query).render_as_string(hide_password=False)
        self._accepting = Thread(target=self._accept)
        self._accepting.start()

    def break_at_commit(self, *, delivers: bool) -> None:
        """Cut the connection at the next commit; `delivers`: the server has done it, only its answer is lost."""
        self.break_at(b"COMMIT", delivers=delivers)

    def break_at(self, words: bytes, *, delivers: bool, hears: bool = True) -> None:
        """Cut the connection at the next message (of less than 64 KiB) in which a client says these words.

        `hears`: not before the server has answered.
        """
        self._at, self._delivers, self._hears, self._breaks = words, delivers, hears, True

    @property
    def is_broken(self) -> bool:
        """Whether it has been cut."""
        return not self._breaks

    def close(self) -> None:
        """Take no more connections; those that are left end with their clients."""
        with suppress(OSError):
            create_connection_to(self._listener)
        self._accepting.join()
        self._listener.close()
        for relay in self._relays:
            relay.join(10)

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            first = client.recv(65_536)
            if not first:
                client.close()
                return
            self._relays.append(Thread(target=self._relay, args=(client, first)))
            self._relays[-1].start()

    def _relay(self, client: socket, said: bytes) -> None:
        with client, socket(AF_UNIX) as server, suppress(OSError):
            server.connect(self._target)
            server.sendall(said)
            while True:
                for one in select([client, server], [], [])[0]:
                    said = one.recv(65_536)
                    if not said:
                        return
                    if one is client and self._breaks and self._at in said:
                        self._breaks = False
                        if self._delivers:
                            server.sendall(said)
                            if self._hears:
                                server.recv(65_536)
                        return
                    (server if one is client else client).sendall(said)


def create_connection_to(listener: socket) -> None:
    """Connect and say nothing: the listener's thread ends."""
    with socket() as nobody:
        nobody.connect(listener.getsockname())


@contextmanager
def wire_to(server_url: str) -> Iterator[Wire]:
    """Run a wire for the length of the block."""
    wire = Wire(server_url)
    try:
        yield wire
    finally:
        wire.close()
