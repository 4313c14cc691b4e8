"""Every field wrong in every way: 4xx and a sentence, never a 500."""

import json
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.web.calling import HELLO, Caller, campaign, lines, recipients

NONSENSE: list[Any] = [
    None, True, False, 0, -1, 1.5, 10**30, -(10**400), "", " ", "x" * 100_000, "\u0000", "a\u0000b", "\ud800",
    "\U0001f600", [], [[]], {}, {"a": 1}, [None], "2026-02-30 10:00", "99999-01-01 10:00", "Europe/Nowhere", "{", "{}",
    "{0}", "{name", "9" * 400, "../../etc/passwd", "'; DROP TABLE bulkpost_campaigns; --", "\r\nX: y",
]  # fmt: skip
FIELDS = [
    "kind", "content", "recipients", "account", "name", "key", "at", "latest", "window", "holidays", "time_zone",
    "canary", "canary_errors", "max_segments", "priority", "time_send", "validity_period", "validity_period_viber",
    "draft", "strict", "nonsense",
]  # fmt: skip


@pytest.mark.parametrize("field", FIELDS)
def test_nonsense_in_a_field_is_taken_or_refused_with_a_sentence(quick_caller: Caller, field: str) -> None:
    for value in NONSENSE:
        answered = quick_caller.send("POST", "/v1/campaigns", json=campaign(1, **{field: value}))
        assert answered.status_code < 500, (field, value, answered.text)
        if answered.status_code >= 400:
            assert answered.json()["detail"], (field, value)
            assert answered.json().get("mend"), (field, value, answered.text)


@pytest.mark.parametrize("field", ["phone", "ref", "client_key", "variables", "nonsense"])
def test_nonsense_in_a_recipient_is_taken_or_refused_with_a_sentence(quick_caller: Caller, field: str) -> None:
    for value in NONSENSE:
        bad = {**recipients(1)[0], field: value}
        answered = quick_caller.send("POST", "/v1/campaigns", json={"content": HELLO, "recipients": [bad]})
        assert answered.status_code < 500, (field, value, answered.text)
        told = answered.json()
        assert answered.status_code == 201 or (told["detail"] and told["mend"])
        assert "79030000001" not in answered.text


@pytest.mark.parametrize("kind", ["sms", "flashsms", "silence", "wappush", "vcard", "viber", "viber-sms", "sms-viber"])
def test_nonsense_in_a_content_is_taken_or_refused_with_a_sentence(quick_caller: Caller, kind: str) -> None:
    for name in ("sender", "text", "url", "sender_viber", "image_viber", "Text", ""):
        for value in NONSENSE:
            content = {"sender": "Shop", "text": "Hello", name: value}
            answered = quick_caller.send("POST", "/v1/campaigns", json=campaign(1, kind=kind, content=content))
            assert answered.status_code in (201, 400, 422), (name, value, answered.text)


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", "application/json", 422),
        (b"null", "application/json", 422),
        (b"[]", "application/json", 422),
        (b'"x"', "application/json", 422),
        (b"{", "application/json", 400),
        (b"{}{}", "application/json", 400),
        (b"\xff\xfe{}", "application/json", 400),
        ("{}".encode("utf-16"), "application/json", 400),
        (b'{"priority": NaN}', "application/json", 400),
        (b'{"priority": ' + b"9" * 5_000 + b"}", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'{"a":' * 50_000, "application/json", 400),
        (b'{"name": "\\ud800"}', "application/json", 422),
        (b'{"name": "\\u0000"}', "application/json", 422),
        (b'{"\\u0000": 1}', "application/json", 422),
        (b"{}", "text/plain", 415),
        (b"{}", "application/x-www-form-urlencoded", 415),
        (b"{}", "", 415),
        (b"{}", ";;;", 415),
    ],
)
def test_what_is_not_json_is_refused(quick_caller: Caller, body: bytes, kind: str, status: int) -> None:
    problem = quick_caller.refusal("POST", "/v1/campaigns", status, data=body, headers={"Content-Type": kind})
    assert problem["mend"]


def test_a_compressed_body_is_refused(quick_caller: Caller) -> None:
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    quick_caller.refusal("POST", "/v1/campaigns", 415, data=b"{}", headers=headers)


