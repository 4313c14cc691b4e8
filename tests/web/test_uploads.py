"""Uploading a list into a draft: whole or not at all, and by one at a time."""

import json

import pytest
from sqlalchemy import select

from models.campaign import Campaign
from models.errors import IllegalMove
from models.ledger.rescue import sweep_silent_import
from models.ledger.uploads import begin_upload, end_upload
from models.recipient import Recipient
from models.session import reading, transaction
from tests.support.driving import JumpingClock
from tests.web.calling import NDJSON, Caller, a_door, campaign, lines
from web.door import Limits


def test_a_draft_takes_its_list_and_is_started(caller: Caller) -> None:
    id_ = caller.draft(key="upload-1")
    shown = caller.get(f"/v1/campaigns/{id_}")
    assert (shown["status"], shown["counts"]["total"]) == ("draft", 0)
    told = caller.upload(id_, lines(12_000)).json()
    assert (told["status"], told["counts"]["pending"], told["refused"]["count"]) == ("draft", 12_000, 0)
    assert caller.post(f"/v1/campaigns/{id_}/start")["status"] == "scheduled"
    page = caller.get(f"/v1/campaigns/{id_}/results?limit=1")
    assert page["results"][0]["ref"] == "r1"


def test_csv_has_a_header_and_any_encoding(caller: Caller) -> None:
    id_ = caller.draft()
    body = "телефон;name;заказ\n8 (903) 000-00-01;Анна;17\n12;Олег;18\n".encode("windows-1251")
    told = caller.upload(id_, body, "text/csv", "?ref_column=заказ").json()
    assert (told["counts"]["pending"], told["counts"]["skipped"]) == (1, 1)
    assert told["refused"]["rows"] == [{"position": 2, "reason": "too few digits for a phone number"}]
    assert caller.get(f"/v1/campaigns/{id_}/results")["results"][0]["ref"] == "17"


def test_bad_lines_are_named_and_the_others_are_taken(quick_caller: Caller) -> None:
    id_ = quick_caller.draft()
    bad = [
        b"not json",
        b"[1]",
        b'{"phone": "79030000002", "variables": {"name": "\\u0000"}}',
        b'{"phone": "79030000003", "nme": 1}',
        b'{"ref": "x"}',
        b"\xff\xfe",
        b"[" * 30_000,
        b'{"phone": "79030000004", "client_key": "007", "variables": {"name": "N"}}',
    ]
    told = quick_caller.upload(id_, lines(1) + b"\n".join(bad)).json()
    assert (told["counts"]["pending"], told["counts"]["skipped"]) == (1, len(bad))
    assert [row["position"] for row in told["refused"]["rows"]] == list(range(2, 2 + len(bad)))


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", NDJSON, 422),
        (b"\n\n", NDJSON, 422),
        (b"", "text/csv", 422),
        (b"a,b\n1,2\n", "text/csv", 422),
        (b"name\nAnna\n", "text/csv", 422),
        (b"phone\n79030000001\n", "text/csv", 422),  # no column for {name}
        (b'{"phone": "12"}\n', NDJSON, 422),
        (b"x" * 70_000, NDJSON, 422),
        (b"{}", "application/json", 415),
        (b"{}", "", 415),
        (b"PK\x03\x04", "text/csv", 422),
        (b"\x00\x01\x02" * 100, "text/csv", 422),
    ],
)
def test_a_bad_list_leaves_a_draft_that_takes_a_good_one(
    quick_caller: Caller, body: bytes, kind: str, status: int
) -> None:
    id_ = quick_caller.draft()
    problem = quick_caller.refusal(
        "POST", f"/v1/campaigns/{id_}/recipients", status, data=body, headers={"Content-Type": kind}
    )
    assert "/tmp" not in json.dumps(problem)
    assert "bulkpost-upload" not in json.dumps(problem)
    assert quick_caller.upload(id_, lines(2)).json()["counts"]["total"] == 2


def test_a_draft_takes_one_list(caller: Caller) -> None:
    id_ = caller.draft()
    caller.upload(id_, lines(2))
    answered = caller.upload(id_, lines(2))
    assert answered.status_code == 409
    assert "has its list already" in answered.json()["detail"]


