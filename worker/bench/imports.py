"""Our import of a CSV file beside a bare one, in turn on copies of one empty database, each in a process of its own.

A list is a million people by default: different numbers in no order, as lists are, with names and references.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from csv import writer
from os import getpid
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

from migrations.walk import upgrade
from models.content import Sms
from models.ledger.install import install
from models.session import open_engine, open_sessions, transaction
from worker.bench.alone import run_alone
from worker.bench.bare_imports import bare_import
from worker.bench.databases import Databases, PostgresDatabases, SqliteDatabases
from worker.bench.metering import Meter, peak_mib
from worker.importer import import_list
from worker.intake import RejectedRows, open_list
from worker.list_reader import Mailing
from worker.private_servers import private_postgres

Figures = dict[str, float]
_TEMPLATE = "imports"


def measure_imports(
    row_count: int = 1_000_000, rounds: int = 3, *, phones_only: bool = False, sqlite: bool = False
) -> list[Figures]:
    """Return the figures of each round: seconds, CPU seconds, peak MiB of either import, and the ratios.

    `bare_cpu_seconds` and `our_cpu_seconds` are the process's and the server's together. Raises: NoServer.
    """
    with (
        TemporaryDirectory(prefix="bulkpost-imports-") as folder,
        _databases(Path(folder), sqlite) as (databases, pids),
    ):
        path = write_list(Path(folder) / "list.csv", row_count, phones_only=phones_only)
        databases.fill(_TEMPLATE, _prepare)
        return [_round(databases, pids, path, row_count, phones_only) for _ in range(rounds)]


def write_list(path: Path, row_count: int, *, phones_only: bool) -> Path:
    """Write a list of Russian mobile numbers, each once."""
    numbers = Random(row_count).sample(range(79_000_000_000, 80_000_000_000), row_count)
    with path.open("w", encoding="utf-8", newline="") as file:
        write = writer(file).writerow
        write(("phone",) if phones_only else ("phone", "name", "ref"))
        for place, number in enumerate(numbers):
            write((number,) if phones_only else (number, f"Имя {place % 5_000}", f"order-{place}"))
    return path


@contextmanager
def _databases(folder: Path, sqlite: bool) -> Iterator[tuple[Databases, list[int]]]:
    if sqlite:
        yield SqliteDatabases(folder), []
        return
    with private_postgres({"shared_buffers": "512MB", "max_wal_size": "8GB"}) as server:
        yield PostgresDatabases(server.url), [server.pid]


def _prepare(url: str) -> None:
    engine = open_engine(url)
    upgrade(engine)
    with transaction(open_sessions(engine)) as session:
        install(session, environment="development", gateway_url="http://127.0.0.1:9/xml")
    engine.dispose()


def _round(databases: Databases, servers: list[int], path: Path, row_count: int, phones_only: bool) -> Figures:
    figures: Figures = {}
    for name in ("bare", "our"):
        with databases.copied(_TEMPLATE) as url:
            meter = Meter({"servers": servers})
            seconds, cpu, peak = run_alone(_measured, name, url, path, row_count, phones_only)
            figures[f"{name}_seconds"] = seconds
            figures[f"{name}_cpu_seconds"] = cpu + meter.read()["servers"]
            figures[f"{name}_peak_mib"] = peak
    figures["ratio"] = figures["our_seconds"] / figures["bare_seconds"]
    figures["cpu_ratio"] = figures["our_cpu_seconds"] / figures["bare_cpu_seconds"]
    return figures


def _measured(name: str, url: str, path: Path, row_count: int, phones_only: bool) -> tuple[float, float, float]:
    """Import once; return seconds, CPU seconds and peak MiB of this process."""
    began, used = perf_counter(), process_time()
    if name == "bare":
        bare_import(url)(url, path, phones_only=phones_only)
    else:
        _our_import(url, path, row_count, phones_only)
    return perf_counter() - began, process_time() - used, peak_mib(getpid())


def _our_import(url: str, path: Path, row_count: int, phones_only: bool) -> None:
    engine = open_engine(url)
    content = Sms(sender="Shop", text="Hello" if phones_only else "Hello {name}")
    with open_list(path, ref_column=None if phones_only else "ref") as rows, RejectedRows(path) as refused:
        done = import_list(open_sessions(engine), Mailing(content, "default", "bench"), rows, refused)
    engine.dispose()
    assert (done.total_count, refused.count) == (row_count, 0), "everybody of the list can be sent to"
