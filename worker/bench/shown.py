"""A whole benchmark as JSON, and as Markdown for a record."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from worker.bench.finding import Finding, Judged, Table, figure
from worker.bench.sending import ORDERS

BOUND_COLUMNS = ("bound", "of", "found", "wanted", "verdict")
BOUND_WORDS = ("of", "wanted", "verdict")


def as_json(findings: Sequence[Finding], machine: dict[str, Any]) -> dict[str, Any]:
    """Return all figures by the name of their part; the first order's at the top, `orders` only if there are more."""
    parts: dict[str, list[dict[str, Any]]] = {}
    for finding in findings:
        parts.setdefault(finding.name, []).extend(finding.figures)
    first = parts[ORDERS][0] if ORDERS in parts else {}
    if len(parts.get(ORDERS, ())) == 1:
        del parts[ORDERS]
    return {**first, **parts, "bounds": [_bound(judged) for judged in bounds_of(findings)], "machine": machine}


def markdown(findings: Sequence[Finding], machine: dict[str, Any]) -> str:
    """Return date and machine, the bounds and every table, to be kept in a document."""
    facts = dict(machine)
    where = f"{facts.pop('date')}: {facts.pop('processor')}, {facts.pop('cores')} cores, {facts.pop('memory_gib')} GiB"
    versions = [f"{name} {version}" for name, version in facts.items()]
    tables = [bound_table(findings), *(table for finding in findings for table in finding.tables)]
    return "\n".join([", ".join([where, *versions]), *(line for table in tables for line in _lines(table)), ""])


def bounds_of(findings: Sequence[Finding]) -> list[Judged]:
    """Return every bound, in the order of the parts."""
    return [judged for finding in findings for judged in finding.bounds]


def bound_table(findings: Sequence[Finding]) -> Table:
    """Return a line for each bound and whether it holds, and how many do in the title."""
    bounds = bounds_of(findings)
    held = sum(judged.holds for judged in bounds)
    title = "No bound is of so small a run" if not bounds else f"{held} of {len(bounds)} bounds hold"
    return Table(title, BOUND_COLUMNS, [_bound_row(judged) for judged in bounds], BOUND_WORDS)


def _bound_row(judged: Judged) -> tuple[str, ...]:
    wanted = f"{'at most' if judged.at_most else 'at least'} {judged.wanted:,g}"
    return judged.what, judged.of, figure(judged.found), wanted, "holds" if judged.holds else "MISSED"


def _bound(judged: Judged) -> dict[str, Any]:
    return {**asdict(judged), "found": round(judged.found, 3), "holds": judged.holds}


def _lines(table: Table) -> Iterator[str]:
    yield ""
    if table.title:
        yield f"{table.title}:"
        yield ""
    if table.rows:
        yield f"| {' | '.join(table.columns)} |"
        yield f"|{'|'.join('--:' if column in table.figures else '---' for column in table.columns)}|"
    for row in table.rows:
        yield f"| {' | '.join(row)} |"
