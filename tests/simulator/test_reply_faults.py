"""Faults of the reply and of single lines. Source: protocol.md 5, 6, 7, 9, 19."""

from xml.etree import ElementTree

import pytest

from tests.simulator.wire import document, line, message, post, request
from worker.simulator.running import RunningSimulator
from worker.simulator.texts import LINE_TEXTS


def test_scenario_1_ids_of_22_digits(simulator: RunningSimulator) -> None:
    simulator.set_faults([{"id_digits": 22, "lines": [2]}])
    first = post(simulator.url, document(3))
    assert [len(id_sms or "") for id_sms in first.ids] == [16, 22, 16]
    assert post(simulator.url, document(3)).ids == first.ids


@pytest.mark.parametrize("name", [name for name in LINE_TEXTS if name != "send"])
def test_scenario_2_every_documented_text_in_both_languages(simulator: RunningSimulator, name: str) -> None:
    for language, documented in zip(("en", "ru"), LINE_TEXTS[name], strict=True):
        for final_stop in (True, False):
            simulator.set_faults([{"text": name, "language": language, "final_stop": final_stop, "lines": [2]}])
            answer = post(simulator.url, document(3))
            assert answer.entries[1] == ("2", None, None, documented.rstrip(".") + ("." if final_stop else ""))
            assert (answer.texts[0], answer.texts[2]) == ("send", "send")
    assert "500002" not in [each["client_id_sms"] for each in simulator.ledger()["messages"]]


def test_scenario_3_a_shuffled_reply(simulator: RunningSimulator) -> None:
    simulator.set_faults([{"look": ["shuffled"]}])
    for count in (2, 3, 10):
        numbers = [entry[0] for entry in post(simulator.url, document(count)).entries]
        assert sorted(numbers, key=lambda number: int(number or 0)) == [str(n + 1) for n in range(count)]
        assert all(number != str(place) for place, number in enumerate(numbers, 1))


def test_scenario_4_missing_entries_may_have_been_charged_or_not(simulator: RunningSimulator) -> None:
    simulator.set_faults([{"entries": "missing", "lines": [1]}, {"entries": "missing", "lines": [2], "charged": False}])
    assert [entry[0] for entry in post(simulator.url, document(3)).entries] == ["3"]
    assert [each["client_id_sms"] for each in simulator.ledger()["messages"]] == ["500001", "500003"]


def test_scenario_5_a_reply_that_is_unusual_but_right(simulator: RunningSimulator) -> None:
    looks = ["two_spaces", "stray_text", "extra_attributes", "indented", "capitals", "bom"]
    for look in [*([each] for each in looks), looks, ["no_prolog"]]:
        simulator.set_faults([{"look": look}])
        answer = post(simulator.url, document(2))
        assert [text.lower() for text in answer.texts if text] == ["send", "send"]
    simulator.set_faults([{"look": ["bom", "two_spaces"], "before_prolog": "<b>Warning</b>: mysql "}])
    assert post(simulator.url, document()).body.startswith(b"\xef\xbb\xbf<b>Warning</b>: mysql <?xml  version=")
    simulator.set_faults([{"look": ["capitals", "extra_attributes", "stray_text"]}])
    body = post(simulator.url, document(2)).body
    assert b" . <information id_turn=" in body
    assert b">Send<" in body


@pytest.mark.parametrize("status", [400, 200])
@pytest.mark.parametrize("error", ["bad_document", "bad_credentials", "no_body", "account_locked"])
def test_scenario_6_an_error_with_400_and_with_200(simulator: RunningSimulator, error: str, status: int) -> None:
    simulator.set_faults([{"error": error, "status": status, "language": "ru"}])
    answer = post(simulator.url, document(2))
    assert answer.status == status
    assert answer.entries == []
    assert answer.error is not None
    assert not answer.error.isascii()
    assert simulator.ledger()["charged"] == 0


def test_an_error_beside_entries(simulator: RunningSimulator) -> None:
    simulator.set_faults(
        [
            {"error": "account_locked", "status": 200, "processed": True},
            {"entries": "missing", "from_line": 3, "charged": False},
        ]
    )
    answer = post(simulator.url, document(4))
    assert (answer.status, answer.texts, answer.error) == (200, ["send", "send"], "Your account is locked")
    assert simulator.ledger()["charged"] == 2


