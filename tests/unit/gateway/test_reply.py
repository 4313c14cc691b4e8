"""Replies: what surrounds the documented shapes in practice, and that nothing else ever passes for one."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from worker.core.messages import Meaning, Reply, ReplyEntry
from worker.errors import Unreadable
from worker.gateway.reply import parse

GOLDEN = Path(__file__).parents[2] / "data" / "gateway" / "replies"
RUSSIAN = '<response><information number_sms="1">Закончились SMS.</information></response>'
UNDERSTOOD = Reply((ReplyEntry(1, None, None, "Закончились SMS.", Meaning.ACCOUNT),))


def accepted(number: int, provider_message_id: str, segments: int) -> ReplyEntry:
    return ReplyEntry(number, provider_message_id, segments, "send", Meaning.ACCEPTED)


GOLDEN_REPLIES = {
    "accepted": Reply((accepted(1, "2856677675", 2), accepted(2, "2856677676", 2), accepted(3, "2856677677", 1))),
    "document_refused": Reply((), "Incorrect XML document format", Meaning.DOCUMENT),
    "mixed_russian_windows_1251": Reply(
        (
            ReplyEntry(2, None, None, "Закончились SMS.", Meaning.ACCOUNT),
            accepted(1, "1234567890123456789012", 1),
            ReplyEntry(3, None, None, "Номер телефона присутствует в стоп-листе.", Meaning.STOP_LISTED),
        )
    ),
    "behind_php_warnings": Reply((accepted(1, "7", 1),)),
    "error_with_entries": Reply((accepted(1, "7", 1),), "Out of SMS", Meaning.ACCOUNT),
}


def only_entry(xml: str) -> ReplyEntry:
    (entry,) = parse(f"<response>{xml}</response>".encode()).entries
    return entry


@pytest.mark.parametrize("name", GOLDEN_REPLIES)
def test_golden_reply_is_understood(name: str) -> None:
    assert parse((GOLDEN / f"{name}.xml").read_bytes()) == GOLDEN_REPLIES[name]


def test_every_golden_reply_is_tried() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(GOLDEN_REPLIES)


@pytest.mark.parametrize(
    "document",
    [
        '<response xmlns="urn:a"><information number_sms="1" id_sms="7" parts="1">send</information></response>',
        '<a:response xmlns:a="b"><a:information number_sms="1" id_sms="7" parts="1">send</a:information></a:response >',
    ],
)
def test_a_namespace_changes_nothing_whatever_follows_the_document(document: str) -> None:
    assert parse(f'<?xml version="1.0"?>{document}<br />Notice: &'.encode()) == Reply((accepted(1, "7", 1),))


def test_an_error_in_a_namespace_is_an_error() -> None:
    assert parse(b'<response xmlns="urn:a"><error>Out of SMS</error></response>').error_meaning is Meaning.ACCOUNT


class TestEncoding:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "windows-1251", "utf-16", "utf-16-le", "utf-16-be"])
    @pytest.mark.parametrize("prolog", ["", '<?xml version="1.0"?>', '<?xml version="1.0" encoding="utf-8"?>\n'])
    @pytest.mark.parametrize("charset", [None, "utf-8", "windows-1251", "no-such", "rot13", "unicode_escape", "\0"])
    def test_encoding_is_found_whatever_is_claimed(self, encoding: str, prolog: str, charset: str | None) -> None:
        assert parse((prolog + RUSSIAN).encode(encoding), charset) == UNDERSTOOD

    @pytest.mark.parametrize("encoding", ["windows-1251", "koi8-r", "iso-8859-5", "utf-16", "cp866"])
    def test_encoding_that_the_prolog_names_is_used(self, encoding: str) -> None:
        raw = f"<?xml version='1.0' encoding='{encoding.upper()}'?>{RUSSIAN}".encode(encoding)
        assert parse(raw, "koi8-u") == UNDERSTOOD

    @pytest.mark.parametrize("charset", ["KOI8-R", "koi8_r"])
    def test_encoding_that_the_header_names_is_used(self, charset: str) -> None:
        assert parse(RUSSIAN.encode("koi8-r"), charset) == UNDERSTOOD


class TestSurroundings:
    @pytest.mark.parametrize("before", ["\ufeff", " \r\n\t", "Warning: x in y on line 3\n", "<!-- note -->", "]]>&"])
    @pytest.mark.parametrize("prolog", ["", '<?xml  version="1.0"  encoding="utf-8"  ?>', "<?php x ?>"])
    @pytest.mark.parametrize("after", ["", "\n\n", "\0", "<!-- 0.1 s -->", "Notice: y\n"])
    def test_what_stands_around_the_document_is_skipped(self, before: str, prolog: str, after: str) -> None:
        assert parse((before + prolog + RUSSIAN + after).encode()) == UNDERSTOOD

    def test_unknown_attributes_elements_and_stray_text_are_ignored(self) -> None:
        raw = b"""<response v="2">stray<state/><information cost="1" number_sms="1" id_sms="7"> s<!-- -->end
            <cost>5</cost></information>, <other><information number_sms="2" id_sms="8">send</information></other>
            </response>"""
        assert parse(raw) == Reply((ReplyEntry(1, "7", None, "send", Meaning.ACCEPTED),))


class TestEntry:
    @pytest.mark.parametrize(
        ("number", "read"),
        [
            ("1", 1),
            (" 12 ", 12),
            ("007", 7),
            ("", None),
            ("x", None),
            ("-1", None),
            ("1.0", None),
            ("1 2", None),
            ("²", None),
            ("٣", None),
            ("9" * 5000, None),
        ],
    )
    def test_number_is_a_whole_number_or_none(self, number: str, read: int | None) -> None:
        assert only_entry(f'<information number_sms="{number}">send</information>').number == read
        assert only_entry(f'<information number_sms="1" parts="{number}">send</information>').segments == read

    @pytest.mark.parametrize("parts", ["1000", "999999999"])
    def test_more_parts_than_any_message_has_are_none(self, parts: str) -> None:
        raw = f'<response><information number_sms="1" id_sms="7" parts="{parts}">send</information></response>'
        (entry,) = parse(raw.encode()).entries
        assert (entry.provider_message_id, entry.segments) == ("7", None)

    def test_absent_attributes_are_none(self) -> None:
        assert only_entry("<information/>") == ReplyEntry(None, None, None, "", Meaning.UNSEEN)

    @pytest.mark.parametrize(
        ("id_sms", "read"), [("1" * 22, "1" * 22), (" 7 ", "7"), ("", None), (" ", None), ("a-1", "a-1")]
    )
    def test_id_is_text(self, id_sms: str, read: str | None) -> None:
        assert (
            only_entry(f'<information number_sms="1" id_sms="{id_sms}">send</information>').provider_message_id == read
        )

    def test_text_is_kept_word_for_word(self) -> None:
        entry = only_entry(
            '<information number_sms="1">\n Что-то   новое, &amp; <![CDATA[<странное>]]>. </information>'
        )
        assert entry.text == "Что-то   новое, & <странное>."
        assert entry.meaning is Meaning.UNSEEN

    def test_case_of_the_status_is_folded(self) -> None:
        assert only_entry('<information number_sms="1">Send</information>').meaning is Meaning.ACCEPTED


class TestError:
    def test_first_of_several_counts(self) -> None:
        reply = parse(b"<response><error>Account blocked</error><error>No link</error></response>")
        assert (reply.error_text, reply.error_meaning) == ("Account blocked", Meaning.ACCOUNT)

    def test_empty_one_is_one(self) -> None:
        reply = parse(b"<response><error/></response>")
        assert (reply.error_text, reply.error_meaning) == ("", Meaning.UNSEEN)

    def test_empty_response_says_nothing(self) -> None:
        assert parse(b"<response/>") == Reply(())


BOMB = '<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" \n",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\0",
        b"ok",
        b"{}",
        b"<html><body>502 Bad Gateway</body></html>",
        b"<!DOCTYPE html><html></html>",
        RUSSIAN.encode()[:-3],
        RUSSIAN.encode()[:40],
        b"<response>&nbsp;</response>",
        b"<response>\x00</response>",
        b"<response>\x07</response>",
        b"<response><a></response>",
        b"<response>&#0;</response>",
        b"<responses/>",
        b"<Response></Response>",
        b"<request><information>send</information></request>",
        b"<response></response><response></response>",
        f"{BOMB}<response>&b;</response>".encode(),
        b'<!DOCTYPE r SYSTEM "file:///etc/passwd"><response/>',
        b'<!doctype r [<!ENTITY x SYSTEM "file:///etc/passwd">]><response>&x;</response>',
        b'<?xml version="1.0"?>\n<!DOCTYPE r>\n<response/>',
        f"<!DOCTYPE r>{RUSSIAN}".encode("utf-16"),
        b"<response>" + b"<a>" * 5000 + b"</a>" * 5000 + b"</response>",
    ],
)
def test_whatever_is_no_response_is_unreadable_and_kept(raw: bytes) -> None:
    with pytest.raises(Unreadable) as caught:
        parse(raw)
    assert caught.value.raw == raw
    assert "passwd" not in str(caught.value)


def test_error_about_the_document_does_not_quote_it() -> None:
    with pytest.raises(Unreadable) as caught:
        parse(b'<response><information phone="79000000001"></response>')
    assert "7900" not in str(caught.value)


MARKUP = st.sampled_from(
    [
        *("<response>", "</response>", "<response", "<information ", 'number_sms="1"', "id_sms='7'", ">", "/>", "send"),
        *(
            "</information>",
            "<error>",
            "</error>",
            "<?xml ",
            "encoding='utf-16'",
            "?>",
            "<!--",
            "-->",
            "<![CDATA[",
            "]]>",
        ),
        *("<!DOCTYPE", "&amp;", "&x;", "&#0;", "\0", "\ufeff", "Закончились SMS", "\ud7ff", "xmlns='x'", "x:y"),
    ]
)


@given(raw=st.binary(), charset=st.none() | st.text())
@example(raw=b"<response/>", charset="idna")
def test_any_bytes_are_a_reply_or_unreadable(raw: bytes, charset: str | None) -> None:
    with contextlib.suppress(Unreadable):
        parse(raw, charset)


@given(
    pieces=st.lists(MARKUP | st.text(max_size=3)),
    encoding=st.sampled_from(["utf-8", "utf-16", "utf-16-be", "windows-1251"]),
    whole=st.booleans(),
)
def test_any_pieces_of_markup_are_a_reply_or_unreadable(pieces: list[str], encoding: str, whole: bool) -> None:
    text = "".join(pieces)
    raw = (f"<response>{text}</response>" if whole else text).encode(encoding, errors="replace")
    with contextlib.suppress(Unreadable):
        parse(raw)
