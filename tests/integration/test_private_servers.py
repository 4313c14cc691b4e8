"""The throw-away servers: what survives a kill, and that nothing of them stays behind."""

from os import waitpid
from pathlib import Path
from shutil import rmtree
from subprocess import PIPE, Popen
from sys import executable
from textwrap import dedent

import pytest
from redis import Redis
from sqlalchemy import Engine, NullPool, create_engine, text
from sqlalchemy.exc import OperationalError

from tests.support.servers import required
from worker import private_servers
from worker.private_servers import NoServer, private_postgres, private_redis

CHECKOUT = Path(__file__).parents[2]


def engine(url: str) -> Engine:
    return create_engine(url, poolclass=NullPool)


def count(url: str) -> int:
    with engine(url).begin() as connection:
        return int(connection.scalar(text("SELECT count(*) FROM kept")) or 0)


def test_committed_rows_survive_a_kill_of_postgres() -> None:
    with required(private_postgres()) as server:
        with engine(server.url).begin() as connection:
            connection.execute(text("CREATE TABLE kept AS SELECT 1"))
        server.kill()
        server.start()
        assert count(server.url) == 1


def test_a_kill_of_postgres_cuts_its_clients_at_once() -> None:
    with required(private_postgres()) as server, engine(server.url).connect() as connection:
        connection.execute(text("SELECT 1"))
        server.kill()
        with pytest.raises(OperationalError):
            connection.execute(text("SELECT 1"))
        connection.invalidate()


def test_postgres_settings_override_the_defaults() -> None:
    settings = {"timezone": "Asia/Kolkata"}
    with required(private_postgres(settings)) as server, engine(server.url).connect() as connection:
        assert connection.scalar(text("SHOW timezone")) == "Asia/Kolkata"


def test_a_wrong_postgres_setting_is_named_in_the_error() -> None:
    with pytest.raises(NoServer, match="no_such_setting"), private_postgres({"no_such_setting": "1"}):
        pass


def test_redis_keeps_its_url_over_a_restart_and_forgets_its_keys() -> None:
    with required(private_redis()) as server, Redis.from_url(server.url) as client:
        client.set("kept", "1")
        server.kill()
        server.start()
        assert client.get("kept") is None


def test_redis_with_append_only_file_remembers_over_a_kill() -> None:
    settings = {"appendonly": "yes", "appendfsync": "always"}
    with required(private_redis(settings)) as server, Redis.from_url(server.url) as client:
        client.set("kept", "1")
        server.kill()
        server.start()
        assert client.get("kept") == b"1"


def test_the_directory_goes_with_the_server() -> None:
    with required(private_redis()) as server:
        directory = server.directory
    assert not directory.exists()


def test_a_missing_binary_is_named_with_its_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private_servers, "which", lambda _: None)
    with pytest.raises(NoServer, match="apt-get install redis-server"), private_redis():
        pass


def test_servers_die_with_a_killed_parent() -> None:
    program = dedent("""
        from worker.private_servers import private_postgres, private_redis

        with private_postgres() as postgres, private_redis() as redis:
            print(postgres.pid, redis.pid, postgres.directory, redis.directory, flush=True)
            input()
    """)
    with Popen([executable, "-c", program], cwd=CHECKOUT, stdin=PIPE, stdout=PIPE, text=True) as parent:
        assert parent.stdout is not None
        *pids, postgres_directory, redis_directory = parent.stdout.readline().split()
        parent.kill()
    for pid in pids:  # ours now, as tests.support.orphans has it; a server that lives on ends in the test's timeout
        waitpid(int(pid), 0)
    rmtree(postgres_directory)
    rmtree(redis_directory)
