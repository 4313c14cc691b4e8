"""P1, P2, P3, P5, P7, P9: the whole product while everything breaks; and a drill that is interrupted."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from signal import SIGINT, SIGTERM

import pytest

from tests.support.programs import BIN
from worker.drill.acts import NOBODY
from worker.drill.plan import EMBEDDED_DEEDS, Deed

pytestmark = pytest.mark.timeout(300)


def start(folder: Path, *options: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [BIN / "bulkpost", "drill", *options],
        cwd=folder,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # What would break it, or reach somebody, if it were read.
        env={**os.environ, "BULKPOST_DATABASE_URL": "nonsense", "BULKPOST_GATEWAY_URL": "http://example.com/xml"},
    )


@pytest.mark.parametrize(
    ("options", "deeds"),
    [((), set(Deed)), (("--embedded",), set(EMBEDDED_DEEDS))],
    ids=["workers", "embedded"],
)
def test_everybody_is_charged_once_whatever_breaks(options: tuple[str, ...], deeds: set[Deed], tmp_path: Path) -> None:
    drill = start(tmp_path, *options, "--seed", "1", "--json")
    stdout, stderr = drill.communicate()
    assert drill.returncode == 0, stderr
    report = json.loads(stdout)
    assert (report["holds"], report["breaches"]) == (True, [])
    assert report["counts"]["accepted"] == report["charged"] == 2000
    # The last stragglers wait longer and longer: late in a drill nobody may be posting. Each deed hit somebody once.
    assert {done["deed"] for done in report["done"] if done["what"] != NOBODY} == deeds
    assert report["asked_again"] > 0
    assert "seed 1" in stderr


@pytest.mark.parametrize(("order", "options"), [(SIGINT, ()), (SIGTERM, ("--embedded",))])
def test_interrupted_drill_leaves_no_process_behind(order: int, options: tuple[str, ...], tmp_path: Path) -> None:
    drill = start(tmp_path, *options, "--logs", str(tmp_path / "logs"))
    assert drill.stderr is not None
    for line in drill.stderr:
        if "killed" in line or "froze" in line or "FLUSHALL" in line or "stalled" in line or "half" in line:
            break
    assert list(running_in(tmp_path / "logs"))
    drill.send_signal(order)
    drill.communicate()
    assert drill.returncode != 0
    assert list(running_in(tmp_path / "logs")) == []


def running_in(folder: Path) -> Iterator[str]:
    """Yield the processes whose working directory is the drill's (Linux)."""
    for process in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if process.readlink() == folder:
                yield process.parent.name
        except OSError:
            continue