def test_an_unknown_field_is_refused_with_the_nearest(quick_caller: Caller) -> None:
    problem = quick_caller.refusal("POST", "/v1/campaigns", 422, json=campaign(1, prority=3))
    assert (problem["field"], problem["mend"]) == ("prority", 'did you mean "priority"?')
    body = {"content": HELLO, "recipients": [{"phone": "79030000001", "variable": {}}]}
    problem = quick_caller.refusal("POST", "/v1/campaigns", 422, json=body)
    assert (problem["field"], problem["mend"]) == ("recipients.0.variable", 'did you mean "variables"?')
    problem = quick_caller.refusal("POST", "/v1/campaigns", 422, json=campaign(1, content={**HELLO, "txt": "x"}))
    assert '"text"' in problem["detail"]


def test_every_flaw_is_told_at_once(quick_caller: Caller) -> None:
    problem = quick_caller.refusal("POST", "/v1/campaigns", 422, json=campaign(1, priority=12, name=5, draft="yes"))
    assert {flaw["field"] for flaw in problem["errors"]} == {"priority", "name", "draft"}


@pytest.mark.parametrize("field", ["at", "latest", "time_send", "validity_period"])
@pytest.mark.parametrize("written", ["9999-12-31 23:59", "0001-01-01 00:00+14:00"])
def test_a_moment_that_a_database_cannot_show_is_refused(caller: Caller, field: str, written: str) -> None:
    problem = caller.refusal("POST", "/v1/campaigns", 422, json=campaign(1, **{field: written}))
    assert (problem["field"], problem["mend"]) == (field, "write it like 2026-12-01 10:00")


def test_a_field_that_may_be_of_several_types_is_one_flaw(quick_caller: Caller) -> None:
    for field in ("phone", "client_key"):
        body = {"content": HELLO, "recipients": [{"phone": "79030000001", field: []}]}
        problem = quick_caller.refusal("POST", "/v1/campaigns", 422, json=body)
        assert [flaw["field"] for flaw in problem["errors"]] == [f"recipients.0.{field}"]


@pytest.mark.parametrize(
    "id_", ["0", "-1", "x", "1.5", "9" * 30, "%00", "%ff", "..", "1%2F2", "１", "1.0", "1_0", "+1", " 1"]
)
def test_what_is_no_campaign_s_number_is_refused(quick_caller: Caller, id_: str) -> None:
    for _ in range(2):
        quick_caller.create()  # number 1 is there
    for path in (f"/v1/campaigns/{id_}", f"/v1/campaigns/{id_}/results"):
        assert quick_caller.send("GET", path).status_code in (404, 422), path


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=x",
        "limit=1_0",
        "after=0.0",
        "limit=99999999999999999999",
        "after=-1",
        "after=" + "9" * 30,
        "status=x",
        "format=xml",
    ],
)
def test_nonsense_in_a_query_is_refused(quick_caller: Caller, query: str) -> None:
    id_ = quick_caller.create()["id"]
    quick_caller.refusal("GET", f"/v1/campaigns/{id_}/results?{query}", 422)


def test_what_is_misspelled_in_a_query_is_refused_with_the_nearest(quick_caller: Caller) -> None:
    id_ = quick_caller.create()["id"]
    problem = quick_caller.refusal("GET", f"/v1/campaigns/{id_}/results?stauts=accepted", 422)
    assert (problem["field"], problem["mend"]) == ("stauts", 'did you mean "status"?')
    problem = quick_caller.refusal("GET", "/v1/accounts?limit=5", 422)
    assert problem["mend"] == "leave it out"
    draft = quick_caller.draft()
    refused = quick_caller.upload(draft, lines(1), query="?strickt=true")
    assert (refused.status_code, refused.json()["mend"]) == (422, 'did you mean "strict"?')
    assert quick_caller.upload(draft, lines(1), query="?strict=true").status_code == 200


def test_a_parameter_that_is_given_twice_is_refused_unless_it_is_a_list(quick_caller: Caller) -> None:
    problem = quick_caller.refusal("GET", "/v1/campaigns?status=running&status=paused", 422)
    assert (problem["field"], problem["mend"]) == ("status", "give it once")
    id_ = quick_caller.create()["id"]
    assert quick_caller.get(f"/v1/campaigns/{id_}/results?status=pending&status=accepted")["results"]


