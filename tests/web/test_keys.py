"""Who may call, for what, and until when."""

from sqlalchemy import select

from models.api_key import ApiKey
from models.ledger.api_keys import create_key, list_keys, note_use, revoke_key
from models.session import reading, transaction
from tests.support.ledger import SetClock
from tests.web.calling import Caller, a_door, campaign
from web.door import Buckets, Limits

PROTECTED = [
    ("GET", "/v1/campaigns"),
    ("POST", "/v1/campaigns"),
    ("GET", "/v1/campaigns/1"),
    ("POST", "/v1/campaigns/1/recipients"),
    ("POST", "/v1/campaigns/1/start"),
    ("GET", "/v1/campaigns/1/results"),
    ("POST", "/v1/campaigns/1/pause"),
    ("POST", "/v1/campaigns/1/resume"),
    ("POST", "/v1/campaigns/1/cancel"),
    ("POST", "/v1/campaigns/1/retry"),
    ("GET", "/v1/accounts"),
    ("POST", "/v1/why"),
    ("GET", "/v1/nothing"),
    ("GET", "/v1"),
]


def test_no_address_but_health_and_documentation_is_open(quick_caller: Caller) -> None:
    nobody = Caller(quick_caller.url, None, quick_caller.runtime)
    for method, path in PROTECTED:
        assert nobody.send(method, path).status_code == 401, path
    documented = nobody.get("/openapi.json")["paths"]
    told = {(method.upper(), path) for path, methods in documented.items() for method in methods}
    asked = {(method, path.replace("/1", "/{id}")) for method, path in PROTECTED}
    assert told - asked == {("GET", "/healthz"), ("GET", "/readyz")}
    for path in ("/healthz", "/readyz", "/docs"):
        assert nobody.send("GET", path).status_code == 200


def test_what_is_no_key_is_refused(quick_caller: Caller) -> None:
    key = quick_caller.key
    for given in ("", "Bearer", "Bearer ", f"Basic {key}", f"Bearer {key}x", f"Bearer {'x' * 5000}", "Bearer \xff"):
        nobody = Caller(quick_caller.url, None, quick_caller.runtime)
        answered = nobody.send("GET", "/v1/accounts", headers={"Authorization": given.encode("latin-1")})
        assert (answered.status_code, answered.headers["WWW-Authenticate"]) == (401, "Bearer"), given


def test_a_revoked_key_ends_at_once(caller: Caller) -> None:
    other = caller.with_key()
    other.get("/v1/accounts")
    with transaction(caller.runtime.sessions) as session:
        revoke_key(session, 2, actor="test")
    assert "revoked" in other.refusal("GET", "/v1/accounts", 401)["detail"]
    caller.get("/v1/accounts")


def test_another_account_s_campaign_is_not_there(caller: Caller) -> None:
    bank = caller.with_key("bank", "bank")
    theirs = caller.create()["id"]
    for method, path in PROTECTED:
        if "/campaigns/1" in path:
            headers = {"Content-Type": "application/x-ndjson"} if path.endswith("recipients") else {}
            problem = bank.refusal(method, path.replace("/1", f"/{theirs}"), 404, headers=headers)
            missing = bank.refusal(method, path.replace("/1", "/999"), 404, headers=headers)
            assert problem == missing, path
    assert bank.get("/v1/campaigns") == {"campaigns": [], "next": None}
    assert caller.get(f"/v1/campaigns/{theirs}")["status"] == "scheduled"


def test_a_key_of_one_account_sends_from_it_and_learns_of_no_other(caller: Caller) -> None:
    bank = caller.with_key("bank", "bank")
    assert bank.create()["account"] == "bank"
    assert [one["name"] for one in bank.get("/v1/accounts")["accounts"]] == ["bank"]
    for other in ("default", "nowhere"):
        problem = bank.refusal("POST", "/v1/campaigns", 403, json=campaign(account=other))
        assert "default" not in problem["detail"]
    assert "default" in caller.refusal("POST", "/v1/campaigns", 422, json=campaign(account="nowhere"))["detail"]


def test_a_number_s_story_leaves_out_other_accounts(caller: Caller) -> None:
    caller.create()
    bank = caller.with_key("bank", "bank")
    bank.create()
    asked = {"phone": "+7 903 000-00-01"}
    assert [one["account"] for one in bank.post("/v1/why", asked)["campaigns"]] == ["bank"]
    assert len(caller.post("/v1/why", asked)["campaigns"]) == 2


def test_a_key_does_only_what_it_is_allowed_to(quick_caller: Caller) -> None:
    id_ = quick_caller.create()["id"]
    reader, sender = quick_caller.with_key("r", None, "read"), quick_caller.with_key("s", None, "send")
    reader.get("/v1/campaigns")
    assert "allowed to send" in reader.refusal("POST", "/v1/campaigns", 403, json=campaign())["detail"]
    sender.create()
    sender.refusal("GET", "/v1/campaigns", 403)
    for deed in ("pause", "resume", "cancel", "retry"):
        sender.refusal("POST", f"/v1/campaigns/{id_}/{deed}", 403)
        reader.refusal("POST", f"/v1/campaigns/{id_}/{deed}", 403)


def test_events_name_the_key(quick_caller: Caller) -> None:
    id_ = quick_caller.create()["id"]
    quick_caller.post(f"/v1/campaigns/{id_}/pause", {"reason": "too early"})
    assert quick_caller.get(f"/v1/campaigns/{id_}")["reason"] == "too early"
    story = quick_caller.post("/v1/why", {"phone": "79030000001"})
    said = {step["what"]: step["said"] for step in story["timeline"]}
    assert said["campaign_paused"] == "by key test: too early"


def test_the_key_itself_is_nowhere_in_the_database(caller: Caller) -> None:
    assert caller.key is not None
    with reading(caller.runtime.sessions) as session:
        (kept,) = session.execute(select(ApiKey)).scalars().all()
        assert caller.key not in repr(vars(kept))
        assert caller.key not in repr(list_keys(session))
    assert len(kept.key_hash) == 64


def test_use_is_noted_to_the_minute(caller: Caller) -> None:
    clock = SetClock()
    with transaction(caller.runtime.sessions) as session:
        id_, _ = create_key(session, "n", account=None, allowed=["read"], actor="test", clock=clock)
    noted = []
    for seconds in (0, 30, 29, 2):
        clock.jump(seconds)
        with transaction(caller.runtime.sessions) as session:
            noted.append(note_use(session, id_, clock=clock))
    assert noted == [True, False, False, True]


def test_a_key_that_asks_too_often_waits_and_others_do_not(sqlite_url: str) -> None:
    with a_door(sqlite_url, Limits(per_second=0.01)) as caller:
        answered = caller.send("GET", "/v1/accounts")
        assert answered.status_code == 429
        assert int(answered.headers["Retry-After"]) >= 1


def test_a_bucket_fills_again() -> None:
    now = [0.0]
    buckets = Buckets(2, lambda: now[0])
    assert [buckets.wait_for(1) for _ in range(5)] == [0, 0, 0, 0, 0.5]
    assert buckets.wait_for(2) == 0
    now[0] = 0.5
    assert [buckets.wait_for(1), buckets.wait_for(1)] == [0, 0.5]
