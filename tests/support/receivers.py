"""Receivers of webhooks: the one of the examples as a process, and what stands in a request that a raw one has kept."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.driving import repository


def free_port() -> int:
    """Return a port of loopback on which nobody listens now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@contextmanager
def example_receiver(port: int, secret: str) -> Iterator["subprocess.Popen[str]"]:
    """Run the receiver of the examples, which verifies with the reference library, until the block ends."""
    with subprocess.Popen(
        [sys.executable, "examples/webhook_receiver.py", str(port)], cwd=repository(), text=True,
        env={**os.environ, "WEBHOOK_SECRET": secret}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        assert process.stderr.readline() == f"listening on {port}\n"
        try:
            yield process
        finally:
            process.kill()


def taken_apart(request: bytes) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body of a request, as the reference library wants them."""
    head, _, body = request.partition(b"\r\n\r\n")
    pairs = (line.partition(": ") for line in head.decode().split("\r\n")[1:])
    return {name: value for name, _, value in pairs}, body
