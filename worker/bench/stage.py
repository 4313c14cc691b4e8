"""What all contestants share: the servers, the lists, and a folder that goes at the end."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from worker.bench.databases import Databases, PostgresDatabases, SqliteDatabases
from worker.bench.machine import memory_bytes
from worker.private_servers import PrivatePostgres, PrivateRedis, private_postgres, private_redis

MUCH_MEMORY = 4 * 1024**3


@dataclass(frozen=True)
class Stage:
    """Servers that run, databases to copy, and a folder for logs. SQLite and one process have no servers."""

    folder: Path
    databases: Databases
    postgres: PrivatePostgres | None
    redis: PrivateRedis | None

    @property
    def servers(self) -> dict[str, list[int]]:
        """The groups of processes that serve, for the meter."""
        found = {"database": self.postgres, "Redis": self.redis}
        return {name: [server.pid] for name, server in found.items() if server is not None}


def postgres_settings() -> Mapping[str, str]:
    """Return what is set on PostgreSQL; everything else is its default. Commits are as durable as in production."""
    shared = {"shared_buffers": "1GB"} if memory_bytes() >= MUCH_MEMORY else {}
    return {"fsync": "on", "max_wal_size": "8GB", **shared}


@contextmanager
def open_stage(*, embedded: bool, logs: Path | None = None) -> Iterator[Stage]:
    """Start the servers; at the end of the block no process is left, and no file outside of `logs`.

    Raises: NoServer.
    """
    with ExitStack() as stack:
        own = Path(
            stack.enter_context(TemporaryDirectory(prefix="bulkpost-bench-", ignore_cleanup_errors=True))
        ).resolve()
        folder = own if logs is None else logs.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        if embedded:
            yield Stage(folder, SqliteDatabases(own), None, None)
            return
        postgres = stack.enter_context(private_postgres(postgres_settings()))
        redis = stack.enter_context(private_redis())
        yield Stage(folder, PostgresDatabases(postgres.url), postgres, redis)
