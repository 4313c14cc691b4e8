"""The log: one line per fact, with the bound ids, and nothing secret, whoever says it."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from worker.logs import bound, configure_logging, log
from worker.settings import load_settings

Output = pytest.CaptureFixture[str]


@contextmanager
def logging_to_stderr(**variables: str) -> Iterator[None]:
    """Log as our programs do; the rest of the tests log as before."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logging(load_settings({f"BULKPOST_{name}": value for name, value in variables.items()}))
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


def said(capsys: Output) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_line_is_one_json_object_with_its_facts_level_and_time(capsys: Output) -> None:
    with logging_to_stderr(LOG_FORMAT="json"):
        log.info("batch_recorded", size=100, text='скидка "20%"')
    (line,) = said(capsys)
    assert line.pop("timestamp").endswith("Z")
    facts = {"size": 100, "text": 'скидка "20%"'}
    assert line == {"event": "batch_recorded", "level": "info", "logger": "bulkpost", **facts}


def test_line_of_a_library_carries_the_bound_ids_and_hides_the_phone_too(capsys: Output) -> None:
    with logging_to_stderr(LOG_FORMAT="json"):
        with bound(campaign=7), bound(batch=1234567890):
            logging.getLogger("some.library").warning("posting to %s failed", "+79030000001")
        log.warning("outside")
    first, second = said(capsys)
    assert (first["campaign"], first["batch"], first["logger"]) == (7, 1234567890, "some.library")
    assert first["event"] == "posting to …01 failed"
    assert "campaign" not in second


def test_phone_and_key_show_their_last_two_digits_also_where_a_program_broke(capsys: Output) -> None:
    with logging_to_stderr(LOG_FORMAT="json"):
        log.error("broken", exc_info=ValueError("79030000001"), key="700410000000042", campaign="1234567")
    (line,) = said(capsys)
    assert line["exception"] == "ValueError: …01"
    assert (line["key"], line["campaign"]) == ("…42", "1234567")


def test_fact_that_json_does_not_know_is_written_as_python_shows_it(capsys: Output) -> None:
    with logging_to_stderr(LOG_FORMAT="json"):
        log.info("odd", fact={1})
    assert said(capsys)[0]["fact"] == "{1}"


def test_percent_sign_in_an_event_is_no_format(capsys: Output) -> None:
    with logging_to_stderr(LOG_FORMAT="json"):
        log.info("50% done")
    assert said(capsys)[0]["event"] == "50% done"


def test_lines_below_the_level_are_left_out(capsys: Output) -> None:
    with logging_to_stderr(LOG_LEVEL="WARNING"):
        log.debug("not this")
        log.info("nor this")
        log.warning("but this")
    (line,) = capsys.readouterr().err.splitlines()
    assert "but this" in line


def test_text_is_one_line_for_people_and_the_trace_below_it(capsys: Output) -> None:
    with logging_to_stderr(LOG_FORMAT="text"), bound(campaign=7):
        log.error("tick_failed", exc_info=ValueError("no"), error="the disk is full", account="default")
    first, trace = capsys.readouterr().err.splitlines()
    facts = "campaign=7 error='the disk is full' account=default"
    assert first.endswith(f" [error   ] {'tick_failed':<24} [bulkpost] {facts}")
    assert trace == "ValueError: no"
