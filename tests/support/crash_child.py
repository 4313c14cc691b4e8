"""A process that works normally and kills itself (SIGKILL) at a named step: arguments are database, gateway, step."""

import os
import signal
import sys

from tests.support.driving import JumpingClock, quick_settings, work_once
from worker.runtime import open_runtime


def main(database_url: str, gateway_url: str, fatal: str) -> None:
    """Work until the step is reached; end normally after three rounds where it never is."""

    def at(step: str) -> None:
        if step == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    runtime = open_runtime(quick_settings(database_url))
    clock = JumpingClock()
    for _ in range(3):
        work_once(runtime, clock, at)
        clock.jump(60)


if __name__ == "__main__":
    main(*sys.argv[1:])
