"""Grouping: equal contents share a message, and the lines are numbered through."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from models.content import Content, FlashSms, Sms
from worker.core.group import group
from worker.core.messages import Line, Lines, Submission


def grouped(contents: Sequence[Content]) -> Submission:
    positions = range(10, 10 + len(contents))
    phones = [str(79000000000 + position) for position in positions]
    return group(Lines(positions, phones, [str(5000000 + position) for position in positions]), contents)


def test_equal_contents_share_a_message_in_the_order_they_first_appear() -> None:
    texts = ["b", "a", "b", "c", "a"]
    submission = grouped([Sms("SHOP", text) for text in texts])
    assert [message.content for message in submission.messages] == [Sms("SHOP", text) for text in "bac"]
    assert [[line.position for line in message.lines] for message in submission.messages] == [[10, 12], [11, 14], [13]]
    assert [line.number for line in submission.lines] == [1, 2, 3, 4, 5]
    assert submission.lines[1] == Line(number=2, position=12, msisdn="79000000012", send_key="5000012")


def test_equal_fields_of_different_kinds_are_different_messages() -> None:
    submission = grouped([Sms("SHOP", "a"), FlashSms("SHOP", "a")])
    assert len(submission.messages) == 2


def test_nobody_is_an_empty_submission() -> None:
    assert grouped([]).messages == ()


@given(st.lists(st.sampled_from([Sms("SHOP", text) for text in "abc"])))
def test_everybody_is_in_the_document_once_with_the_own_content(contents: list[Content]) -> None:
    submission = grouped(contents)
    assert [line.number for line in submission.lines] == list(range(1, len(contents) + 1))
    placed = {line.position: message.content for message in submission.messages for line in message.lines}
    assert placed == dict(enumerate(contents, 10))
    assert len(submission.messages) == len(set(contents))
