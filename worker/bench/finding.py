"""What a part of a benchmark found: tables for people, figures for programs, and whether the bounds hold."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

Tell = Callable[[str], None]
"""Says how far it is."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One bound: at least (or, `at_most`) so much was wanted. `of` says of which run."""

    what: str
    wanted: float
    found: float
    of: str = ""
    at_most: bool = False

    @property
    def holds(self) -> bool:
        """Whether it was reached."""
        return self.found <= self.wanted if self.at_most else self.found >= self.wanted


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under their columns. The first column is of words, and `words` names the others that are."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: Sequence[str] = ()

    @property
    def figures(self) -> list[str]:
        """The columns that are set to the right."""
        return [column for column in self.columns[1:] if column not in self.words]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one part found; `figures` are listed in the JSON under `name`."""

    name: str
    tables: Sequence[Table]
    figures: Sequence[dict[str, Any]]
    bounds: Sequence[Judged]


class Part(Protocol):
    """Something that can be measured."""

    def run(self, tell: Tell, logs: Path | None) -> Finding:
        """Measure it; leave no process behind, and no file outside of `logs`.

        Raises:
            NoServer, NoProgram, Stuck, WrongRun: nothing counts.
        """


def figure(value: float) -> str:
    """Write a figure with as many digits as mean something."""
    return f"{value:.2f}" if value < 10 else f"{value:,.1f}" if value < 100 else f"{value:,.0f}"
