"""The ledger: who was charged, once per key, and still after a restart. Source: protocol.md 9."""

from pathlib import Path

import pytest

from tests.simulator.wire import document, exchange, get, line, message, post, request
from worker.simulator.journal import JournalError
from worker.simulator.running import RunningSimulator, running_simulator


def test_scenario_8_a_repeated_key_gets_the_first_id_and_is_not_charged(simulator: RunningSimulator) -> None:
    first = post(simulator.url, document(3))
    again = post(simulator.url, document(3))
    assert again.entries == first.entries
    ledger = simulator.ledger()
    assert (ledger["charged"], ledger["repeats"], ledger["conflicts"]) == (3, 3, 0)


def test_a_repeat_may_be_cut_into_other_documents(simulator: RunningSimulator) -> None:
    first = post(simulator.url, document(4))
    halves = post(simulator.url, document(2)).ids + post(simulator.url, document(2, 3)).ids
    mixed = post(simulator.url, document(6)).ids
    assert halves == first.ids
    assert mixed[:4] == first.ids
    assert simulator.ledger()["charged"] == 6


def test_a_key_twice_in_one_document_is_charged_once(simulator: RunningSimulator) -> None:
    answer = post(simulator.url, request(message([line(1, 77), line(2, 77)])))
    assert answer.ids[0] == answer.ids[1]
    assert simulator.ledger()["charged"] == 1


@pytest.mark.parametrize(
    ("number", "text", "conflicts"), [(79030000001, "Hello", 0), (79039999999, "Hello", 1), (79030000001, "Bye", 1)]
)
def test_a_repeat_with_another_phone_or_text_is_told(
    simulator: RunningSimulator, number: int, text: str, conflicts: int
) -> None:
    first = post(simulator.url, document())
    again = post(simulator.url, request(message([line(1, phone=number)], text)))
    assert again.ids == first.ids
    (charged,) = simulator.ledger()["messages"]
    assert (charged["phone"], charged["text"]) == ("79030000001", "Hello")
    assert (charged["repeats"], charged["conflicts"]) == (1, conflicts)


def test_a_key_belongs_to_its_account(simulator: RunningSimulator) -> None:
    one = post(simulator.url, document())
    other = post(simulator.url, document().replace('"shop"', '"other"'))
    assert one.ids != other.ids
    assert [each["account"] for each in simulator.ledger()["messages"]] == ["shop", "other"]


def test_without_a_key_every_document_is_charged(simulator: RunningSimulator) -> None:
    body = document(2).replace("client_id_sms", "no_key")
    ids = post(simulator.url, body).ids + post(simulator.url, body).ids
    assert len(set(ids)) == 4
    assert simulator.ledger()["charged"] == 4


def test_the_ledger_says_what_was_charged(simulator: RunningSimulator) -> None:
    (id_sms,) = post(simulator.url, document(text="Привет, " * 10)).ids
    (charged,) = simulator.ledger()["messages"]
    assert charged.pop("charged_at") > 1_700_000_000
    assert charged == {
        "seq": 1,
        "account": "shop",
        "client_id_sms": "500001",
        "id_sms": id_sms,
        "phone": "79030000001",
        "sender": "Shop",
        "kind": "sms",
        "text": "Привет, " * 10,
        "parts": 2,
        "repeats": 0,
        "conflicts": 0,
    }


def test_the_ledger_is_read_in_pages(simulator: RunningSimulator) -> None:
    post(simulator.url, document(5))
    keys, after = [], 0
    while after is not None:
        page = get(f"{simulator.control_url}/ledger?after={after}&limit=2")
        assert page["charged"] == 5
        keys += [each["client_id_sms"] for each in page["messages"]]
        after = page["next"]
    assert keys == ["500001", "500002", "500003", "500004", "500005"]
    assert get(f"{simulator.control_url}/ledger")["next"] is None
    assert len(get(f"{simulator.control_url}/ledger")["messages"]) == 5


@pytest.mark.parametrize("query", ["after=x", "limit=-1", "after=1&limit=", "limit=1e3"])
def test_a_bad_page_is_refused_in_one_line(simulator: RunningSimulator, query: str) -> None:
    answer = exchange("GET", f"{simulator.control_url}/ledger?{query}")
    assert answer.status == 400
    assert b"must be a whole number of at least 0" in answer.body


def test_ids_never_repeat_over_restarts_without_a_journal() -> None:
    ids: set[str | None] = set()
    for _ in range(3):
        with running_simulator() as simulator:
            ids.update(post(simulator.url, document(1000)).ids)
    assert len(ids) == 3000


def test_a_restarted_simulator_knows_its_keys(tmp_path: Path) -> None:
    journal = tmp_path / "ledger.jsonl"
    with running_simulator(ledger=journal) as simulator:
        first = post(simulator.url, document(3, text="Привет 😀"))
        before = simulator.ledger()
    with running_simulator(ledger=journal) as simulator:
        assert simulator.ledger() == before
        again = post(simulator.url, document(4, text="Привет 😀"))
        after = simulator.ledger()
    assert again.ids[:3] == first.ids
    assert len(set(again.ids)) == 4
    assert (after["charged"], after["repeats"], after["conflicts"]) == (4, 3, 0)


def test_a_restart_keeps_ids_of_22_digits(tmp_path: Path) -> None:
    journal = tmp_path / "ledger.jsonl"
    with running_simulator(ledger=journal, faults=[{"id_digits": 22, "lines": [2]}]) as simulator:
        first = post(simulator.url, document(3))
    with running_simulator(ledger=journal) as simulator:
        assert post(simulator.url, document(3)).ids == first.ids
        assert post(simulator.url, document(1, 9)).ids[0] not in first.ids


def test_a_line_that_a_kill_left_unfinished_is_forgotten(tmp_path: Path) -> None:
    journal = tmp_path / "ledger.jsonl"
    with running_simulator(ledger=journal) as simulator:
        post(simulator.url, document(1))
        post(simulator.url, document(1, 2))
    journal.write_bytes(journal.read_bytes()[:-10])
    for charged in (1, 2):
        with running_simulator(ledger=journal) as simulator:
            assert simulator.ledger()["charged"] == charged
            post(simulator.url, document(1, 2))
            assert simulator.ledger()["charged"] == 2


def test_a_journal_that_is_none_is_refused(tmp_path: Path) -> None:
    journal = tmp_path / "list.csv"
    journal.write_text("phone,name\n")
    with (
        pytest.raises(JournalError, match=r"list\.csv: line 1 is not a ledger line"),
        running_simulator(ledger=journal),
    ):
        pass
    with pytest.raises(JournalError, match="cannot be written"), running_simulator(ledger=tmp_path):
        pass
    assert journal.read_text() == "phone,name\n"


def test_two_simulators_do_not_share_a_journal(tmp_path: Path) -> None:
    journal = tmp_path / "ledger.jsonl"
    with (
        running_simulator(ledger=journal),
        pytest.raises(JournalError, match="another simulator is using it"),
        running_simulator(ledger=journal),
    ):
        pass
