"""The bare imports that ours is measured against: `csv.reader` into the same table, and nothing checked."""

import sqlite3
from collections.abc import Callable
from csv import reader
from itertools import islice
from pathlib import Path

import psycopg

from worker.bench.databases import libpq_url, sqlite_path

LINES_AT_ONCE = 5_000
_COPY = "COPY bulkpost_recipients (campaign_id, position, msisdn, values_json, ref) FROM STDIN"
_INSERT = "INSERT INTO bulkpost_recipients (campaign_id, position, msisdn, values_json, ref) VALUES (1, ?, ?, ?, ?)"


def copy_rows(url: str, path: Path, *, phones_only: bool) -> None:
    """Feed COPY with lines of text, in one transaction."""
    with psycopg.connect(libpq_url(url)) as connection, path.open(encoding="utf-8", newline="") as file:
        rows = enumerate(islice(reader(file), 1, None), 1)
        if phones_only:
            lines = (f"1\t{position}\t{phone}\t\\N\t\\N\n" for position, (phone,) in rows)
        else:
            lines = (f"1\t{position}\t{phone}\t{name}\t{ref}\n" for position, (phone, name, ref) in rows)
        with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
            while some := "".join(islice(lines, LINES_AT_ONCE)):
                copy.write(some)


def insert_rows(url: str, path: Path, *, phones_only: bool) -> None:
    """Feed one `executemany`, in one transaction."""
    connection = sqlite3.connect(sqlite_path(url))
    with path.open(encoding="utf-8", newline="") as file:
        rows = enumerate(islice(reader(file), 1, None), 1)
        nothing = (None, None) if phones_only else ()
        connection.executemany(_INSERT, ((position, *row, *nothing) for position, row in rows))
    connection.commit()
    connection.close()


def bare_import(url: str) -> Callable[..., None]:
    """Return the bare import for a database."""
    return insert_rows if url.startswith("sqlite") else copy_rows
