"""On what it was measured: a figure without its machine means nothing."""

from importlib.metadata import version
from os import cpu_count, sysconf
from pathlib import Path
from platform import machine, python_version
from typing import Any

from worker.clock import utc_now

PACKAGES = ("celery", "sqlalchemy", "psycopg", "redis", "requests", "lxml")


def describe_machine() -> dict[str, Any]:
    """Return the date, the processor, the memory and the versions of what is not ours."""
    return {
        "date": utc_now().date().isoformat(),
        "processor": _processor(),
        "cores": cpu_count(),
        "memory_gib": round(memory_bytes() / 1024**3),
        "python": python_version(),
        **{name: version(name) for name in PACKAGES},
    }


def memory_bytes() -> int:
    """Return how much memory the machine has."""
    return sysconf("SC_PAGE_SIZE") * sysconf("SC_PHYS_PAGES")


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return machine()
