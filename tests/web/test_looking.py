"""Looking at campaigns and controlling them."""

import csv
import io
import json

from models.ledger.control import set_account, stop_everything
from models.session import transaction
from tests.support.driving import JumpingClock, work_until_ended
from tests.web.calling import Caller, a_door
from worker.simulator.running import running_simulator


def test_campaigns_come_in_pages_and_none_is_missing(caller: Caller) -> None:
    made = [caller.create()["id"] for _ in range(5)]
    seen, before = [], ""
    while True:
        page = caller.get(f"/v1/campaigns?limit=2{before}")
        seen += [one["id"] for one in page["campaigns"]]
        if page["next"] is None:
            break
        before = f"&before={page['next']}"
    assert seen == made[::-1]
    assert caller.get("/v1/campaigns?status=paused")["campaigns"] == []


def test_results_come_in_pages_as_a_stream_and_by_status(caller: Caller) -> None:
    id_ = caller.draft()
    body = b"".join(
        json.dumps({"phone": "1" if n % 10 == 0 else str(79030000000 + n), "variables": {"name": "=N"}}).encode()
        + b"\n"
        for n in range(1, 1_201)
    )
    caller.upload(id_, body)
    path = f"/v1/campaigns/{id_}/results"
    positions, after = [], 0
    while after is not None:
        page = caller.get(f"{path}?limit=500&after={after}")
        positions += [row["position"] for row in page["results"]]
        after = page["next"]
    assert positions == list(range(1, 1_201))
    skipped = caller.get(f"{path}?status=skipped&limit=100")
    assert [row["position"] for row in skipped["results"]] == list(range(10, 1_001, 10))
    streamed = caller.send("GET", f"{path}?format=ndjson&status=skipped").text.splitlines()
    assert len(streamed) == 120
    rows = list(csv.DictReader(io.StringIO(caller.send("GET", f"{path}?format=csv").text)))
    assert len(rows) == 1_200
    assert rows[9]["reason"] == "too few digits for a phone number"


def test_pause_resume_cancel_each_once(caller: Caller) -> None:
    id_ = caller.create()["id"]
    assert caller.post(f"/v1/campaigns/{id_}/pause")["in_flight"] == 0
    caller.refusal("POST", f"/v1/campaigns/{id_}/pause", 409)
    assert caller.post(f"/v1/campaigns/{id_}/resume")["status"] == "scheduled"
    caller.refusal("POST", f"/v1/campaigns/{id_}/resume", 409)
    ended = caller.post(f"/v1/campaigns/{id_}/cancel", {"reason": "no longer true"})
    assert (ended["status"], ended["counts"]["cancelled"]) == ("cancelled", 2)
    caller.refusal("POST", f"/v1/campaigns/{id_}/cancel", 409)
    caller.refusal("POST", f"/v1/campaigns/{id_}/retry", 409)


def test_what_failed_is_counted_then_posted_again_under_the_same_keys(sqlite_url: str) -> None:
    with running_simulator() as provider, a_door(sqlite_url) as caller:
        with transaction(caller.runtime.sessions) as session:
            set_account(session, "default", {"gateway_url": provider.url}, actor="test")
        id_, clock = caller.create()["id"], JumpingClock()
        provider.set_faults([{"phones": ["79030000002"], "text": "moderator"}])
        assert work_until_ended(caller.runtime, id_, clock)["rejected"] == 1
        keys = {row["client_id_sms"] for row in caller.get(f"/v1/campaigns/{id_}/results")["results"]}
        provider.set_faults([])
        seen = caller.post(f"/v1/campaigns/{id_}/retry", {"preview": True})
        assert (seen["retried"], seen["groups"][0]["status"]) == (1, "rejected")
        assert caller.post(f"/v1/campaigns/{id_}/retry", {"status": ["unknown"]})["retried"] == 0
        assert caller.post(f"/v1/campaigns/{id_}/retry")["retried"] == 1
        assert caller.post(f"/v1/campaigns/{id_}/retry")["retried"] == 0
        assert work_until_ended(caller.runtime, id_, clock)["accepted"] == 2
        assert {message["client_id_sms"] for message in provider.ledger()["messages"]} == keys


def test_ready_says_whether_everything_is_stopped_and_takes_campaigns_still(caller: Caller) -> None:
    assert caller.get("/healthz") == {"status": "ok"}
    assert caller.get("/readyz") == {"status": "ready", "stopped": False}
    with transaction(caller.runtime.sessions) as session:
        stop_everything(session, actor="test", reason="fire")
    assert caller.get("/readyz") == {"status": "ready", "stopped": True}
    assert caller.create()["waiting_for"] is not None


def test_a_database_that_is_away_is_said_without_its_address(sqlite_url: str) -> None:
    with a_door(sqlite_url) as caller:
        with caller.runtime.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE bulkpost_alembic_version RENAME TO away")
        problem = caller.refusal("GET", "/readyz", 503)
        assert "sqlite" not in json.dumps(problem)
        assert caller.get("/healthz") == {"status": "ok"}
