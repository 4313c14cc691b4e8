"""Processes that do a deed and kill themselves (SIGKILL) at a step; `added:2` is the second time that it is reached.

    python -m tests.support.crash_child DEED DATABASE FOLDER STEP

Without arguments it is a nursery: it has imported everything and forks a process for each line of its input, which
holds the same four words as JSON, and answers with the exit code. That saves most of the time of a test.
"""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from traceback import print_exc

from tests.support.crash_deeds import DEEDS, Deed
from tests.support.driving import quick_settings, repository
from worker import importer
from worker.runtime import open_runtime

ROWS_AT_ONCE = 10
"""Rows of a piece, so that a short list has several."""

Crash = Callable[[str, Deed, str, Path], None]
"""(step, deed, database, folder): does a deed in a process of its own until it kills itself at the step."""


@contextmanager
def open_nursery() -> Iterator[Crash]:
    """Start a nursery and give what lets its children die."""
    command = [sys.executable, "-m", __name__]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=repository(), stdin=pipe, stdout=pipe, text=True) as nursery:
        assert nursery.stdin is not None
        assert nursery.stdout is not None
        asked, told = nursery.stdin, nursery.stdout

        def crash(step: str, deed: Deed, database_url: str, folder: Path) -> None:
            asked.write(json.dumps([deed.__name__, database_url, str(folder), step]) + "\n")
            asked.flush()
            assert int(told.readline()) == -signal.SIGKILL, f"the step {step} was never reached"

        yield crash


def run_until_killed_at(step: str, deed: Deed, database_url: str, folder: Path) -> None:
    """Do one deed in a process of its own until it kills itself at the step.

    Raises:
        AssertionError: the step was never reached.
    """
    with open_nursery() as crash:
        crash(step, deed, database_url, folder)


def work_and_die(deed: str, database_url: str, folder: str, fatal: str) -> None:
    """Do the deed until the step is reached; end normally where it never is."""
    reached: Counter[str] = Counter()

    def at(step: str) -> None:
        reached[step] += 1
        if fatal in (step, f"{step}:{reached[step]}"):
            os.kill(os.getpid(), signal.SIGKILL)

    importer.ROWS_AT_ONCE = ROWS_AT_ONCE
    DEEDS[deed](open_runtime(quick_settings(database_url)), Path(folder), at)


def _fork(words: list[str]) -> int:
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # its log is no answer
    try:
        work_and_die(*words)
    except BaseException:  # noqa: BLE001 - nothing may run on as a second nursery
        print_exc()
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        work_and_die(*sys.argv[1:])
    else:
        for line in sys.stdin:
            sys.stdout.write(f"{_fork(json.loads(line))}\n")
            sys.stdout.flush()