@pytest.mark.parametrize(
    ("field", "value", "mend"),
    [
        ("priority", 10, "give 9 or less"),
        ("priority", -1, "give 0 or more"),
        ("canary_errors", 1.5, "give 1.0 or less"),
        ("key", "", "give 1 or more"),
        ("name", "x" * 201, "give 200 at most"),
    ],
)
def test_what_is_out_of_its_range_is_told_the_range(quick_caller: Caller, field: str, value: object, mend: str) -> None:
    problem = quick_caller.refusal("POST", "/v1/campaigns", 422, json=campaign(1, **{field: value}))
    assert (problem["field"], problem["mend"]) == (field, mend)


def test_a_column_that_a_list_does_not_have_is_told_those_it_has(quick_caller: Caller) -> None:
    refused = quick_caller.upload(quick_caller.draft(), b"nr,name\n79030000001,Anna\n", "text/csv", "?phone_column=tel")
    assert (refused.status_code, refused.json()["mend"]) == (422, "its columns are nr, name")


def test_a_name_that_is_twice_in_an_object_is_refused(quick_caller: Caller) -> None:
    one = b'{"phone": "79030000001", "phone": "79030000002", "variables": {"name": "Anna"}}'
    body = b'{"content": {"sender": "Shop", "text": "Hello"}, "recipients": [' + one + b"]}"
    headers = {"Content-Type": "application/json"}
    problem = quick_caller.refusal("POST", "/v1/campaigns", 422, data=body, headers=headers)
    assert (problem["field"], problem["mend"]) == ("phone", "leave one of them out")
    uploaded = quick_caller.upload(quick_caller.draft(), one + b"\n" + lines(1)).json()
    assert uploaded["counts"]["skipped"] == 1
    assert uploaded["refused"]["rows"][0]["reason"].startswith("phone is there twice in one object")


def test_starting_takes_nothing(quick_caller: Caller) -> None:
    id_ = quick_caller.create(draft=True)["id"]
    problem = quick_caller.refusal("POST", f"/v1/campaigns/{id_}/start", 422, json={"at": "2099-01-01 10:00"})
    assert (problem["field"], problem["mend"]) == ("at", "leave it out")
    assert quick_caller.get(f"/v1/campaigns/{id_}")["status"] == "draft"
    assert quick_caller.post(f"/v1/campaigns/{id_}/start", {})["status"] == "scheduled"


@pytest.mark.parametrize("key", ["", '""', "a b", "x" * 256, "x" * 400, "ключ".encode()])
def test_what_is_no_idempotency_key_is_refused(quick_caller: Caller, key: str | bytes) -> None:
    problem = quick_caller.refusal("POST", "/v1/campaigns", 422, json=campaign(), headers={"Idempotency-Key": key})
    assert "dempotency" in problem["field"]


def test_a_phone_of_a_refused_request_is_not_said_back(quick_caller: Caller) -> None:
    body = {"phone": ["79030000001"]}
    assert "79030000001" not in json.dumps(quick_caller.refusal("POST", "/v1/why", 422, json=body))
    assert "79030000001" not in json.dumps(quick_caller.refusal("GET", "/v1/why/79030000001", 404))


def test_a_wrong_method_and_a_wrong_address_are_problems(quick_caller: Caller) -> None:
    problem = quick_caller.refusal("DELETE", "/v1/campaigns", 405)
    assert problem["mend"] == "it takes GET, POST"
    assert quick_caller.send("DELETE", "/v1/campaigns").headers["Allow"] == "GET, POST"
    assert quick_caller.send("GET", "/v1/campaigns/1/start").headers["Allow"] == "POST"
    quick_caller.refusal("GET", "/nothing", 404)
    quick_caller.refusal("GET", "/v1/campaigns/", 404)


@pytest.mark.parametrize("garbage", [b"\x00\x01\x02\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"G" * 100_000 + b"\r\n\r\n"])
def test_garbage_instead_of_http_ends_its_connection_alone(quick_caller: Caller, garbage: bytes) -> None:
    parts = urlsplit(quick_caller.url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10) as connection:
        connection.sendall(garbage)
        connection.shutdown(socket.SHUT_WR)
        assert b"Traceback" not in connection.makefile("rb").read()
    assert quick_caller.get("/healthz") == {"status": "ok"}
