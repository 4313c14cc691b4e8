"""Faults of the connection and of HTTP. Source: protocol.md 2, 8, 19."""

from http.client import IncompleteRead, RemoteDisconnected
from socket import SO_LINGER, SOL_SOCKET
from struct import pack
from threading import Thread

import pytest

from tests.simulator.wire import (
    Answer,
    connected,
    document,
    exchange,
    line,
    message,
    post,
    raw_post,
    read_all,
    read_answer,
    request,
)
from worker.simulator.running import RunningSimulator, running_simulator


def test_scenario_9_what_is_cut_after_processing_was_charged_once(simulator: RunningSimulator) -> None:
    simulator.set_faults([{"cut": "after", "first": 1}])
    with pytest.raises(RemoteDisconnected):
        post(simulator.url, document(3))
    charged = [each["id_sms"] for each in simulator.ledger()["messages"]]
    assert post(simulator.url, document(3)).ids == charged
    assert simulator.ledger()["charged"] == 3
    assert [each["ended"] for each in simulator.requests()] == ["cut", "answered"]


def test_what_is_cut_before_processing_was_not_charged(simulator: RunningSimulator) -> None:
    simulator.set_faults([{"cut": "before", "requests": [1]}])
    with pytest.raises(RemoteDisconnected):
        post(simulator.url, document(3))
    assert simulator.ledger()["charged"] == 0
    assert post(simulator.url, document(3)).texts == ["send"] * 3


def test_an_upload_is_cut_while_it_arrives(simulator: RunningSimulator) -> None:
    simulator.set_faults([{"cut": "upload", "first": 1}])
    with connected(simulator.url) as raw:
        raw.sendall(raw_post(document(3))[:300])
        assert read_all(raw) == b""
    assert simulator.ledger()["charged"] == 0
    assert simulator.requests()[0]["rules"] == [1]
    assert post(simulator.url, document()).texts == ["send"]


def test_half_an_answer_ends_before_its_length(simulator: RunningSimulator) -> None:
    simulator.set_faults([{"cut": "half"}])
    with pytest.raises(IncompleteRead):
        post(simulator.url, document(3))
    assert simulator.ledger()["charged"] == 3


@pytest.mark.parametrize("cut", ["before", "after", "upload"])
def test_a_connection_may_end_with_a_reset(simulator: RunningSimulator, cut: str) -> None:
    simulator.set_faults([{"cut": cut, "reset": True}])
    with connected(simulator.url) as raw, pytest.raises(ConnectionResetError):
        raw.sendall(raw_post(document()))
        raw.recv(1)


def test_scenario_11_a_held_request_is_answered_when_the_plan_changes(simulator: RunningSimulator) -> None:
    simulator.set_faults([{"hold": "after"}])
    with pytest.raises(TimeoutError):
        post(simulator.url, document(), timeout=0.1)
    assert simulator.ledger()["charged"] == 1
    answers: list[Answer] = []
    waiting = Thread(target=lambda: answers.append(post(simulator.url, document(1, 2))))
    waiting.start()
    simulator.wait_for_documents(2)
    assert simulator.counters()["parallel"] == 2
    simulator.set_faults([])
    waiting.join()
    assert answers[0].texts == ["send"]


def test_a_request_held_before_processing_is_charged_although_the_client_has_gone(simulator: RunningSimulator) -> None:
    simulator.set_faults([{"hold": "before"}])
    with connected(simulator.url) as raw:
        raw.sendall(raw_post(document()))
        simulator.wait_for_documents(1)
        raw.setsockopt(SOL_SOCKET, SO_LINGER, pack("ii", 1, 0))  # closing will be a reset
    assert simulator.ledger()["charged"] == 0
    simulator.set_faults([])
    post(simulator.url, document(1, 2))  # answered after what was held before it
    assert simulator.ledger()["charged"] == 2


def test_stopping_ends_a_held_request(simulator: RunningSimulator) -> None:
    simulator.set_faults([{"hold": "before"}])
    with connected(simulator.url) as raw:
        raw.sendall(raw_post(document()))
        simulator.wait_for_documents(1)
        simulator.stop()
        assert read_all(raw) == b""


def test_a_delay_comes_before_or_after_processing(simulator: RunningSimulator) -> None:
    simulator.set_faults([{"delay_before": 60, "keys_ending": "1"}, {"delay": 60, "keys_ending": "2"}])
    for key in (1, 2):
        with pytest.raises(TimeoutError):
            post(simulator.url, request(message([line(key)])), timeout=0.1)
    assert [each["client_id_sms"] for each in simulator.ledger()["messages"]] == ["500002"]


