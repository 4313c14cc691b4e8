"""Creating campaigns over HTTP: once, whoever asks and however often at once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from models.ledger.control import set_account
from models.ledger.http_requests import take_up
from models.session import transaction
from tests.web.calling import HELLO, Caller, a_door, campaign, recipients


def test_a_campaign_is_created_and_whoever_sends_is_woken(caller: Caller) -> None:
    made = caller.create(3, name="November", priority=7)
    assert (made["name"], made["status"], made["priority"]) == ("November", "scheduled", 7)
    assert made["counts"]["pending"] == 3
    assert made["refused"] == {"count": 0, "reasons": {}, "rows": []}
    shown = caller.get(f"/v1/campaigns/{made['id']}")
    assert shown == {name: value for name, value in made.items() if name != "refused"}
    assert caller.wakes == ["woken"]


def test_who_cannot_be_sent_to_is_named_and_the_others_are_sent(caller: Caller) -> None:
    bad = [{"phone": "12", "variables": {"name": "X"}}, {"phone": 79030000009}, recipients(1)[0]]
    made = caller.post("/v1/campaigns", {"content": HELLO, "recipients": recipients(2) + bad}, 201)
    assert (made["counts"]["pending"], made["counts"]["skipped"]) == (2, 3)
    assert made["refused"]["rows"] == [
        {"position": 3, "reason": "too few digits for a phone number"},
        {"position": 4, "reason": "no value for {name}"},
        {"position": 5, "reason": "the same number as row 1"},
    ]


def test_a_strict_list_with_a_bad_row_creates_nothing(caller: Caller) -> None:
    body = campaign(1, strict=True, key="k")
    body["recipients"].append({"phone": "12"})
    problem = caller.refusal("POST", "/v1/campaigns", 422, json=body)
    assert "1 of 2 rows were refused, the first is number 2 (too few digits" in problem["detail"]
    assert (problem["field"], problem["mend"]) == ("recipients.1", "mend them, or leave strict out")
    assert caller.get("/v1/campaigns")["campaigns"] == []
    assert caller.create(key="k")["counts"]["total"] == 2


def test_the_same_key_returns_the_first_campaign(caller: Caller) -> None:
    first = caller.create(key="order-17")
    again = caller.create(key="order-17", status=200)
    assert again["id"] == first["id"]
    assert len(caller.get("/v1/campaigns")["campaigns"]) == 1


def test_the_same_key_with_another_text_is_a_conflict_that_names_the_field(caller: Caller) -> None:
    caller.create(key="order-17")
    other = campaign(key="order-17", content={**HELLO, "text": "Bye {name}"})
    problem = caller.refusal("POST", "/v1/campaigns", 409, json=other)
    assert problem["field"] == "key"
    assert "text" in problem["detail"]


def test_the_same_key_with_another_list_or_time_is_a_conflict_that_names_it(caller: Caller) -> None:
    caller.create(key="order-17", at="2099-01-01 10:00")
    assert caller.create(key="order-17", at="2099-01-01 10:00", status=200)["id"] == 1
    problem = caller.refusal("POST", "/v1/campaigns", 409, json=campaign(3, key="order-17", at="2099-01-01 10:00"))
    assert "recipients: 2, now 3" in problem["detail"]
    problem = caller.refusal("POST", "/v1/campaigns", 409, json=campaign(key="order-17", at="2020-01-01 10:00"))
    assert "(at)" in problem["detail"]


def at_once(count: int, call: Any) -> list[Any]:
    barrier = Barrier(count)

    def one(number: int) -> Any:
        barrier.wait()
        return call(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_fifty_at_once_with_one_key_make_one_campaign(caller: Caller) -> None:
    body = campaign(20, key="order-17")
    answers = at_once(50, lambda _: caller.send("POST", "/v1/campaigns", json=body))
    assert sorted(answer.status_code for answer in answers) == [200] * 49 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(caller.get("/v1/campaigns")["campaigns"]) == 1


def test_fifty_at_once_with_one_idempotency_key_get_one_answer(caller: Caller) -> None:
    headers = {"Idempotency-Key": '"8e03978e-40d5-43dd-bc93-6894a57f9324"'}
    body = campaign(20)
    answers = at_once(50, lambda _: caller.send("POST", "/v1/campaigns", json=body, headers=headers))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert sum("Idempotency-Replayed" in answer.headers for answer in answers) == 49
    assert len(caller.get("/v1/campaigns")["campaigns"]) == 1


def test_a_repeat_gets_the_first_answer_word_for_word(caller: Caller) -> None:
    headers = {"Idempotency-Key": "one"}
    first = caller.send("POST", "/v1/campaigns", json=campaign(), headers=headers)
    caller.post(f"/v1/campaigns/{first.json()['id']}/pause")
    again = caller.send("POST", "/v1/campaigns", json=campaign(), headers=headers)
    assert (again.status_code, again.text) == (201, first.text)
    assert again.headers["Idempotency-Replayed"] == "true"


def test_an_idempotency_key_for_another_request_is_refused(caller: Caller) -> None:
    headers = {"Idempotency-Key": "one"}
    caller.send("POST", "/v1/campaigns", json=campaign(), headers=headers)
    problem = caller.refusal("POST", "/v1/campaigns", 422, json=campaign(3), headers=headers)
    assert problem["field"] == "Idempotency-Key"


def test_an_idempotency_key_belongs_to_the_key_that_used_it(caller: Caller) -> None:
    headers = {"Idempotency-Key": "one"}
    first = caller.send("POST", "/v1/campaigns", json=campaign(), headers=headers).json()
    other = caller.with_key().send("POST", "/v1/campaigns", json=campaign(), headers=headers).json()
    assert first["id"] != other["id"]


def test_a_refused_request_leaves_its_idempotency_key_free(caller: Caller) -> None:
    headers = {"Idempotency-Key": "one"}
    caller.refusal("POST", "/v1/campaigns", 422, json=campaign(window="never"), headers=headers)
    assert caller.send("POST", "/v1/campaigns", json=campaign(), headers=headers).status_code == 201


def test_a_request_whose_first_is_still_at_work_is_told_so(postgres_url: str) -> None:
    with a_door(postgres_url) as caller, transaction(caller.runtime.sessions) as session:
        take_up(session, 1, "one", "the first, which has not committed")
        problem = caller.refusal("POST", "/v1/campaigns", 409, json=campaign(), headers={"Idempotency-Key": "one"})
        assert "still at work" in problem["detail"]


def test_a_draft_is_kept_back_and_started_by_hand(caller: Caller) -> None:
    made = caller.create(draft=True)
    assert made["status"] == "draft"
    assert caller.post(f"/v1/campaigns/{made['id']}/start")["status"] == "scheduled"
    assert caller.post(f"/v1/campaigns/{made['id']}/start")["status"] == "scheduled"


def test_more_recipients_than_fit_are_sent_to_the_upload(quick_caller: Caller) -> None:
    problem = quick_caller.refusal("POST", "/v1/campaigns", 422, json=campaign(10_001))
    assert "10,001" in problem["detail"]
    assert "upload" in problem["mend"]
    assert quick_caller.create(10_000)["counts"]["total"] == 10_000


def test_an_environment_that_allows_nobody_refuses_with_the_mend(quick_caller: Caller) -> None:
    with transaction(quick_caller.runtime.sessions) as session:
        set_account(session, "default", {"gateway_url": "http://gateway.example/xml"}, actor="test")
    problem = quick_caller.refusal("POST", "/v1/campaigns", 409, json=campaign())
    assert "BULKPOST_ALLOWED" in problem["detail"]