def test_scenario_7_account_texts_from_the_middle_on(simulator: RunningSimulator) -> None:
    simulator.set_faults([{"text": "out_of_sms", "from_line": 3}])
    first = post(simulator.url, document(4))
    assert first.texts == ["send", "send", "Out of SMS", "Out of SMS"]
    simulator.set_faults([])
    assert post(simulator.url, document(4)).ids[:2] == first.ids[:2]
    assert simulator.ledger()["charged"] == 4


def test_scenario_7_the_balance_runs_out_after_some_messages(simulator: RunningSimulator) -> None:
    simulator.set_faults([{"after_charged": 5, "text": "out_of_sms", "language": "ru"}])
    assert post(simulator.url, document(3)).texts == ["send"] * 3
    assert post(simulator.url, document(4, 4)).texts == ["send"] * 2 + ["Закончились SMS."] * 2
    assert post(simulator.url, document(1, 20)).texts == ["Закончились SMS."]
    assert post(simulator.url, document(3)).texts == ["send"] * 3  # known keys cost nothing
    simulator.set_faults([])
    assert post(simulator.url, document(4, 4)).texts == ["send"] * 4


def test_scenario_8_already_sent_without_id(simulator: RunningSimulator) -> None:
    simulator.set_faults([{"keys": "repeated", "text": "already_sent"}])
    assert post(simulator.url, document(2)).texts == ["send", "send"]
    again = post(simulator.url, document(3))
    assert again.entries[:2] == [(n, None, None, "Данное сообщение уже было отправлено.") for n in ("1", "2")]
    assert again.texts[2] == "send"
    assert (simulator.ledger()["charged"], simulator.ledger()["repeats"]) == (3, 2)


def test_scenario_10_bodies_that_are_no_reply(simulator: RunningSimulator) -> None:
    simulator.set_faults([{"body": "empty"}])
    assert post(simulator.url, document()).body == b""
    simulator.set_faults([{"body": "truncated"}])
    truncated = post(simulator.url, document(2)).body
    assert truncated
    with pytest.raises(ElementTree.ParseError):
        ElementTree.fromstring(truncated)
    simulator.set_faults([{"body": "noise", "megabytes": 2}])
    assert len(post(simulator.url, document()).body) == 2_000_000
    simulator.set_faults([{"body_text": "ok"}])
    assert post(simulator.url, document()).body == b"ok"
    simulator.set_faults([{"body_text": ""}])
    assert post(simulator.url, document()).body == b""
    simulator.set_faults([{"body": "html"}])
    assert (post(simulator.url, document()).status, simulator.ledger()["charged"]) == (200, 2)


@pytest.mark.parametrize(
    ("declared", "prolog", "header"),
    [
        ("both", "windows-1251", "text/xml; charset=windows-1251"),
        ("prolog", "windows-1251", "text/xml"),
        ("header", None, "text/xml; charset=windows-1251"),
        ("nowhere", None, "text/xml"),
        ("wrongly", "utf-8", "text/xml; charset=utf-8"),
    ],
)
def test_scenario_10_windows_1251_with_and_without_saying_so(
    simulator: RunningSimulator, declared: str, prolog: str | None, header: str
) -> None:
    fault = {"encoding": "windows-1251", "declared": declared, "text": "stop_list", "language": "ru"}
    simulator.set_faults([fault])
    answer = post(simulator.url, document())
    assert answer.headers["content-type"] == header
    decoded = answer.body.decode("windows-1251")
    assert "Номер телефона присутствует в стоп-листе." in decoded
    assert (f'encoding="{prolog}"' in decoded) if prolog else "encoding" not in decoded


def test_utf_16_has_its_byte_order_mark(simulator: RunningSimulator) -> None:
    simulator.set_faults([{"encoding": "utf-16"}])
    answer = post(simulator.url, document())
    assert answer.body[:2] in (b"\xff\xfe", b"\xfe\xff")
    assert answer.texts == ["send"]


@pytest.mark.parametrize("body", ["dtd", "bomb"])
def test_replies_with_entities(simulator: RunningSimulator, body: str) -> None:
    simulator.set_faults([{"body": body}])
    reply = post(simulator.url, document()).body
    assert b"<!DOCTYPE response" in reply
    assert b">send</information>" not in reply
    assert simulator.ledger()["charged"] == 1