def test_a_dripped_answer_is_whole_in_the_end(simulator: RunningSimulator) -> None:
    simulator.set_faults([{"drip_bytes": 7, "drip_seconds": 0.0001}])
    with connected(simulator.url) as raw:
        for number in (1, 2):
            raw.sendall(raw_post(document(2, number)))
            assert read_answer(raw).texts == ["send", "send"]


@pytest.mark.parametrize("status", [301, 302, 307, 401, 403, 404, 405, 408, 413, 415, 429, 500, 502, 503, 504])
def test_a_status_comes_with_html_and_without_processing(simulator: RunningSimulator, status: int) -> None:
    simulator.set_faults([{"status": status, "headers": {"Retry-After": "30"}}])
    answer = post(simulator.url, document())
    assert answer.status == status
    assert answer.body.startswith(b"<!DOCTYPE html>")
    assert answer.headers["content-type"] == "text/html"
    assert answer.headers["retry-after"] == "30"
    assert ("location" in answer.headers) == (300 <= status < 400)
    assert simulator.ledger()["charged"] == 0


def test_scenario_10_a_500_may_come_after_processing(simulator: RunningSimulator) -> None:
    simulator.set_faults([{"status": 500, "processed": True, "first": 1}])
    assert post(simulator.url, document(2)).status == 500
    charged = [each["id_sms"] for each in simulator.ledger()["messages"]]
    assert post(simulator.url, document(2)).ids == charged


def test_documents_above_a_size_are_refused_with_413(simulator: RunningSimulator) -> None:
    simulator.set_faults([{"status": 413, "more_lines_than": 2}])
    assert post(simulator.url, document(3)).status == 413
    assert post(simulator.url, document(2)).status == 200
    assert simulator.ledger()["charged"] == 2


def test_scenario_12_an_identical_document_within_a_minute_is_refused() -> None:
    now = [1_000_000.0]
    plan = [{"identical_within": 60, "error": "identical"}]
    with running_simulator(faults=plan, clock=lambda: now[0]) as simulator:
        assert post(simulator.url, document()).texts == ["send"]
        now[0] += 59
        refused = post(simulator.url, document())
        assert (refused.status, refused.entries) == (400, [])
        assert refused.error == "error: Попытка отправки более одного одинакового запроса в течение минуты"
        assert post(simulator.url, document(2)).texts == ["send", "send"]
        now[0] += 61
        assert post(simulator.url, document()).texts == ["send"]


def test_requests_are_chosen_by_number_from_the_moment_the_plan_was_set(simulator: RunningSimulator) -> None:
    def statuses(count: int) -> list[int]:
        return [post(simulator.url, document(1, number)).status for number in range(1, count + 1)]

    simulator.set_faults([{"status": 500, "every": 3}])
    assert statuses(7) == [200, 200, 500, 200, 200, 500, 200]
    simulator.set_faults([{"status": 500, "requests": [2, 4]}])
    assert statuses(5) == [200, 500, 200, 500, 200]
    simulator.set_faults([{"status": 500, "after": 3, "times": 1}, {"status": 502, "first": 1}])
    assert statuses(6) == [502, 200, 200, 500, 200, 200]


def test_chance_is_repeatable(simulator: RunningSimulator) -> None:
    def statuses() -> list[int]:
        simulator.set_faults([{"status": 500, "probability": 0.5, "seed": 7}])
        return [post(simulator.url, document(1, number)).status for number in range(1, 21)]

    first = statuses()
    assert set(first) == {200, 500}
    assert statuses() == first


def test_a_rule_about_lines_fires_only_for_documents_with_such_a_line(simulator: RunningSimulator) -> None:
    simulator.set_faults([{"error": "bad_document", "phone": "79030000003"}])
    assert post(simulator.url, document(2)).status == 200
    assert post(simulator.url, document(4)).error == "Incorrect XML document format"
    assert post(simulator.url, document(1, 4)).status == 200
    assert simulator.faults()["fired"] == [1]


def test_parallel_requests_are_seen(simulator: RunningSimulator) -> None:
    simulator.set_faults([{"hold": "before"}])
    posts = [Thread(target=post, args=(simulator.url, document(1, number))) for number in range(1, 6)]
    for each in posts:
        each.start()
    simulator.wait_for_documents(5)
    simulator.set_faults([])
    for each in posts:
        each.join()
    assert simulator.counters()["parallel_high_water"] == 5
    assert simulator.counters()["parallel"] == 0


def test_control_paths_are_never_at_fault(simulator: RunningSimulator) -> None:
    simulator.set_faults([{"cut": "before"}, {"hold": "before"}])
    assert exchange("GET", simulator.control_url).status == 200