def test_a_repeated_upload_with_its_idempotency_key_gets_the_first_answer(caller: Caller) -> None:
    id_ = caller.draft()
    first = caller.upload(id_, lines(2), **{"Idempotency-Key": "u"})
    again = caller.upload(id_, lines(2), **{"Idempotency-Key": "u"})
    assert (again.status_code, again.text) == (200, first.text)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert caller.upload(id_, lines(3), **{"Idempotency-Key": "u"}).status_code == 422


def test_a_draft_without_a_list_cannot_be_started_or_controlled(quick_caller: Caller) -> None:
    id_ = quick_caller.draft()
    for deed in ("start", "pause", "resume", "cancel", "retry"):
        problem = quick_caller.refusal("POST", f"/v1/campaigns/{id_}/{deed}", 409)
        assert "no recipients yet" in problem["detail"]
    assert quick_caller.get("/v1/campaigns")["campaigns"] == []
    quick_caller.refusal("GET", f"/v1/campaigns/{id_}/results", 404)


def test_another_door_s_import_is_no_draft_of_ours(caller: Caller) -> None:
    id_ = caller.draft()
    with transaction(caller.runtime.sessions) as session:
        session.get_one(Campaign, id_).upload_token = None
    assert caller.upload(id_, lines(1)).status_code == 404
    caller.refusal("GET", f"/v1/campaigns/{id_}", 404)


def test_only_one_upload_fills_a_draft_and_a_silent_one_is_taken_over(caller: Caller) -> None:
    id_, clock = caller.draft(), JumpingClock()
    with transaction(caller.runtime.sessions) as session:
        begin_upload(session, id_, "first", (), clock=clock)
    answered = caller.upload(id_, lines(1))
    assert (answered.status_code, "another upload" in answered.text) == (409, True)
    clock.jump(301)
    with transaction(caller.runtime.sessions) as session:
        begin_upload(session, id_, "second", (), clock=clock)
    with pytest.raises(IllegalMove), transaction(caller.runtime.sessions) as session:
        end_upload(session, id_, "first")


def test_what_a_dead_upload_left_is_taken_away_by_the_next(caller: Caller) -> None:
    id_ = caller.draft()
    with transaction(caller.runtime.sessions) as session:
        begin_upload(session, id_, "dead", ())
        session.add(Recipient(campaign_id=id_, position=1, msisdn="79039999999"))
        campaign_ = session.get_one(Campaign, id_)
        campaign_.importing_at = campaign_.created_at.replace(year=2025)
    assert caller.upload(id_, lines(2)).json()["counts"]["pending"] == 2
    with reading(caller.runtime.sessions) as session:
        numbers = session.execute(select(Recipient.msisdn).where(Recipient.campaign_id == id_)).scalars().all()
    assert "79039999999" not in numbers


def test_a_draft_that_never_gets_its_list_is_swept_away(caller: Caller) -> None:
    id_, clock = caller.draft(key="k"), JumpingClock()
    clock.jump(3_700)
    with transaction(caller.runtime.sessions) as session:
        assert sweep_silent_import(session, clock=clock)
    caller.refusal("GET", f"/v1/campaigns/{id_}", 404)
    assert caller.upload(id_, lines(1)).status_code == 404
    assert caller.create(key="k")["key"] == "k"


def test_an_upload_that_is_too_long_is_refused_before_it_is_read(sqlite_url: str) -> None:
    with a_door(sqlite_url, Limits(upload_bytes=1_000, body_bytes=1_000, per_second=1_000)) as caller:
        id_ = caller.draft()
        assert caller.upload(id_, lines(100)).status_code == 413
        assert caller.upload(id_, (line for line in [lines(10)] * 10)).status_code == 413
        problem = caller.refusal("POST", "/v1/campaigns", 413, json=campaign(100))
        assert "upload" in problem["mend"]
        assert caller.upload(id_, lines(2)).status_code == 200


def test_a_line_that_is_no_recipient_is_told_with_its_field(quick_caller: Caller) -> None:
    broken = ['{"phone": []}', '{"phone": 7, "variables": {"name": 1.5}}', '{"phone": 7, "nam": 1}', '{"phone"', "\x00"]
    answered = quick_caller.upload(quick_caller.draft(), lines(1) + "\n".join(broken).encode())
    assert [row["reason"] for row in answered.json()["refused"]["rows"]] == [
        "phone is not a text",
        "variables.name is not a text",
        "nam is no field here",
        "the line is not JSON: expecting ':' delimiter at column 9",
        "the line is not JSON: expecting value at column 1",
    ]
