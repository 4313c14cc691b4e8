"""A person or a script at a shell: one installation in a directory of its own, and the command `bulkpost` in it."""

import json
import os
import pty
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.programs import BIN, environment
from tests.support.warm import WARM

COMMAND = str(BIN / "bulkpost")
LONGEST_SECONDS = 60


@dataclass(frozen=True)
class Shell:
    """Runs commands in `folder` with the variables of an installation there."""

    folder: Path
    variables: Mapping[str, str]

    def run(self, *arguments: str, stdin: str | None = "", **settings: str) -> "subprocess.CompletedProcess[str]":
        """Run `bulkpost` to its end; further settings are given without the prefix."""
        return WARM.run(
            arguments, cwd=self.folder, env=self.environment(**settings), stdin=stdin, timeout=LONGEST_SECONDS
        )

    def start(self, *arguments: str, **settings: str) -> "subprocess.Popen[str]":
        """Start `bulkpost` in the background; the caller ends it."""
        return subprocess.Popen(
            [COMMAND, *arguments], cwd=self.folder, env=self.environment(**settings), text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def json(self, *arguments: str) -> Any:
        """Run a command that must succeed with --json and return what stdout holds."""
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def refusal(self, *arguments: str, stdin: str | None = "", **settings: str) -> str:
        """Run a command that must be refused, and return the one line that says why."""
        done = self.run(*arguments, stdin=stdin, **settings)
        assert (done.returncode, done.stdout) == (1, ""), (done.stdout, done.stderr)
        line, *further = done.stderr.splitlines()
        assert further == [], done.stderr
        assert line.startswith("bulkpost: "), line
        return line.removeprefix("bulkpost: ")

    def create(self, *options: str, text: str = "Hello", recipients: str = "list.csv") -> Any:
        """Create a campaign that must be accepted and return it as `show --json` prints it."""
        return self.json("campaign", "create", "--sender", "Shop", "--text", text, "--recipients", recipients, *options)

    def write_list(self, lines: Iterable[str], name: str = "list.csv") -> str:
        """Write a list into the folder and return its name."""
        (self.folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return name

    def environment(self, **settings: str) -> dict[str, str]:
        """Return the variables of a command."""
        return {**self.variables, **{f"BULKPOST_{name}": value for name, value in settings.items()}}

    def at_terminal(self, *arguments: str, asked: str = "", answer: str = "") -> tuple[int, str]:
        """Run `bulkpost` on a terminal, answer what it asks, and return its exit code and what the screen was sent."""
        child, screen = pty.fork()
        if child == 0:
            os.chdir(self.folder)
            os.execve(COMMAND, [COMMAND, *arguments], {**self.environment(), "TERM": "xterm", "COLUMNS": "150"})
        seen = b""
        while shown := _read(screen):
            seen += shown
            if asked and asked.encode() in seen:
                asked = ""
                os.write(screen, answer.encode())
        os.close(screen)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), seen.decode()


def _read(screen: int) -> bytes:
    try:
        return os.read(screen, 65536)
    except OSError:  # how Linux says that the other side has gone
        return b""


def shell_in(folder: Path, database_url: str) -> Shell:
    """Return a shell whose installation uses a database and short waits."""
    return Shell(folder, environment(database_url))
