"""Importing a list, as a part of a benchmark: ours beside a bare one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from worker.bench.finding import Finding, Judged, Table, Tell, figure
from worker.bench.imports import Figures, measure_imports
from worker.bench.statistics import spread

ROWS = 1_000_000
MOST_TIMES_BARE = 2.5
MOST_MIB = 143.0
"""150 MB."""
COLUMNS = ("", "seconds", "min", "max", "CPU seconds", "peak MiB")
RATIO_COLUMNS = ("", "median", "min", "max")


@dataclass(frozen=True, slots=True)
class Importing:
    """A list of `rows` people, several rounds, into PostgreSQL or SQLite."""

    rows: int = ROWS
    rounds: int = 3
    sqlite: bool = False

    @property
    def database(self) -> str:
        """Which it goes into."""
        return "SQLite" if self.sqlite else "PostgreSQL"

    def run(self, tell: Tell, logs: Path | None) -> Finding:
        """Measure both in turn. Raises: NoServer."""
        tell(f"import of {self.rows:,} rows into {self.database}, ours and a bare one in turn; rounds: {self.rounds}")
        found = measure_imports(self.rows, self.rounds, sqlite=self.sqlite)
        for one in found:
            tell(f"  ours {one['our_seconds']:.1f} s, the bare one {one['bare_seconds']:.1f} s")
        return shown(self, found)


def shown(part: Importing, found: Sequence[Figures]) -> Finding:
    """Return the rounds as tables and figures."""
    ratio = spread([one["ratio"] for one in found])
    title = f"Import of {part.rows:,} rows of CSV into {part.database}; median of {len(found)}"
    bare = "bare csv.reader and executemany" if part.sqlite else "bare csv.reader and COPY"
    of = f"{part.rows:,}, {part.database}"
    return Finding(
        "imports",
        [
            Table(title, COLUMNS, [_row("bare", bare, found), _row("our", "bulkpost", found)]),
            Table("", RATIO_COLUMNS, [("bulkpost / bare", *map(figure, (ratio.median, ratio.minimum, ratio.maximum)))]),
        ],
        [
            {
                "rows": part.rows,
                "database": part.database,
                **{name: round(median(one[name] for one in found), 3) for name in found[0]},
                "rounds": [{name: round(value, 3) for name, value in one.items()} for one in found],
            }
        ],
        [
            Judged("time of an import / of a bare one", MOST_TIMES_BARE, ratio.median, of, at_most=True),
            Judged("MiB of an import (150 MB)", MOST_MIB, max(one["our_peak_mib"] for one in found), of, at_most=True),
        ]
        # A shorter one is mostly its beginning and its end.
        if part.rows >= ROWS
        else [],
    )


def _row(who: str, name: str, found: Sequence[Figures]) -> tuple[str, ...]:
    seconds = spread([one[f"{who}_seconds"] for one in found])
    cpu = median(one[f"{who}_cpu_seconds"] for one in found)
    peak = max(one[f"{who}_peak_mib"] for one in found)
    return name, *map(figure, (seconds.median, seconds.minimum, seconds.maximum, cpu)), f"{peak:.0f}"
