"""A process that has imported the command `bulkpost` already and forks for each run of it.

Starting Python and importing takes a second, a run a tenth of one, and the tests run the command a thousand times.
Whatever is about starting itself (terminals, signals, the installed script) runs the script instead.
"""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

_LONGEST_REQUEST = 2**20


@dataclass
class WarmCommand:
    """The client side: starts the process when it is first needed."""

    _folder: "TemporaryDirectory[str] | None" = None
    _server: "subprocess.Popen[bytes] | None" = None

    def run(
        self,
        arguments: Sequence[str],
        *,
        cwd: Path | str,
        env: Mapping[str, str],
        stdin: str | None = "",
        timeout: float = 60,
    ) -> "subprocess.CompletedProcess[str]":
        """Run `bulkpost` to its end in a process of its own, as subprocess.run would.

        Raises:
            subprocess.TimeoutExpired: it did not end in time; it was killed.
        """
        with TemporaryDirectory() as folder, self._connect() as connection:
            paths = [Path(folder, name) for name in ("stdin", "stdout", "stderr")]
            paths[0].write_text(stdin or "", encoding="utf-8")
            files = [paths[0].open("rb"), paths[1].open("wb"), paths[2].open("wb")]
            request = json.dumps({"arguments": list(arguments), "cwd": str(cwd), "env": dict(env)}).encode()
            socket.send_fds(connection, [request + b"\n"], [file.fileno() for file in files])
            for file in files:
                file.close()
            code = _wait(connection, list(arguments), timeout)
            said = [path.read_text(encoding="utf-8") for path in paths[1:]]
        return subprocess.CompletedProcess(list(arguments), code, *said)

    def close(self) -> None:
        """End the process."""
        if self._server is not None:
            with self._server as server:  # closes its pipe
                server.kill()
        if self._folder is not None:
            self._folder.cleanup()
        self._server = self._folder = None

    def _connect(self) -> socket.socket:
        if self._folder is None:
            self._folder = TemporaryDirectory()
        address = str(Path(self._folder.name, "socket"))
        if self._server is None:
            here = Path(__file__).parent.parent.parent
            command = [sys.executable, "-m", "tests.support.warm", address]
            self._server = subprocess.Popen(command, cwd=here, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
            assert self._server.stdout is not None
            assert self._server.stdout.readline() == b"ready\n", "the command could not be imported"
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(address)
        return connection


def _wait(connection: socket.socket, arguments: list[str], timeout: float) -> int:
    """Return the exit code that the server tells after the process's id; kill it when it takes too long."""
    ends = time.monotonic() + timeout
    told = b""
    while told.count(b"\n") < 2:
        connection.settimeout(max(0.01, ends - time.monotonic()))
        try:
            piece = connection.recv(64)
        except TimeoutError:
            if b"\n" in told:
                with suppress(ProcessLookupError):
                    os.kill(int(told.split(b"\n")[0]), signal.SIGKILL)
            raise subprocess.TimeoutExpired(arguments, timeout) from None
        assert piece, "the warm process ended"
        told += piece
    return int(told.split(b"\n")[1])


WARM = WarmCommand()


def serve(address: str) -> list[str]:
    """Fork for every request; return its arguments in the child that is to run it."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(address)
    listening.listen(64)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    os.write(1, b"ready\n")
    while True:
        connection, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            return _attend(connection)
        connection.close()


def _attend(connection: socket.socket) -> list[str]:
    """Fork the run itself, tell its id and its exit code; return the arguments in the run."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    received, files, _, _ = socket.recv_fds(connection, _LONGEST_REQUEST, 3)
    while not received.endswith(b"\n"):
        received += connection.recv(_LONGEST_REQUEST)
    request: dict[str, Any] = json.loads(received)
    pid = os.fork()
    if pid == 0:
        connection.close()
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        os.chdir(request["cwd"])
        os.environ.clear()
        os.environ.update(request["env"])
        time.tzset()
        random.seed()
        arguments: list[str] = request["arguments"]
        return arguments
    connection.sendall(f"{pid}\n".encode())
    _, status = os.waitpid(pid, 0)
    connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


if __name__ == "__main__":
    from worker.cli import command_line, main

    command_line()  # loads every command
    sys.argv = ["bulkpost", *serve(sys.argv[1])]
    main()
