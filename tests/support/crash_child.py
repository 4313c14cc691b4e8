"""A process that does its deed and kills itself (SIGKILL) at a step: arguments are deed, database, folder, step.

`added:2` is the second time that the step `added` is reached.
"""

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

from tests.support.crash_deeds import DEEDS, Deed
from tests.support.driving import quick_settings, repository
from worker import importer
from worker.runtime import open_runtime

ROWS_AT_ONCE = 10
"""Rows of a piece, so that a short list has several."""


def run_until_killed_at(step: str, deed: Deed, database_url: str, folder: Path) -> None:
    """Do a deed in a process of its own until it kills itself at `step`.

    Raises:
        AssertionError: the step was never reached.
    """
    child = subprocess.run(
        [sys.executable, "-m", __name__, deed.__name__, database_url, str(folder), step],
        cwd=repository(),
        timeout=60,
        check=False,
        capture_output=True,
        text=True,
    )
    assert child.returncode == -signal.SIGKILL, f"the step {step} was never reached: {child.stderr}"


def main(deed: str, database_url: str, folder: str, fatal: str) -> None:
    """Do the deed until the step is reached; end normally where it never is."""
    reached: Counter[str] = Counter()

    def at(step: str) -> None:
        reached[step] += 1
        if fatal in (step, f"{step}:{reached[step]}"):
            os.kill(os.getpid(), signal.SIGKILL)

    importer.ROWS_AT_ONCE = ROWS_AT_ONCE  # type: ignore[attr-defined]
    DEEDS[deed](open_runtime(quick_settings(database_url)), Path(folder), at)


if __name__ == "__main__":
    main(*sys.argv[1:])
