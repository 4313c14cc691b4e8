"""What docker-compose.yml says, and the commands in it."""

from functools import cache
from pathlib import Path
from shlex import split
from typing import Any

from yaml import safe_load

CHECKOUT = Path(__file__).parents[2]
OUR_SERVERS = ("worker", "beat", "web", "simulator")
OURS = ("migrate", *OUR_SERVERS)
LONG_RUNNING = ("postgres", "redis", *OUR_SERVERS)


@cache
def compose() -> dict[str, Any]:
    """Return the whole file."""
    parsed: dict[str, Any] = safe_load((CHECKOUT / "docker-compose.yml").read_text())
    return parsed


def service(name: str) -> dict[str, Any]:
    """Return one service of the file."""
    found: dict[str, Any] = compose()["services"][name]
    return found


def command(name: str) -> list[str]:
    """Return the command line that a service runs."""
    return list(service(name)["command"])


def health_command(name: str) -> list[str]:
    """Return the command line that tells whether a service is well; its shell variables are not replaced."""
    form, *words = service(name)["healthcheck"]["test"]
    return split(words[0].replace("$$", "$")) if form == "CMD-SHELL" else words
