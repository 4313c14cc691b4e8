"""The caller's own key of a message: taken where it is legal and free, refused with the reason where not."""

from tests.web.calling import HELLO, Caller, recipients


def test_a_key_of_the_caller_s_own_is_what_is_posted(caller: Caller) -> None:
    one, two = recipients(2)
    id_ = caller.post("/v1/campaigns", {"content": HELLO, "recipients": [{**one, "client_key": 17}, two]}, 201)["id"]
    first, second = caller.get(f"/v1/campaigns/{id_}/results")["results"]
    assert first["client_id_sms"] == "17"
    assert len(second["client_id_sms"]) == 16


def test_a_key_that_is_taken_refuses_its_recipient_alone(caller: Caller) -> None:
    one, two, three = recipients(3)
    keyed = {**one, "client_key": "17"}
    caller.post("/v1/campaigns", {"content": HELLO, "recipients": [keyed]}, 201)
    made = caller.post("/v1/campaigns", {"content": HELLO, "recipients": [keyed, two]}, 201)
    assert (made["counts"]["pending"], made["counts"]["skipped"]) == (1, 1)
    twice = [{**one, "client_key": "18"}, {**two, "client_key": "18"}, three]
    strict = {"content": HELLO, "recipients": twice, "strict": True}
    assert "1 of 3" in caller.refusal("POST", "/v1/campaigns", 422, json=strict)["detail"]
    made = caller.post("/v1/campaigns", {"content": HELLO, "recipients": twice}, 201)
    assert made["refused"] == {
        "count": 1,
        "reasons": {"its own key cannot be used": 1},
        "rows": [{"position": 2, "reason": "its own key is that of row 1 too"}],
    }
    assert (made["counts"]["pending"], made["counts"]["skipped"]) == (2, 1)


def test_an_illegal_key_refuses_its_recipient_alone(caller: Caller) -> None:
    bad = ["0", "017", "1" * 16, "a", "1 ", "-1", "", "１"]
    rows = [{**one, "client_key": key} for one, key in zip(recipients(len(bad)), bad, strict=True)]
    made = caller.post("/v1/campaigns", {"content": HELLO, "recipients": rows + recipients(20)[10:]}, 201)
    assert made["counts"]["skipped"] == len(bad)
    assert len(made["refused"]["reasons"]) == 1
