"""A program that waits for the start: it says "ready", begins when it reads a line, and says "done" at the end."""

import sys
from collections.abc import Sequence
from contextlib import suppress
from os import killpg
from pathlib import Path
from select import select
from shutil import which
from signal import SIGKILL
from subprocess import PIPE, Popen
from types import TracebackType

from worker.bench.gateway import Stuck
from worker.drill.program import HOUSE, NoProgram


class Runner:
    """One such program in a process group of its own; with the `with` block it is gone.

    Where `setpriv` exists it also dies with the thread that started it, even if that is killed.
    """

    def __init__(self, name: str, arguments: Sequence[str], folder: Path) -> None:
        self.name = name
        tied = [] if which("setpriv") is None else ["setpriv", "--pdeathsig", "KILL"]
        self._log = folder / f"{name.replace(' ', '-')}.log"
        with self._log.open("ab") as log:
            self._running = Popen(
                [*tied, sys.executable, *arguments],
                cwd=folder,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "PYTHONPATH": str(HOUSE)},
                stdin=PIPE,
                stdout=PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Its process."""
        return self._running.pid

    def __enter__(self) -> "Runner":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with suppress(ProcessLookupError):
            killpg(self._running.pid, SIGKILL)
        self._running.communicate()

    def go(self) -> None:
        """Fire."""
        assert self._running.stdin is not None
        self._running.stdin.write("go\n")
        self._running.stdin.flush()

    def await_word(self, word: str, timeout_seconds: float) -> None:
        """Return when it says `word`. Raises: NoProgram, Stuck."""
        assert self._running.stdout is not None
        if not select([self._running.stdout], [], [], timeout_seconds)[0]:
            raise Stuck(f"{self.name} had not said {word!r} after {timeout_seconds:.0f} s")
        line = self._running.stdout.readline().strip()
        if line != word:
            raise NoProgram(f"{self.name} ended: {self._last_words()}")

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()
        return " | ".join(line.strip() for line in lines[-5:] if line.strip())
