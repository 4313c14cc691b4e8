"""Starts throw-away PostgreSQL and Redis servers: for the tests, the crash drill and the benchmark.

Knows where Debian keeps the binaries and that PostgreSQL refuses to run as root. Reads no setting and touches no server
that it did not start. Everything lives in one temporary directory per server, which goes with it.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from os import geteuid, kill
from pathlib import Path
from pwd import getpwnam
from shutil import chown, which
from signal import SIGINT, SIGKILL, SIGTERM, Signals
from socket import socket
from subprocess import STDOUT, Popen, TimeoutExpired, run
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import TypedDict

from psycopg import OperationalError, connect
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from worker.errors import DispatchError

START_SECONDS = 30.0
STOP_SECONDS = 30.0
POLL_SECONDS = 0.02
POSTGRES_USER = "postgres"
# The caller's locale, time zone, PGOPTIONS and the like stay out.
CLEAN_ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/bin:/bin"}


class NoServer(DispatchError):
    """Raised when a server's binary is missing, or when it does not start; the message ends with what it last said."""


class PrivateServer(ABC):
    """One server process in a directory of its own; `url` and the stored rows survive `kill` and `restart`.

    Where `setpriv` exists the server also dies with the thread that started it, even if that is killed.
    """

    name: str
    url: str
    stop_signal: Signals = SIGTERM
    orphan_signal: Signals = SIGKILL
    user: str | None = None

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._log = directory / "log"
        self._server: Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The server's main process. Raises: NoServer when it is not running."""
        if self._server is None:
            raise NoServer(f"{self.name} is not running")
        return self._server.pid

    def start(self) -> None:
        """Start the server and return when it answers. Raises: NoServer."""
        if self._server is not None:
            return
        with self._log.open("ab") as log:
            self._server = Popen(
                [*_tied_to_us(self.orphan_signal), *self._command()],
                cwd=self.directory,
                env=CLEAN_ENVIRONMENT,
                stdout=log,
                stderr=STDOUT,
                start_new_session=True,  # Ctrl-C is for us; we stop the server afterwards
                **_identity(self.user),
            )
        try:
            self._await_answer()
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Stop the server in good order; kill it when that takes too long. Harmless when it is not running."""
        if self._server is None:
            return
        self._server.send_signal(self.stop_signal)
        try:
            self._server.wait(STOP_SECONDS)
        except TimeoutExpired:
            self.kill()
        self._server = None

    def kill(self) -> None:
        """Kill the server as a power cut would, its children too. Harmless when it is not running."""
        if self._server is None:
            return
        children = _children(self._server.pid)
        self._server.kill()
        self._server.wait()
        for child in children:
            _kill_quietly(child)
        self._server = None

    def restart(self) -> None:
        """Stop the server if it runs, and start it on the same rows under the same `url`."""
        self.stop()
        self.start()

    def _await_answer(self) -> None:
        deadline = monotonic() + START_SECONDS
        while not self._answers():
            if self._server is not None and self._server.poll() is not None:
                raise NoServer(f"{self.name} ended while starting: {self._last_words()}")
            if monotonic() > deadline:
                raise NoServer(f"{self.name} gave no answer for {START_SECONDS:.0f} s: {self._last_words()}")
            sleep(POLL_SECONDS)

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").split("\n")
        return " | ".join(line.strip() for line in lines[-6:] if line.strip())

    @abstractmethod
    def _command(self) -> list[str]: ...

    @abstractmethod
    def _answers(self) -> bool: ...


class PrivatePostgres(PrivateServer):
    """A PostgreSQL cluster that listens on a unix socket only; `url` is in SQLAlchemy's form."""

    name = "PostgreSQL"
    stop_signal = SIGINT  # "fast": does not wait for clients to leave
    orphan_signal = SIGINT

    def __init__(self, directory: Path, settings: Mapping[str, str]) -> None:
        super().__init__(directory)
        self._programs = _postgres_programs()
        self._settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(directory),
            # Rows outlive a kill of the server, not of the machine. synchronous_commit stays on, or a kill would take
            # committed rows with it, other than the usual answers (decision 18).
            "fsync": "off",
            "max_connections": "200",
            **settings,
        }
        self.user = _postgres_user()
        self.url = f"postgresql+psycopg://{POSTGRES_USER}@/postgres?host={directory}"
        self._make_cluster()

    def _make_cluster(self) -> None:
        if self.user is not None:
            chown(self.directory, self.user)
        made = run(
            [str(self._programs / "initdb"), "--pgdata", str(self.directory / "rows"), "--username", POSTGRES_USER]
            + ["--auth", "trust", "--no-sync", "--encoding", "UTF8", "--locale", "C"],
            check=False,
            cwd=self.directory,
            env=CLEAN_ENVIRONMENT,
            capture_output=True,
            text=True,
            **_identity(self.user),
        )
        if made.returncode != 0:
            raise NoServer(f"PostgreSQL's initdb failed: {' '.join(made.stderr.split())}")

    def _command(self) -> list[str]:
        settings = [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]
        return [str(self._programs / "postgres"), "-D", str(self.directory / "rows"), *settings]

    def _answers(self) -> bool:
        try:
            connect(f"host={self.directory} user={POSTGRES_USER} dbname=postgres").close()
        except OperationalError:
            return False
        return True


