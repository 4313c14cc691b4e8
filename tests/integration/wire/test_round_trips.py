"""Whatever validation accepts reads back as it was meant, is taken by the double, and its answer is understood.

Both sides count segments by themselves and share no code, so that each is the other's test.
"""

import re
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from models.content import KINDS, Content, Silence, Sms, VCard, check, expected_segments, to_json
from models.errors import ContentError, MissingValue, UnsendableText
from models.segments import count
from models.states import RecipientStatus
from models.wording import compile_content
from models.work import History
from tests.integration.wire.documents import LOGIN, submission_of
from worker.core.decide import decide_reply
from worker.core.messages import Submission, Verdict
from worker.gateway.client import Gateway
from worker.gateway.document import build
from worker.gateway.reply import parse
from worker.simulator.document import Document, read_document
from worker.simulator.ledger import Ledger
from worker.simulator.reply import render_send
from worker.simulator.running import RunningSimulator, running_simulator
from worker.simulator.segments import count_segments
from worker.simulator.settle import settle

ODD = ["\\", "n", "\\n", "\r\n", "\n", "\r", "\u0085", "\u2028", "\u2029", "\t", " ", "\u00a0", "€", "[", "]", "^", "~"]
ODD += [
    "<",
    ">",
    "&",
    '"',
    "'",
    "&amp;",
    "]]>",
    "<!--",
    "<abonent/>",
    "%",
    "%s",
    "😀",
    "👨‍👩‍👧",
    "é",
    "`",
    "я",
    "Ж",
    "\u0301",
]
ODD += ["\x7f", "\x1b", "\0", "\x0c", "\ud800", "\ufffe", "\ufeff", "{{", "}}", "{a}", "{b}", "{ a }", "http://x/?q="]
PIECES = st.lists(st.sampled_from(ODD) | st.text(max_size=6), min_size=1, max_size=12).map("".join)
VALUES = st.fixed_dictionaries({}, optional={"a": PIECES, "b": st.text(max_size=8)})
SENDERS = st.sampled_from(
    ["Shop", "79030000001", "790000000000015", 'A&B <"x">', "  x", "Магазин", "", "1" * 16]
) | st.text(max_size=12)
# What the double may note and still take: nobody has documented it as refused.
TOLERATED = re.compile(
    r"silence has no text|sender has other than Latin|sender begins or ends|phone\.\w+ is not digits"
)


@st.composite
def contents(draw: st.DrawFn) -> Content:
    """Draw a content that may or may not be acceptable; most are."""
    kind: type[Any] = draw(st.sampled_from(list(KINDS.values())))
    given_fields: dict[str, str | None] = {}
    for field in fields(kind):
        values = SENDERS if field.name.startswith("sender") else PIECES
        given_fields[field.name] = draw(st.none() | values if field.default is None else values)
    if "button_viber" in given_fields and draw(st.booleans()):
        given_fields["action_viber"] = given_fields["button_viber"] = draw(PIECES)
    made: Content = kind(**given_fields)
    return made


def rendered(content: Content, values: dict[str, str]) -> Content | None:
    """Return one recipient's content, None where validation refuses it or the recipient is skipped."""
    try:
        check(content)
        return compile_content(content).render(values)
    except (ContentError, MissingValue, UnsendableText):
        return None


def on_one_line(text: str) -> str:
    return r"\n".join(re.split("\r\n|[\r\n\u0085\u2028\u2029]", text))


def read_back(document: bytes) -> list[dict[str, str]]:
    """Return the fields of every message, by their names in models.content."""
    found = []
    for message in etree.fromstring(document).iterfind("message"):
        told: dict[str, str] = {}
        for child in message:
            if child.tag in ("phone", "address"):
                told.update((str(name), str(value)) for name, value in child.items())
            elif child.tag != "abonent":
                told[str(child.tag)] = child.text or ""
        found.append(told)
    return found


def answer_to(document: Document, ledger: Ledger) -> bytes:
    entries = settle(document, "shop", ledger, [], 0, 0.0, "en")
    return render_send(entries, None, frozenset()).encode()


