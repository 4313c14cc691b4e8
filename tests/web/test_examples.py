"""The examples in other languages do what they say."""

import os
import shutil
import subprocess

import pytest

from tests.support.driving import repository
from tests.web.calling import Caller

SECONDS = 50


def run(caller: Caller, *command: str) -> str:
    variables = {**os.environ, "BULKPOST_URL": caller.url, "BULKPOST_KEY": caller.key or ""}
    done = subprocess.run(
        command, cwd=repository() / "examples", env=variables, capture_output=True, text=True, timeout=SECONDS,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
def test_the_curl_example(quick_caller: Caller) -> None:
    told = run(quick_caller, "./curl.sh").splitlines()
    assert told[:2] == ["campaign 1 is created", "campaign 2 is started"]
    assert told[3].startswith("1,79030000001,order 17,")
    assert quick_caller.get("/v1/campaigns/2")["status"] == "scheduled"


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node here")
def test_the_node_example(quick_caller: Caller) -> None:
    told = run(quick_caller, "node", "node.mjs").splitlines()
    assert told[:2] == ["campaign 1 is created, and once: true", "campaign 2 has 1000 recipients"]
    assert told[2:] == ["400 results", "400 results", "200 results"]
