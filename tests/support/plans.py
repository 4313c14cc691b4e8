"""How the database goes about a statement: every statement of a block is explained, with its values, as it is run."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from re import compile as compile_pattern
from typing import Any

from sqlalchemy import Connection, Engine, event

_EXPLAINED = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")
_SCAN = compile_pattern(r"SCAN (\S+)(?:.* USING (?:COVERING )?INDEX (\S+))?")


@dataclass(frozen=True)
class Explained:
    """One statement, and what it reads from one end towards the other: (table, the index by which, or None)."""

    statement: str
    through: frozenset[tuple[str, str | None]]


@dataclass
class Plans:
    """The statements of a block, in order."""

    explained: list[Explained] = field(default_factory=list)

    @property
    def statements(self) -> list[str]:
        """The statements alone."""
        return [one.statement for one in self.explained]

    def reading_through(self, tables: Collection[str], small: Collection[str] = ()) -> list[str]:
        """Return the statements that read one of these tables through, but by an index that is known to be small."""
        return [
            f"{table} by {index}: {one.statement}"
            for one in self.explained
            for table, index in one.through
            if table in tables and index not in small
        ]


@contextmanager
def plans(engine: Engine) -> Iterator[Plans]:
    """Explain whatever the block runs on `engine`."""
    found = Plans()

    def explain(connection: Connection, _cursor: Any, statement: str, values: Any, *_rest: object) -> None:
        if not statement.lstrip().upper().startswith(_EXPLAINED):
            return
        explain_ = _explain_sqlite if connection.dialect.name == "sqlite" else _explain_postgresql
        driver: Any = connection.connection.driver_connection
        found.explained.append(explain_(driver, statement, values))

    event.listen(engine, "before_cursor_execute", explain)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", explain)


def _explain_sqlite(driver: Any, statement: str, values: Any) -> Explained:
    steps = [row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {statement}", _first(values))]
    scans = [scan for scan in map(_SCAN.match, steps) if scan is not None]
    return Explained(statement, frozenset((scan.group(1), scan.group(2)) for scan in scans))


def _explain_postgresql(driver: Any, statement: str, values: Any) -> Explained:
    with driver.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", _first(values))
        (told,) = cursor.fetchone()
    through = set()
    for node in _nodes(told[0]["Plan"]):
        if node["Node Type"] == "Seq Scan":
            through.add((node["Relation Name"], None))
        elif node["Node Type"] in ("Index Scan", "Index Only Scan") and "Index Cond" not in node:
            through.add((node["Relation Name"], node["Index Name"]))
        elif node["Node Type"] == "Bitmap Heap Scan":
            through |= {
                (node["Relation Name"], below["Index Name"])
                for below in _nodes(node)
                if below["Node Type"] == "Bitmap Index Scan" and "Index Cond" not in below
            }
    return Explained(statement, frozenset(through))


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", ()):
        yield from _nodes(below)


def _first(values: Any) -> Any:
    """Return the values of one row where a statement is run for many."""
    return values[0] if isinstance(values, list) else values
