"""The view `bulkpost_results`: stable columns, the keys that the provider gets, and no look at other campaigns."""

import pytest
from sqlalchemy import text

from models.ledger.enqueue import Recipient
from models.ledger.importing import add_rows, begin_import
from models.ledger.report import results
from models.ledger.rows import NewRow
from models.session import reading
from tests.support.inbox import AnInbox
from tests.support.ledger import PLAIN, Ledger, accepted, numbers

COLUMNS = [
    "campaign_id", "campaign_key", "account", "position", "phone", "ref", "client_key", "status", "message_id",
    "segments", "provider_text", "error_class", "reason", "attempts", "updated_at",
]  # fmt: skip


def seen(ledger: Ledger, query: str) -> list[tuple[object, ...]]:
    with reading(ledger.sessions) as session:
        return [tuple(row) for row in session.execute(text(query))]


def test_its_columns_are_the_contract(inbox: AnInbox) -> None:
    with reading(inbox.ledger.sessions) as session:
        assert list(session.execute(text("SELECT * FROM bulkpost_results")).keys()) == COLUMNS


@pytest.mark.parametrize("total", [1, 9, 10, 12, 105])
def test_keys_are_those_that_the_provider_gets(inbox: AnInbox, total: int) -> None:
    campaign_id = inbox.ledger.a_draft(recipients=[Recipient("79040000000", client_key="17"), *numbers(total)])
    with reading(inbox.ledger.sessions) as session:
        ours = [(row.position, row.client_id_sms) for row in results(session, campaign_id)]
    assert seen(inbox.ledger, "SELECT position, client_key FROM bulkpost_results ORDER BY position") == ours
    assert ours[0] == (1, "17")


def test_it_says_what_results_say(inbox: AnInbox) -> None:
    campaign_id = inbox.ledger.a_campaign(3, key="k")
    inbox.ledger.record(lease := inbox.ledger.a_lease(), accepted(lease, [2]))
    assert seen(
        inbox.ledger,
        "SELECT campaign_key, account, phone, status, message_id FROM bulkpost_results ORDER BY position",
    ) == [
        ("k", "default", "79030000001", "pending", None),
        ("k", "default", "79030000002", "accepted", f"id-{campaign_id}-2"),
        ("k", "default", "79030000003", "pending", None),
    ]


def test_a_campaign_that_is_not_announced_is_not_in_it(inbox: AnInbox) -> None:
    draft = inbox.ledger.do(begin_import, content=PLAIN, account="default", column_names=())
    inbox.ledger.do(add_rows, draft, 1, [NewRow("79030000001")])
    assert seen(inbox.ledger, "SELECT 1 FROM bulkpost_results") == []


@pytest.mark.parametrize("where", ["campaign_id = 2", "campaign_key = 'k' AND account = 'default'"])
def test_it_reads_the_recipients_of_the_campaign_alone(inbox: AnInbox, where: str) -> None:
    inbox.ledger.a_draft(5_000)
    inbox.ledger.a_draft(3, key="k")
    sqlite = inbox.ledger.sessions.kw["bind"].dialect.name == "sqlite"
    with reading(inbox.ledger.sessions) as session:
        if not sqlite:
            session.execute(text("SET LOCAL enable_seqscan = off"))  # the tables of a test are too small for an index
        explain = "EXPLAIN QUERY PLAN" if sqlite else "EXPLAIN"
        plan = session.execute(text(f"{explain} SELECT * FROM bulkpost_results WHERE {where}")).all()
    said = "\n".join(str(row[-1]) for row in plan)
    assert "SCAN r" not in said
    assert "Seq Scan on bulkpost_recipients" not in said
