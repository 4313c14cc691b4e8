"""A fault plan that is wrong is refused with one line, and the old plan stays."""

from typing import Any

import pytest

from tests.simulator.wire import document, exchange, get, post, put
from worker.simulator.plan import PlanError, parse_plan, read_plan
from worker.simulator.running import RunningSimulator, running_simulator


@pytest.mark.parametrize(
    ("plan", "line"),
    [
        ({}, "the fault plan must be a list of rules, not an object"),
        ([1], "fault rule 1 must be an object, not a number"),
        ([{}], "fault rule 1: says nothing that should happen; add one of before_prolog, "),
        ([{"every": 3}], "fault rule 1: says nothing that should happen"),
        (
            [{"status": 500}, {"name": "slow", "dellay": 1}],
            'fault rule 2 ("slow"): unknown field "dellay"; did you mean "delay"?',
        ),
        ([{"zebra": 1}], 'fault rule 1: unknown field "zebra"'),
        ([{"every": "x", "cut": "after"}], 'fault rule 1: every must be a whole number of at least 1, not "x"'),
        ([{"every": 0, "cut": "after"}], "fault rule 1: every must be a whole number of at least 1, not 0"),
        ([{"every": True, "cut": "after"}], "fault rule 1: every must be a whole number of at least 1, not true"),
        ([{"requests": 3, "cut": "after"}], "fault rule 1: requests must be a list of whole numbers of at least 1"),
        ([{"cut": "sometimes"}], 'cut must be one of upload, before, after, half, not "sometimes"'),
        ([{"cut": "after", "reset": 1}], "fault rule 1: reset must be true or false, not 1"),
        ([{"delay": -1}], "fault rule 1: delay must be a number of at least 0, not -1"),
        ([{"probability": 1.5, "delay": 1}], "fault rule 1: probability must be a number 0 to 1, not 1.5"),
        ([{"seed": 1, "delay": 1}], "fault rule 1: seed means nothing without probability"),
        ([{"status": 99}], "fault rule 1: status must be a whole number 200 to 599, not 99"),
        ([{"look": "bom"}], "fault rule 1: look must be a list of bom, no_prolog, "),
        ([{"look": ["bow"]}], "fault rule 1: look must be one of bom, no_prolog, "),
        ([{"encoding": "windows-9999"}], 'encoding must be the name of a text encoding, not "windows-9999"'),
        ([{"encoding": "base64"}], 'encoding must be the name of a text encoding, not "base64"'),
        ([{"declared": "both"}], "fault rule 1: says nothing that should happen"),
        ([{"declared": "both", "delay": 1}], "fault rule 1: declared means nothing without encoding"),
        ([{"headers": {"X": 1}, "status": 500}], "fault rule 1: headers must be an object of texts in printable ASCII"),
        ([{"headers": {"X": "a\r\nB: c"}}], "fault rule 1: headers must be an object of texts in printable ASCII"),
        ([{"phone": 79030000001, "text": "x"}], "fault rule 1: phone must be digits in quotes, and number 1 is not"),
        ([{"phones": [], "text": "x"}], "fault rule 1: phones must be a list of phones"),
        ([{"phones": ["1"], "phone": "1", "text": "x"}], "fault rule 1: phone and phones are one field"),
        ([{"text": "x", "path": "state"}], "fault rule 1: text belongs to path send, not state"),
        ([{"state": "deliver"}], "fault rule 1: state belongs to path state, not send"),
        ([{"path": "time", "delay": 1, "lines": [1]}], "fault rule 1: lines chooses lines, and path time has none"),
        ([{"path": "state", "delay": 1, "keys": "new"}], "fault rule 1: keys belongs to path send, not state"),
        ([{"unknown_ids": True, "delay": 1}], "fault rule 1: unknown_ids belongs to path state"),
        ([{"cut": "before", "processed": True}], "cut before and processed true contradict each other"),
        ([{"cut": "upload", "lines": [1]}], "cut upload happens before the document is read"),
        ([{"after_charged": 5, "delay": 1}], "fault rule 1: after_charged needs something that happens to lines"),
        ([{"id_digits": 10}], "fault rule 1: id_digits must be a whole number 20 to 64, not 10"),
    ],
)
def test_a_wrong_plan_is_refused_in_one_line(plan: Any, line: str) -> None:
    with pytest.raises(PlanError) as refused:
        parse_plan(plan)
    assert line in str(refused.value)
    assert "\n" not in str(refused.value)


def test_what_is_no_json_is_refused_in_one_line() -> None:
    with pytest.raises(PlanError, match="not JSON: Expecting value at line 1, column 2"):
        read_plan("[")
    with pytest.raises(PlanError, match="not JSON in UTF-8"):
        read_plan(b"\xff\xfe\xfd")
    with pytest.raises(PlanError, match="not JSON"):
        read_plan("[" * 100_000)


def test_a_wrong_plan_leaves_the_old_one(simulator: RunningSimulator) -> None:
    url = f"{simulator.control_url}/faults"
    assert put(url, [{"text": "closed"}]).status == 200
    refused = put(url, [{"text": "closed"}, {"txt": "closed"}])
    assert refused.status == 400
    assert b'fault rule 2: unknown field \\"txt\\"; did you mean \\"text\\"?' in refused.body
    with pytest.raises(PlanError):
        simulator.set_faults([{"status": "bad"}])
    assert exchange("PUT", url, b"no json").status == 400
    assert post(simulator.url, document()).texts == ["This destination is closed"]


def test_the_plan_is_changed_and_shown_while_it_runs(simulator: RunningSimulator) -> None:
    url = f"{simulator.control_url}/faults"
    plan = [{"name": "stop", "phones": ["79030000001"], "text": "stop_list"}, {"every": 2, "look": ["bom"]}]
    assert put(url, plan).status == 200
    post(simulator.url, document())
    post(simulator.url, document(1, 2))
    assert get(url) == {"rules": plan, "fired": [1, 1]}
    assert put(url, []).status == 200
    assert get(url) == {"rules": [], "fired": []}
    assert post(simulator.url, document()).texts == ["send"]


def test_a_wrong_plan_at_the_start_starts_nothing() -> None:
    with pytest.raises(PlanError, match="fault rule 1"), running_simulator(faults=[{"nothing": 1}]):
        pass
