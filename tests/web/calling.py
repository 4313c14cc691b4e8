"""A caller of the HTTP door: a served door on a migrated database, and requests with a key."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests

from models.ledger.api_keys import create_key
from models.ledger.control import set_account
from models.session import transaction
from tests.support.driving import quick_settings
from web.door import Door, Limits
from web.serving import bind, serving
from worker.runtime import Runtime, open_runtime

HELLO = {"sender": "Shop", "text": "Hello {name}"}
NDJSON = "application/x-ndjson"
WAIT_SECONDS = 30


@dataclass
class Caller:
    """Sends requests to one door with one key."""

    url: str
    key: str | None
    runtime: Runtime
    wakes: list[str] = field(default_factory=list)

    def send(self, method: str, path: str, **given: Any) -> requests.Response:
        """Send one request with the key, where there is one."""
        headers = {**({"Authorization": f"Bearer {self.key}"} if self.key else {}), **given.pop("headers", {})}
        return requests.request(method, self.url + path, headers=headers, timeout=WAIT_SECONDS, **given)

    def get(self, path: str, status: int = 200, **given: Any) -> Any:
        """Ask, and return what is answered with the status that is expected."""
        answered = self.send("GET", path, **given)
        assert answered.status_code == status, answered.text
        return answered.json()

    def post(self, path: str, body: Any = None, status: int = 200, **headers: str) -> Any:
        """Post JSON, and return what is answered with the status that is expected."""
        answered = self.send("POST", path, json=body, headers=headers)
        assert answered.status_code == status, (answered.status_code, answered.text)
        return answered.json()

    def refusal(self, method: str, path: str, status: int, **given: Any) -> dict[str, Any]:
        """Send what must be refused, and return the problem; it tells no traceback."""
        answered = self.send(method, path, **given)
        assert answered.status_code == status, (answered.status_code, answered.text)
        assert answered.headers["Content-Type"] == "application/problem+json"
        problem: dict[str, Any] = answered.json()
        assert problem["status"] == status
        assert problem["detail"]
        assert "\n" not in problem["detail"]
        assert "Traceback" not in answered.text
        return problem

    def create(self, count: int = 2, status: int = 201, **fields: Any) -> Any:
        """Create a campaign for some recipients."""
        return self.post("/v1/campaigns", campaign(count, **fields), status)

    def draft(self, **fields: Any) -> int:
        """Create a draft that waits for its list; return its id."""
        made: int = self.post("/v1/campaigns", {"content": HELLO, **fields}, 201)["id"]
        return made

    def upload(self, id_: int, body: Any, kind: str = NDJSON, query: str = "", **headers: str) -> requests.Response:
        """Upload a list."""
        headers = {"Content-Type": kind, **headers}
        return self.send("POST", f"/v1/campaigns/{id_}/recipients{query}", data=body, headers=headers)

    def with_key(self, name: str = "other", account: str | None = None, *allowed: str) -> "Caller":
        """Return a caller of the same door with a key of its own."""
        with transaction(self.runtime.sessions) as session:
            _, key = create_key(
                session, name, account=account, allowed=allowed or ("read", "send", "control"), actor="test"
            )
        return Caller(self.url, key, self.runtime, self.wakes)


def recipients(count: int) -> list[dict[str, Any]]:
    """Return recipients with a name each."""
    return [
        {"phone": str(79030000000 + n), "ref": f"r{n}", "variables": {"name": f"N{n}"}} for n in range(1, count + 1)
    ]


def campaign(count: int = 2, **fields: Any) -> dict[str, Any]:
    """Return the request that creates a campaign."""
    return {"content": HELLO, "recipients": recipients(count), **fields}


def lines(count: int) -> bytes:
    """Return a list as NDJSON."""
    return "".join(f"{json.dumps(one)}\n" for one in recipients(count)).encode()


@contextmanager
def a_door(database_url: str, limits: Limits | None = None) -> Iterator[Caller]:
    """Serve a door, and call it with a key that may do everything."""
    runtime = open_runtime(quick_settings(database_url))
    wakes: list[str] = []
    try:
        with transaction(runtime.sessions) as session:
            set_account(session, "default", {"gateway_url": "http://127.0.0.1:9/xml"}, actor="test")
            set_account(session, "bank", {"gateway_url": "http://127.0.0.1:9/xml"}, actor="test")
            _, key = create_key(session, "test", account=None, allowed=("read", "send", "control"), actor="test")
        door = Door(runtime, lambda: wakes.append("woken"), limits or Limits(per_second=10_000))
        with bind("127.0.0.1", 0) as listening, serving(door, listening):
            yield Caller(f"http://127.0.0.1:{listening.getsockname()[1]}", key, runtime, wakes)
    finally:
        runtime.close()
