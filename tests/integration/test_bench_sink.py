"""The benchmark's sink answers in the documented shape, with ids of their own, and counts what has arrived."""

from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
import requests
from lxml import etree

from worker.bench.floor import document
from worker.bench.gateway import Gateway, Stuck, running_sink

ROWS = [(number, str(79030000000 + number), "") for number in range(1, 501)]


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[Gateway]:
    with running_sink(0, tmp_path) as gateway:
        yield gateway


def test_everybody_gets_an_id_that_nobody_else_has(sink: Gateway) -> None:
    with requests.Session() as session:
        replies = [session.post(sink.url, document(ROWS), timeout=10) for _ in range(3)]
    lines = [line for reply in replies for line in etree.fromstring(reply.content)]
    assert {line.text for line in lines} == {"send"}
    assert {line.get("parts") for line in lines} == {"1"}
    assert len({line.get("id_sms") for line in lines}) == len(lines) == 1500
    numbers = [line.get("number_sms") for line in etree.fromstring(replies[0].content)]
    assert numbers == [str(number) for number in range(1, 501)]


def test_counters_count_documents_and_recipients(sink: Gateway) -> None:
    for _ in range(2):
        requests.post(sink.url, document(ROWS), timeout=10)
    assert sink.counters() == {"documents": 2, "recipients": 1000}


def test_whoever_waits_hears_when_so_many_have_arrived(sink: Gateway) -> None:
    waiting = Thread(target=sink.await_recipients, args=(500, 30.0))
    waiting.start()
    requests.post(sink.url, document(ROWS), timeout=10)
    waiting.join(30)
    assert not waiting.is_alive()


def test_waiting_for_what_never_comes_ends_and_says_how_many_came(sink: Gateway) -> None:
    requests.post(sink.url, document(ROWS), timeout=10)
    with pytest.raises(Stuck, match="500 of 501 recipients had arrived"):
        sink.await_recipients(501, 0.05)


def test_sink_is_not_taken_for_the_simulator(sink: Gateway) -> None:
    url = sink.url.replace("/xml", "/bulkpost-simulator")
    assert requests.get(url, timeout=10).status_code == 404