def check_understood(submission: Submission, reply: bytes) -> None:
    """Everybody of the submission is accepted, with as many segments as were forecast."""
    decision = decide_reply(submission.lines, parse(reply), History())
    assert decision.verdict is Verdict.COMPLETE and decision.brake is None
    told = {outcome.position: outcome for outcome in decision.outcomes}
    for message in submission.messages:
        for line in message.lines:
            outcome = told[line.position]
            assert (outcome.status, outcome.reason) == (RecipientStatus.ACCEPTED, None)
            forecast = expected_segments(message.content)
            assert forecast is None or outcome.segments == forecast


@settings(suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow], deadline=None, max_examples=200)
@given(drawn=st.lists(st.tuples(contents(), VALUES), min_size=1, max_size=4))
def test_whatever_validation_accepts_arrives_and_its_answer_is_understood(
    drawn: list[tuple[Content, dict[str, str]]],
) -> None:
    final = [made for content, values in drawn if (made := rendered(content, values)) is not None]
    if not final:
        return
    submission = submission_of(final)
    body = build(submission, LOGIN)
    assert read_back(body) == [
        {name: on_one_line(value) for name, value in to_json(message.content).items()}
        for message in submission.messages
    ]
    document = read_document(body)
    assert document.refusals == {}
    assert [finding for finding in document.findings if not TOLERATED.search(finding)] == []
    assert document.phones == [line.msisdn for line in submission.lines]
    assert document.keys == [line.send_key for line in submission.lines]
    ledger = Ledger()
    first = answer_to(document, ledger)
    check_understood(submission, first)
    assert answer_to(read_document(body), ledger) == first  # the repeat brings the same ids
    assert len(ledger) == len(final)


UNITS = st.sampled_from(["a", "€", "я", "😀", "\n", "\r\n", r"\n", "\\", "`", "[", "é", "\u2028"])
RUNS = st.lists(st.tuples(UNITS, st.integers(1, 160)), min_size=1, max_size=5)
TEXTS = RUNS.map(lambda runs: "".join(unit * times for unit, times in runs)) | st.text(max_size=400)


@settings(max_examples=600, deadline=None)
@given(text=TEXTS)
def test_both_sides_count_the_same_segments(text: str) -> None:
    assert count(text).parts == count_segments(on_one_line(text))


@pytest.mark.parametrize("unit", ["a", "€", "я", "😀", "\n", "aя", "a€", "a😀", "я😀"])
def test_both_sides_count_the_same_segments_at_every_length(unit: str) -> None:
    for length in range(1, 700):
        for text in ((unit * length)[:length], "a" + (unit * length)[:length]):
            assert count(text).parts == count_segments(on_one_line(text)), (unit, length)


@pytest.fixture(scope="module")
def provider() -> Iterator[RunningSimulator]:
    with running_simulator(login="LOGIN", password="PASSWORD") as running:
        yield running


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    made = Gateway()
    yield made
    made.close()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(drawn=st.lists(st.tuples(contents(), VALUES), min_size=5, max_size=30))
def test_whatever_validation_accepts_arrives_over_http(
    drawn: list[tuple[Content, dict[str, str]]], provider: RunningSimulator, gateway: Gateway
) -> None:
    final = [made for content, values in drawn if (made := rendered(content, values)) is not None]
    if not final:
        return
    submission = submission_of(final)
    exchange = gateway.post(provider.url, build(submission, LOGIN), connect_timeout_seconds=5, read_timeout_seconds=5)
    decision = decide_reply(submission.lines, exchange.reply, History())
    assert {outcome.status for outcome in decision.outcomes} == {RecipientStatus.ACCEPTED}
    assert len(decision.outcomes) == len(final)


@given(digits=st.text("0123456789+ -", min_size=1, max_size=15))
def test_numbers_on_a_business_card_arrive_as_they_are_written(digits: str) -> None:
    made = rendered(VCard("SHOP", name="Ann", cell=digits), {})
    if made is not None:
        assert read_back(build(submission_of([made]), LOGIN))[0]["cell"] == digits


def test_most_drawn_contents_are_acceptable() -> None:
    """A strategy that draws nothing but refused contents would prove nothing."""
    accepted = []

    @settings(max_examples=200, database=None, derandomize=True, deadline=None)
    @given(content=contents(), values=VALUES)
    def draw(content: Content, values: dict[str, str]) -> None:
        accepted.append(rendered(content, values) is not None)

    draw()
    assert sum(accepted) > len(accepted) // 8
    assert rendered(Silence("Shop", ""), {}) == Silence("Shop", "")
    assert rendered(Sms("Shop", "{a}"), {}) is None
