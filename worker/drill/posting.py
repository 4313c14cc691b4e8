"""Who is in the middle of a POST: pool children with a connection to the gateway (Linux)."""

from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

from worker.drill.stage import Stage

PATIENCE_SECONDS = 3.0
POLL_SECONDS = 0.01
ESTABLISHED = "01"


def find_poster(stage: Stage, pick: int) -> tuple[int, bool]:
    """Return a process that posts, and whether that is certain: as many documents are open as processes may post.

    After some seconds in which it never was certain, return any of them.
    """
    deadline = monotonic() + PATIENCE_SECONDS
    while True:
        posting = stage.counters().get("parallel", 0)
        awake = [pid for pid in children(stage) if not is_stopped(pid)]
        connected = [pid for pid in awake if is_connected(pid, stage.gateway_port)]
        certain = bool(connected) and posting >= len(connected)
        if certain or monotonic() > deadline:
            candidates = connected or awake or children(stage)
            return candidates[pick % len(candidates)], certain
        sleep(POLL_SECONDS)


def children(stage: Stage) -> list[int]:
    """Return the pool children of all workers; a worker without any is its own."""
    found = []
    for worker in stage.workers:
        path = Path(f"/proc/{worker.pid}/task/{worker.pid}/children")
        own = [int(word) for word in path.read_text().split()] if path.exists() else []
        found += own or [worker.pid]
    return found


def is_stopped(pid: int) -> bool:
    """Say whether a process is frozen already."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    except OSError:
        return False


def is_connected(pid: int, port: int) -> bool:
    """Say whether a process holds a connection to a port of this host."""
    try:
        rows = Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]
        files = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False
    to_port = {
        f"socket:[{fields[9]}]"
        for fields in map(str.split, rows)
        if fields[3] == ESTABLISHED and fields[2].endswith(f":{port:04X}")
    }
    held = set()
    for file in files:
        with suppress(OSError):
            held.add(str(file.readlink()))
    return not to_port.isdisjoint(held)