class PrivateRedis(PrivateServer):
    """A Redis that listens on a free loopback port and writes nothing to disk unless `settings` say so."""

    name = "Redis"

    def __init__(self, directory: Path, settings: Mapping[str, str]) -> None:
        super().__init__(directory)
        self._program = which("redis-server")
        if self._program is None:
            raise NoServer("no redis-server on this machine; install it (Debian: apt-get install redis-server)")
        self._port = free_port()
        self._settings = {"save": "", "appendonly": "no", "maxmemory-policy": "noeviction", **settings}
        self.url = f"redis://127.0.0.1:{self._port}/0"

    @property
    def port(self) -> int:
        """The loopback port it listens on."""
        return self._port

    def forget(self) -> None:
        """Lose every key, as FLUSHALL does."""
        with Redis(port=self._port) as client:
            client.flushall()

    def _command(self) -> list[str]:
        settings = [word for name, value in self._settings.items() for word in (f"--{name}", value)]
        where = ["--bind", "127.0.0.1", "--port", str(self._port), "--dir", str(self.directory)]
        return [str(self._program), *where, *settings]

    def _answers(self) -> bool:
        with Redis(port=self._port) as client:
            try:
                # Another process may have taken the port meanwhile; its Redis is not ours.
                return bool(client.info("server")["process_id"] == self.pid)
            except RedisConnectionError:
                return False


@contextmanager
def private_postgres(settings: Mapping[str, str] | None = None) -> Iterator[PrivatePostgres]:
    """Run a PostgreSQL for the length of the block, with `settings` of postgresql.conf. Raises: NoServer."""
    with TemporaryDirectory(prefix="bulkpost-postgres-", ignore_cleanup_errors=True) as directory:
        server = PrivatePostgres(Path(directory), settings or {})
        try:
            server.start()
            yield server
        finally:
            server.stop()


@contextmanager
def private_redis(settings: Mapping[str, str] | None = None) -> Iterator[PrivateRedis]:
    """Run a Redis for the length of the block, with `settings` of redis.conf. Raises: NoServer."""
    with TemporaryDirectory(prefix="bulkpost-redis-", ignore_cleanup_errors=True) as directory:
        server = PrivateRedis(Path(directory), settings or {})
        try:
            server.start()
            yield server
        finally:
            server.stop()


class _Identity(TypedDict):
    user: str | None
    group: str | None
    extra_groups: list[str] | None


def _identity(user: str | None) -> _Identity:
    return {"user": user, "group": user, "extra_groups": None if user is None else []}


def _postgres_user() -> str | None:
    if geteuid() != 0:
        return None
    try:
        return getpwnam(POSTGRES_USER).pw_name
    except KeyError:
        raise NoServer(
            f"PostgreSQL refuses to run as root and there is no OS user {POSTGRES_USER!r}; create it, or do not be root"
        ) from None


def _postgres_programs() -> Path:
    """Return the folder of the newest PostgreSQL; Debian keeps it off the PATH. Raises: NoServer."""
    folders = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if folders:
        return max(folders, key=lambda folder: int(folder.parent.name))
    found = which("initdb")
    if found is None:
        raise NoServer("no PostgreSQL server on this machine; install it (Debian: apt-get install postgresql)")
    return Path(found).resolve().parent


def _tied_to_us(signal: Signals) -> list[str]:
    """Return the prefix of a command line that makes the kernel send `signal` when the starting thread dies."""
    setpriv = which("setpriv")
    return [] if setpriv is None else [setpriv, "--pdeathsig", signal.name.removeprefix("SIG")]


def _children(pid: int) -> list[int]:
    """Return the direct children of a process, where /proc tells (Linux)."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def _kill_quietly(pid: int) -> None:
    with suppress(ProcessLookupError):
        kill(pid, SIGKILL)


def free_port() -> int:
    """Return a loopback port that nobody listens on at this moment."""
    with socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port
