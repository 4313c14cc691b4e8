"""Faults of state.php, balance.php and time.php. Source: protocol.md 10.1, 11, 15, 19.16, 19.18."""

from xml.etree import ElementTree

import pytest

from tests.simulator.wire import PROLOG, SECURITY, Answer, document, post
from worker.simulator.running import RunningSimulator, running_simulator


def ask(simulator: RunningSimulator, path: str, inside: str = "") -> Answer:
    return post(f"{simulator.url}/{path}.php", f"{PROLOG}<request>{SECURITY}{inside}</request>")


def ask_state(simulator: RunningSimulator, *ids: str | None) -> Answer:
    return ask(simulator, "state", f"<get_state>{''.join(f'<id_sms>{i}</id_sms>' for i in ids)}</get_state>")


def test_scenario_16_one_bad_id_empties_the_reply(simulator: RunningSimulator) -> None:
    good = post(simulator.url, document(2)).ids
    simulator.set_faults([{"path": "state", "unknown_ids": True, "body": "empty"}])
    assert ask_state(simulator, *good, "999").body == b""
    assert len(ElementTree.fromstring(ask_state(simulator, *good).body)) == 2


def test_states_are_set_by_phone(simulator: RunningSimulator) -> None:
    ids = post(simulator.url, document(3)).ids
    simulator.set_faults(
        [
            {"path": "state", "state": "not_deliver", "phone": "79030000002"},
            {"path": "state", "state": "send", "keys_ending": "3"},
        ]
    )
    states = ElementTree.fromstring(ask_state(simulator, *ids).body)
    assert [(state.text, bool(state.get("time"))) for state in states] == [
        ("deliver", True),
        ("not_deliver", True),
        ("send", False),
    ]


def test_a_state_request_without_ids_is_refused(simulator: RunningSimulator) -> None:
    answer = ask(simulator, "state")
    assert (answer.status, answer.error) == (400, "Incorrect XML document format")


@pytest.mark.parametrize(
    ("fault", "shown"),
    [
        ({"time_format": "datetime"}, "2023-11-15 01:13:20"),
        ({"time_format": "time"}, "01:13:20"),
        ({"offset_hours": 7}, "2023-11-15 05:13:20"),
        ({"offset_hours": -3.5, "time_format": "time"}, "18:43:20"),
    ],
)
def test_scenario_18_time_in_both_shapes_and_other_zones(fault: dict[str, object], shown: str) -> None:
    with running_simulator(faults=[{"path": "time", **fault}], clock=lambda: 1_700_000_000.0) as simulator:
        assert ElementTree.fromstring(ask(simulator, "time").body).findtext("time") == shown


def test_the_balance_follows_a_credit_that_ends(simulator: RunningSimulator) -> None:
    simulator.set_faults([{"after_charged": 5, "text": "out_of_sms"}])
    post(simulator.url, document(3))
    reply = ElementTree.fromstring(ask(simulator, "balance").body)
    assert (reply.findtext("money"), reply.findtext("sms")) == ("2.00", "2")
    post(simulator.url, document(9))
    assert ElementTree.fromstring(ask(simulator, "balance").body).findtext("money") == "0.00"


def test_the_balance_says_what_the_plan_says(simulator: RunningSimulator) -> None:
    simulator.set_faults([{"path": "balance", "money": "29.47"}])
    assert ElementTree.fromstring(ask(simulator, "balance").body).findtext("money") == "29.47"
    simulator.set_faults([{"path": "balance", "money": "a lot"}])
    assert ElementTree.fromstring(ask(simulator, "balance").body).findtext("money") == "a lot"


@pytest.mark.parametrize("path", ["state", "balance", "time"])
def test_enquiries_fail_like_documents_do(simulator: RunningSimulator, path: str) -> None:
    simulator.set_faults([{"path": path, "status": 503, "first": 1}, {"path": path, "error": "bad_credentials"}])
    assert ask_state(simulator, "1").status == (503 if path == "state" else 200)
    assert post(simulator.url, document()).texts == ["send"]
    if path != "state":
        assert ask(simulator, path).status == 503
    refused = ask(simulator, path)
    assert (refused.status, refused.error) == (400, "Incorrect login or password")


@pytest.mark.parametrize("path", ["state", "balance", "time"])
def test_enquiries_need_credentials_and_a_body(simulator: RunningSimulator, path: str) -> None:
    url = f"{simulator.url}/{path}.php"
    assert post(url, f"{PROLOG}<request></request>").error == "Incorrect login or password"
    assert post(url, "").error == "POST data is missing"
    assert post(url, "<request").error == "Incorrect XML document format"
