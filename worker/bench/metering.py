"""What processes have used, as Linux counts it: CPU time of whole trees, and peak memory."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from os import sysconf
from pathlib import Path

TICKS_A_SECOND = sysconf("SC_CLK_TCK")
_GONE = (FileNotFoundError, ProcessLookupError)


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process, of those that descend from it and of those that have ended and were waited for.

    So a server's connections count also after they were closed.
    """
    total = 0
    for one in tree(pid):
        with suppress(*_GONE):
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            total += sum(map(int, fields[11:15]))  # user and system, its own and that of ended children
    return total / TICKS_A_SECOND


def peak_mib(pid: int) -> float:
    """Return the largest resident memory that a process of the tree has had."""
    return max((_peak_kib(one) for one in tree(pid)), default=0) / 1024


def tree(pid: int) -> Iterator[int]:
    """Yield a process and all that descend from it."""
    yield pid
    with suppress(*_GONE):
        for thread in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in thread.read_text().split():
                yield from tree(int(child))


class Meter:
    """Measures named groups of processes from its making to `read`."""

    def __init__(self, groups: Mapping[str, Sequence[int]]) -> None:
        self._groups = groups
        self._began = self._all()

    def read(self) -> dict[str, float]:
        """Return the CPU seconds of every group since the meter was made."""
        now = self._all()
        return {name: now[name] - self._began[name] for name in now}

    def _all(self) -> dict[str, float]:
        return {name: sum(map(cpu_seconds, pids)) for name, pids in self._groups.items()}


def _peak_kib(pid: int) -> int:
    with suppress(*_GONE):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return 0
