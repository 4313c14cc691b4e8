"""Finds the processes that a test session leaves behind, also those whose own parent was killed (Linux)."""

from contextlib import suppress
from ctypes import CDLL
from os import WNOHANG, getpid, kill, waitpid
from pathlib import Path
from signal import SIGKILL
from sys import platform
from time import monotonic, sleep

PR_SET_CHILD_SUBREAPER = 36
GRACE_SECONDS = 3.0
PYTHON_S_OWN = "multiprocessing.resource_tracker"


def adopt_orphans() -> None:
    """Make this process the parent of every descendant whose own parent dies, so that none gets out of sight."""
    if platform == "linux":
        CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def left_behind() -> list[str]:
    """Return the command lines of the children that still run a moment later; those that have ended are buried."""
    deadline = monotonic() + GRACE_SECONDS
    while (running := _running()) and monotonic() < deadline:
        sleep(0.05)
    return running


def kill_left_behind() -> None:
    """Kill every child, and every orphan that becomes one by it: the end of a session that was interrupted."""
    while strangers := [pid for pid in _children() if not _bury(pid) and PYTHON_S_OWN not in _command(pid)]:
        for pid in strangers:
            with suppress(ProcessLookupError, ChildProcessError):
                kill(pid, SIGKILL)
                waitpid(pid, 0)


def _running() -> list[str]:
    commands = [_command(pid) for pid in _children() if not _bury(pid)]
    return [command for command in commands if command and PYTHON_S_OWN not in command]


def _children() -> list[int]:
    threads = Path(f"/proc/{getpid()}/task").glob("*/children")
    return [int(word) for children in threads for word in children.read_text().split()]


def _bury(pid: int) -> bool:
    try:
        return waitpid(pid, WNOHANG) != (0, 0)
    except ChildProcessError:
        return True


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""
