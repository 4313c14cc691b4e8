"""Who is in the middle of a POST: found by freezing a process and watching its answer arrive unread (Linux)."""

import os
from contextlib import suppress
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from time import monotonic, sleep

from worker.drill.stage import Stage

PATIENCE_SECONDS = 15.0
ANSWER_SECONDS = 1.2
"""Longer than the simulator takes for any answer but those that are slow on purpose."""
POLL_SECONDS = 0.02
CLOSED_BY_GATEWAY = "08"  # CLOSE_WAIT of /proc/net/tcp


def freeze_poster(stage: Stage, pick: int) -> int | None:
    """Freeze (SIGSTOP) a process that posts, and return it; None where nobody has posted for some seconds.

    It posted for certain: its answer, or the end of its connection, has come and it has not read it.
    """
    deadline = monotonic() + PATIENCE_SECONDS
    while monotonic() < deadline:
        for pid in _from(pick, awake(stage)):
            if _sockets(pid, stage.gateway_port) and _freeze(pid, stage.gateway_port):
                return pid
        sleep(POLL_SECONDS)
    return None


def awake(stage: Stage) -> list[int]:
    """Return the pool children of all workers that run and are not frozen; a worker without any is its own."""
    found = []
    for worker in stage.workers:
        if worker.is_running:
            path = Path(f"/proc/{worker.pid}/task/{worker.pid}/children")
            own = [int(word) for word in path.read_text().split()] if path.exists() else []
            found += own or [worker.pid]
    return [pid for pid in found if not _is_frozen(pid)]


def _from(pick: int, pids: list[int]) -> list[int]:
    start = pick % len(pids) if pids else 0
    return pids[start:] + pids[:start]


def _freeze(pid: int, port: int) -> bool:
    """Freeze a process and say whether an answer came for it; let it go on where none did."""
    with suppress(ProcessLookupError):
        os.kill(pid, SIGSTOP)
        waited_until = monotonic() + ANSWER_SECONDS
        while monotonic() < waited_until:
            if any(unread or state == CLOSED_BY_GATEWAY for state, unread in _sockets(pid, port)):
                return True
            sleep(POLL_SECONDS)
        os.kill(pid, SIGCONT)
    return False


def _is_frozen(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    except OSError:
        return False


def _sockets(pid: int, port: int) -> list[tuple[str, bool]]:
    """Return the state of each connection of a process to a port of this host, and whether bytes wait to be read."""
    try:
        rows = Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]
        files = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return []
    held = set()
    for file in files:
        with suppress(OSError):
            held.add(str(file.readlink()))
    return [
        (fields[3], fields[4].rpartition(":")[2] != "00000000")
        for fields in map(str.split, rows)
        if fields[2].endswith(f":{port:04X}") and f"socket:[{fields[9]}]" in held
    ]
