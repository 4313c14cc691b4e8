"""Whatever applications INSERT, the tick goes on, every row is taken or refused, and good rows are sent."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text

from models.outgoing import Gathering, Outgoing
from models.session import transaction
from tests.support.inbox import AnInbox

TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
).map(json.dumps)
ODD_JSON = st.sampled_from(
    ['{"name": "\\u0000"}', '{"name": "\\ud800"}', "[" * 2_000 + "]" * 2_000, '{"name": 1' + "0" * 5_000 + "}", "{}"]
)
MOMENTS = st.datetimes().map(lambda moment: f"{max(moment.year, 1):04}-01-01 00:00:00+00")
COLUMNS = {
    "campaign_key": st.sampled_from(["k", "j", " "]) | TEXTS,
    "account": st.sampled_from(["default", "nobody"]) | TEXTS,
    "kind": st.sampled_from(["sms", "viber", "sms-viber", "silence", "vcard"]) | TEXTS,
    "sender": st.none() | st.sampled_from(["Shop", "1" * 16]) | TEXTS,
    "text": st.none() | st.sampled_from(["Hello", "Hello {name}", "{", "x" * 20_000]) | TEXTS,
    "content": st.none() | JSON | ODD_JSON | st.just('{"sender": "Shop", "text": "Hello {name}"}'),
    "phone": st.sampled_from(["79030000001", "8 903 000-00-02", "1" * 50_000]) | TEXTS,
    "ref": st.none() | TEXTS,
    "client_key": st.none() | st.integers(-5, 20).map(str) | TEXTS,
    "variables": st.none() | JSON | ODD_JSON | st.just('{"name": "Anna"}'),
    "send_at": st.none() | MOMENTS,
}
NONSENSE = st.lists(st.fixed_dictionaries(COLUMNS), min_size=1, max_size=8)
VALUES = st.binary(max_size=20) | st.integers(-(2**63), 2**63 - 1) | st.floats() | TEXTS
ANYTHING = st.lists(
    st.fixed_dictionaries({}, optional=dict.fromkeys((*COLUMNS, "created_at"), VALUES)), min_size=1, max_size=8
)
pytestmark = pytest.mark.timeout(180)
QUICK = settings(
    max_examples=20, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def goes_on(inbox: AnInbox, rows: list[dict[str, Any]]) -> None:
    with transaction(inbox.ledger.sessions) as session:
        session.execute(text("DELETE FROM bulkpost_outgoing"))
        number = session.execute(select(func.count()).select_from(Gathering)).scalar_one()
    assert number == 0
    name = f"good {id(rows)} {inbox.ledger.clock.now}"
    inbox.insert(*rows, *inbox.letters(1, campaign_key=name))
    made = inbox.make()
    assert name in [campaign.external_key for campaign in made]
    waiting = select(Outgoing.id).where(Outgoing.taken_at.is_(None), Outgoing.refused_at.is_(None))
    assert inbox.ledger.all(waiting) == []
    assert all("\n" not in refusal for refusal in inbox.refusals() if refusal is not None)


@QUICK
@given(rows=NONSENSE)
def test_nonsense_stops_nobody_on_postgres(postgres_inbox: AnInbox, rows: list[dict[str, Any]]) -> None:
    goes_on(postgres_inbox, rows)


@QUICK
@given(rows=NONSENSE)
def test_nonsense_stops_nobody_on_sqlite(sqlite_inbox: AnInbox, rows: list[dict[str, Any]]) -> None:
    goes_on(sqlite_inbox, rows)


@QUICK
@given(rows=ANYTHING)
def test_wrong_types_stop_nobody_on_sqlite(sqlite_inbox: AnInbox, rows: list[dict[str, Any]]) -> None:
    goes_on(sqlite_inbox, [{"campaign_key": "k", "phone": "1", **row} for row in rows])
