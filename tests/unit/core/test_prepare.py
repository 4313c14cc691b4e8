"""Preparing a document: by column where nothing is odd, one by one where something is, and nobody can tell which."""

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.content import Content, Sms, ViberSms, WapPush, expected_segments
from models.errors import MissingValue, UnsendableText
from models.states import RecipientStatus
from models.timing import NO_TIMING, Timing
from models.wording import Wordings, compile_content
from models.work import History, Lease, Owing
from worker.core.fence import Fence, fence
from worker.core.group import group
from worker.core.messages import Lines
from worker.core.prepare import prepare
from worker.gateway.document import Credentials, build

NOW = datetime(2026, 12, 1, 10, tzinfo=UTC)
OPEN = fence("production", "http://gateway.example/xml", allowed_numbers=frozenset(), allowed_gateways=frozenset())
LOGIN = Credentials(login="LOGIN", password="PASSWORD")
CONTENTS = (
    Sms("Shop", "One text & no more"),
    Sms("100% Shop", "{{100%}} <{name}>, & yours,\n{code}{name}"),
    WapPush("Shop", "Look, {name}", "https://shop.example/{code}?{name}"),
    ViberSms("Shop", "{name}\r\n", "Shop", "{code} é [" + "long " * 14, action_viber="{code}/%", button_viber="100%"),
)
PLAIN = st.text("абAé &<>%", min_size=1, max_size=12).filter(str.strip)
ODD = st.text(st.sampled_from("a \n\r\u2028\u00a0\x07\ud800€👋\\n&'\""), max_size=4)
ROWS = st.lists(st.tuples(PLAIN, PLAIN).map(list), min_size=1, max_size=6)
ODD_ROWS = st.lists(st.lists(PLAIN | ODD, max_size=3), min_size=1, max_size=6)


def lease(content: Content, *, doubtful: bool = False, timing: Timing = NO_TIMING) -> Lease:
    history = History(doubtful=doubtful)
    url, names = "http://gateway.example/xml", ("name", "code")
    return Lease(1, 1, 1, 0, 1, 1, "shop", url, 1, 9, content, "1" + "0" * 14, names, timing, 180, NOW, NOW, history)


def owing(rows: list[list[str]], *, phones: tuple[str, ...] = (), stopped: tuple[int, ...] = ()) -> Owing:
    positions = range(11, 11 + len(rows))
    numbers = phones or tuple(str(79000000000 + position) for position in positions)
    return Owing(positions, numbers, [str(5000000 + each) for each in positions], ("name", "code"), rows, stopped)


@pytest.mark.parametrize("content", CONTENTS, ids=lambda content: content.kind)
@given(rows=ROWS | ODD_ROWS)
@example(rows=[["a", "bc"], ["ab", "c"], ["a", "bc"]])
@example(rows=[["a", "b"], [" ", "b"], ["a"]])
@example(rows=[["\r", "\n"], ["\\", "n"]])
def test_document_is_that_of_recipients_rendered_one_by_one(content: Content, rows: list[list[str]]) -> None:
    owed, compiled = owing(rows), compile_content(content)
    kept, contents = [], []
    for recipient in owed:
        try:
            contents.append(compiled.render(recipient.values))
        except (MissingValue, UnsendableText):
            continue
        kept.append(recipient)
    lines = Lines([one.position for one in kept], [one.msisdn for one in kept], [one.send_key for one in kept])
    prepared = prepare(lease(content), owed, OPEN)
    assert build(prepared.submission, LOGIN) == build(group(lines, contents), LOGIN)
    each = [expected_segments(content) for content in contents]
    forecast = {one.position: parts for one, parts in zip(kept, each, strict=True) if parts is not None}
    assert prepared.expected_segments == forecast
    assert sorted([*lines.positions, *(one.position for one in prepared.skipped)]) == list(owed.positions)


@given(rows=ROWS)
def test_plain_values_are_kept_by_column(rows: list[list[str]]) -> None:
    assert isinstance(prepare(lease(CONTENTS[1]), owing(rows), OPEN).submission.contents, Wordings)


def test_equal_texts_share_a_message_whatever_values_they_come_of() -> None:
    submission = prepare(
        lease(Sms("Shop", "{name}{code}")), owing([["a", "bc"], ["x", "y"], ["ab", "c"]]), OPEN
    ).submission
    assert [(one.content, [line.position for line in one.lines]) for one in submission.messages] == [
        (Sms("Shop", "abc"), [11, 13]),
        (Sms("Shop", "xy"), [12]),
    ]


ONLY_FIRST = Fence("development", "gateway.example", frozenset({"79000000011"}))


@pytest.mark.parametrize(
    ("owed", "allowed", "reasons"),
    [
        (owing([["a", "b"], [" ", "b"]]), OPEN, {12: "no value for {name}"}),
        (owing([["a", "b"], ["\x07", "b"]]), OPEN, {12: "the text has U+0007 at character 7, which cannot be sent"}),
        (owing([["a", "b"], ["a", "b"]], stopped=(12,)), OPEN, {12: "on the stop list"}),
        (owing([["a", "b"], ["a", "b"]]), ONLY_FIRST, {12: "not allowed in development"}),
        (
            owing([["a", "b"], ["a", "b"]], phones=("79000000011", "7 900")),
            OPEN,
            {12: "its number is not 1 to 14 digits"},
        ),
    ],
)
@pytest.mark.parametrize("doubtful", [False, True])
def test_who_cannot_be_posted_to_is_skipped_with_the_reason_and_nobody_else(
    owed: Owing, allowed: Fence, reasons: dict[int, str], doubtful: bool
) -> None:
    prepared = prepare(lease(Sms("Shop", "Hello {name}"), doubtful=doubtful), owed, allowed)
    assert [line.position for line in prepared.submission.lines] == [11]
    status = RecipientStatus.UNKNOWN if doubtful else RecipientStatus.SKIPPED
    assert [(one.position, one.status) for one in prepared.skipped] == [(12, status)]
    assert (prepared.skipped[0].reason or "").startswith(reasons[12])


def test_moments_follow_their_recipients_into_the_messages() -> None:
    timed = lease(Sms("Shop", "Hello {name}"), timing=Timing(time_send="{code}"))
    days = [f"2026-12-0{day} 12:00+00:00" for day in (2, 3, 4)]
    owed = owing([["a", days[0]], ["b", days[1]], ["a", days[2]]])
    lines = prepare(timed, owed, OPEN).submission.lines
    assert [(line.position, line.moments and line.moments.time_send) for line in lines] == [
        (11, datetime(2026, 12, 2, 15)),  # noqa: DTZ001
        (13, datetime(2026, 12, 4, 15)),  # noqa: DTZ001
        (12, datetime(2026, 12, 3, 15)),  # noqa: DTZ001
    ]


def test_nobody_owed_is_an_empty_document() -> None:
    prepared = prepare(lease(Sms("Shop", "Hello {name}")), Owing((), (), ()), OPEN)
    assert (len(prepared.submission.lines), prepared.skipped, prepared.expected_segments) == (0, (), {})
