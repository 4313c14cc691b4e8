"""The benchmark end to end, so small that its figures mean nothing: that everybody runs, and that it is checked."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from signal import SIGTERM
from typing import Any

import pytest

from tests.support.programs import BIN, bulkpost

pytestmark = pytest.mark.timeout(300)
FIGURES = {"per_second", "cpu_seconds_per_100k", "peak_mib"}


def start(folder: Path, *options: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [BIN / "bulkpost", "bench", *options],
        cwd=folder,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # What would break it, or reach somebody, if it were read.
        env={**os.environ, "BULKPOST_DATABASE_URL": "nonsense", "BULKPOST_GATEWAY_URL": "http://example.com/xml"},
    )


def measured(folder: Path, *options: str) -> Any:
    bench = start(folder, *options, "--json")
    stdout, stderr = bench.communicate()
    assert bench.returncode == 0, stderr
    return json.loads(stdout)


def test_product_and_floor_run_on_the_same_list_and_are_told_in_the_promised_shape(tmp_path: Path) -> None:
    found = measured(tmp_path, "--recipients", "2000", "--batch-size", "100", "--rounds", "1", "--no-peers")
    assert found["product"].keys() >= FIGURES
    assert found["ratios"].keys() == {"floor"}
    [one] = found["rounds"]
    assert one["product"]["recipients"] == one["floor"]["recipients"] == 2000
    assert one["product"]["cpu_seconds_per_100k_by_process"].keys() == {"workers", "database", "Redis", "gateway"}
    assert found["product"]["peak_mib"] > 10
    assert all(value > 0 for value in found["ratios"].values())


def test_embedded_is_measured_against_one_process_on_sqlite(tmp_path: Path) -> None:
    found = measured(tmp_path, "--recipients", "2000", "--rounds", "1", "--embedded", "--personalised")
    assert found["ratios"].keys() == {"floor"}
    assert found["product"]["recipients"] == found["floor"]["recipients"] == 2000
    assert found["floor"]["cpu_seconds_per_100k_by_process"].keys() == {"workers", "gateway"}


def test_import_is_measured_beside_a_bare_one_and_written_as_a_record(tmp_path: Path) -> None:
    record = tmp_path / "record.md"
    options = ("--import", "--embedded", "--recipients", "1000", "--rounds", "1", "--markdown", str(record))
    [one] = measured(tmp_path, *options)["imports"]
    assert (one["rows"], one["database"], one["ratio"] > 0, one["our_peak_mib"] > 10) == (1000, "SQLite", True, True)
    assert "Import of 1,000 rows of CSV into SQLite" in record.read_text()


def test_interrupted_bench_leaves_no_process_behind(tmp_path: Path) -> None:
    bench = start(tmp_path, "--recipients", "2000", "--no-peers", "--logs", str(tmp_path / "logs"))
    assert bench.stderr is not None
    for line in bench.stderr:
        if "floor:" in line:
            break
    bench.send_signal(SIGTERM)
    bench.communicate()
    assert bench.returncode != 0
    assert list(running_in(tmp_path / "logs")) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--quick", "--full"), "--quick and --full contradict each other: give one of them"),
        (("--pool", "gevent"), '--pool "gevent" is none: use prefork or threads'),
        (("--picture", "rate.bmp"), "--picture rate.bmp: name an .svg file in a folder that exists"),
        (("--markdown", "none/bench.md"), "--markdown none/bench.md: name an .md file in a folder that exists"),
        (("--import", "--urgent"), "--import and --urgent contradict each other: give one of them"),
        (("--full", "--batch-size", "100"), "--batch-size changes nothing with --full: leave one of them out"),
        (("--embedded", "--processes", "4"), "--processes changes nothing with --embedded: leave one of them out"),
        (("--embedded", "--threads", "4"), "--threads is of --pool threads alone: add that, or take --processes"),
    ],
)
def test_options_that_cannot_be_are_refused_before_anything_starts(options: tuple[str, ...], said: str) -> None:
    refused = bulkpost(os.environ, "bench", *options)
    assert (refused.returncode, refused.stderr) == (1, f"bulkpost: {said}\n")


def running_in(folder: Path) -> Iterator[str]:
    """Yield the processes whose working directory is the bench's (Linux)."""
    for process in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if process.readlink() == folder:
                yield process.parent.name
        except OSError:
            continue
