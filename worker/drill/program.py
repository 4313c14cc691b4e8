"""One of our programs as a process of its own, which can be killed at any moment and started again."""

import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from os import P_PID, WEXITED, WNOHANG, WNOWAIT, killpg, waitid
from pathlib import Path
from shutil import which
from signal import SIGKILL
from subprocess import PIPE, Popen

from worker.errors import DispatchError

CELERY = ("-m", "celery")
BULKPOST = ("-c", "from worker.cli import main; main()")
HOUSE = Path(__file__).parent.parent.parent


class NoProgram(DispatchError):
    """Raised when one of our programs does not start; the message ends with what it last said."""


class Program:
    """A program in a process group of its own, so that its children can be ended with it.

    `arguments` are the interpreter's: CELERY or BULKPOST, and what follows. Where `setpriv` exists it also dies with
    the thread that started it, even if that is killed.
    """

    def __init__(self, name: str, arguments: Sequence[str], variables: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self._arguments = arguments
        self._variables = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "PYTHONPATH": str(HOUSE), **variables}
        self._folder = folder
        self._log = folder / f"{name.replace(' ', '-')}.log"
        self._running: Popen[str] | None = None
        self._killed: list[Popen[str]] = []

    @property
    def is_running(self) -> bool:
        """Whether it was started, and not killed since."""
        return self._running is not None

    @property
    def pid(self) -> int:
        """The main process. Raises: NoProgram when it is not running."""
        if self._running is None:
            raise NoProgram(f"{self.name} is not running: {self.last_words()}")
        return self._running.pid

    def start(self, *, says: str | None = None) -> str:
        """Start it; with `says`, wait for the first line on stdout, which must begin so, and return the rest of it.

        Raises: NoProgram.
        """
        tied = [] if which("setpriv") is None else ["setpriv", "--pdeathsig", "KILL"]
        with self._log.open("ab") as log:
            self._running = Popen(
                [*tied, sys.executable, *self._arguments],
                cwd=self._folder,
                env=self._variables,
                stdout=log if says is None else PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        if says is None or self._running.stdout is None:
            return ""
        line = self._running.stdout.readline()
        if not line.startswith(says):
            raise NoProgram(f"{self.name} did not start: {self.last_words()}")
        return line.removeprefix(says).strip()

    def revive(self) -> bool:
        """Start it again if it has ended by itself, as whoever runs services does; say whether it had."""
        if self._running is None or waitid(P_PID, self._running.pid, WEXITED | WNOHANG | WNOWAIT) is None:
            return False
        self.kill()
        self.start()
        return True

    def kill(self) -> None:
        """Kill the main process alone, as the kernel does when memory runs out; its children are left to themselves."""
        if self._running is not None:
            self._running.kill()
            # Not waited for before its group has ended: as long, its number cannot become somebody else's.
            self._killed.append(self._running)
            self._running = None

    def end(self) -> None:
        """Kill it with all that it and its dead predecessors have left. Harmless when it is not running."""
        self.kill()
        for process in self._killed:
            with suppress(ProcessLookupError):
                killpg(process.pid, SIGKILL)
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
        self._killed.clear()

    def last_words(self) -> str:
        """Return the end of what it has said."""
        lines = self._log.read_text(errors="replace").splitlines() if self._log.exists() else []
        return " | ".join(line.strip() for line in lines[-5:] if line.strip())