def test_scenario_13_held_until_top_up_is_charged_and_later_delivered(simulator: RunningSimulator) -> None:
    simulator.set_faults([{"text": "held", "charged": True}])
    (entry,) = post(simulator.url, document()).entries
    assert entry[1] is None
    assert entry[3] is not None
    assert entry[3].startswith("Недостаточно средств")
    simulator.set_faults([])
    (id_sms,) = post(simulator.url, document()).ids
    assert id_sms == simulator.ledger()["messages"][0]["id_sms"]
    assert simulator.ledger()["charged"] == 1


def test_scenario_14_two_keys_with_one_id(simulator: RunningSimulator) -> None:
    simulator.set_faults([{"same_id": True, "lines": [2, 3]}])
    first = post(simulator.url, document(4))
    assert first.texts == ["send"] * 4
    assert first.ids[1] == first.ids[2]
    assert len(set(first.ids)) == 3
    again = post(simulator.url, document(4))
    assert again.ids == first.ids
    ledger = simulator.ledger()
    assert ledger["charged"] == 3
    assert ledger["messages"][1]["conflicts"] == 2


def test_scenario_15_an_unseen_text_for_one_and_for_all(simulator: RunningSimulator) -> None:
    simulator.set_faults([{"text": "Moon in the wrong house", "lines": [1]}])
    assert post(simulator.url, document(2)).texts == ["Moon in the wrong house", "send"]
    simulator.set_faults([{"text": "Луна в доме & <так>", "charged": True, "with_id": True}])
    answer = post(simulator.url, document(2, 10))
    assert answer.texts == ["Луна в доме & <так>"] * 2
    assert None not in answer.ids
    assert simulator.ledger()["charged"] == 3


def test_an_id_beside_an_error_and_none_beside_send(simulator: RunningSimulator) -> None:
    simulator.set_faults([{"with_id": False, "lines": [1]}, {"text": "closed", "with_id": True, "lines": [2]}])
    without, beside = post(simulator.url, document(2)).entries
    assert without == ("1", None, None, "send")
    assert (beside[1] is not None, beside[3]) == (True, "This destination is closed")
    assert [each["client_id_sms"] for each in simulator.ledger()["messages"]] == ["500001"]


def test_entries_that_repeat_contradict_or_belong_to_nobody(simulator: RunningSimulator) -> None:
    simulator.set_faults(
        [
            {"entries": "twice", "lines": [1]},
            {"entries": "conflicting", "lines": [2, 3]},
            {"entries": "foreign", "lines": [4]},
            {"entries": "renumbered", "lines": [5]},
            {"entries": "unnumbered", "lines": [6]},
        ]
    )
    answer = post(simulator.url, document(7))
    assert [(number, text) for number, _, _, text in answer.entries] == [
        ("1", "send"),
        ("1", "send"),
        ("2", "send"),
        ("2", "This destination is closed"),
        ("3", "This destination is closed"),
        ("3", "send"),
        ("4", "send"),
        ("1000004", "send"),
        ("1000005", "send"),
        ("", "send"),
        ("7", "send"),
    ]
    assert answer.ids[0] == answer.ids[1]
    assert simulator.ledger()["charged"] == 7


def test_lines_are_chosen_by_what_they_are(simulator: RunningSimulator) -> None:
    body = request(message([line(n) for n in range(1, 11)], "Hello"), message([line(11), line(12)], "Hello Ann"))
    simulator.set_faults(
        [
            {"text": "stop_list", "phones": ["79030000002", "79030000003"]},
            {"text": "moderator", "text_contains": "Ann"},
            {"text": "closed", "keys_ending": "07"},
            {"text": "no_sender", "lines": [7, 8], "from_line": 8},
        ]
    )
    assert post(simulator.url, body).texts == [
        "send",
        "Phone number is on the stop list",
        "Phone number is on the stop list",
        *["send"] * 3,
        "This destination is closed",
        "No sender",
        *["send"] * 2,
        *["SMS text rejected by moderator"] * 2,
    ]
    assert simulator.ledger()["charged"] == 6


def test_of_two_rules_about_one_line_the_first_wins(simulator: RunningSimulator) -> None:
    simulator.set_faults([{"text": "closed", "lines": [1]}, {"text": "stop_list"}])
    assert post(simulator.url, document(2)).texts == ["This destination is closed", "Phone number is on the stop list"]


def test_a_charged_key_is_answered_with_its_id_whatever_a_text_rule_says(simulator: RunningSimulator) -> None:
    first = post(simulator.url, document())
    simulator.set_faults([{"text": "closed"}])
    assert post(simulator.url, document()).entries == first.entries
