"""The floor and the peers send what the product sends, and read what the product reads."""

from collections.abc import Callable

import pytest
from lxml import etree

from models.segments import count
from worker.bench.floor import document, personal_document, results
from worker.bench.floor_tables import Row
from worker.bench.order import PERSONAL_TEXT, TEXT

ROWS = [(7, "79030000007", "Имя 7"), (8, "79030000008", 'A & <"B">')]


@pytest.mark.parametrize("write", [document, personal_document])
def test_document_names_everybody_once(write: Callable[[list[Row]], bytes]) -> None:
    root = etree.fromstring(write(ROWS))
    lines = [(one.get("phone"), one.get("number_sms")) for one in root.iter("abonent")]
    assert lines == [("79030000007", "1"), ("79030000008", "2")]
    assert len({one.get("client_id_sms") for one in root.iter("abonent")}) == 2


def test_texts_arrive_as_they_were_meant() -> None:
    assert [text.text for text in etree.fromstring(document(ROWS)).iter("text")] == [TEXT]
    personal = [text.text for text in etree.fromstring(personal_document(ROWS)).iter("text")]
    assert personal == [PERSONAL_TEXT.format(name=name) for _, _, name in ROWS]


def test_texts_fit_into_one_segment() -> None:
    # A reply of the sink says so, and the product remarks on what differs from its own count.
    assert [count(text).parts for text in (TEXT, PERSONAL_TEXT.format(name="Имя 1000000"))] == [1, 1]


def test_answers_are_kept_by_number_whatever_their_order() -> None:
    reply = (
        b'<response><information number_sms="2" id_sms="12" parts="1">send</information>'
        b'<information number_sms="1" id_sms="11" parts="1">send</information></response>'
    )
    assert results(ROWS, reply) == [(8, "12", "1", "send"), (7, "11", "1", "send")]
