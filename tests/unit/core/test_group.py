"""Grouping: equal contents share a message, and the lines are numbered through."""

from hypothesis import given
from hypothesis import strategies as st

from models.content import Content, FlashSms, Sms
from worker.core.group import group
from worker.core.messages import Line, Owed


def owed(position: int) -> Owed:
    return Owed(position=position, msisdn=str(79000000000 + position), send_key=str(5000000 + position), values={})


def test_equal_contents_share_a_message_in_the_order_they_first_appear() -> None:
    texts = ["b", "a", "b", "c", "a"]
    submission = group((owed(10 + n), Sms("SHOP", text)) for n, text in enumerate(texts))
    assert [message.content for message in submission.messages] == [Sms("SHOP", text) for text in "bac"]
    assert [[line.position for line in message.lines] for message in submission.messages] == [[10, 12], [11, 14], [13]]
    assert [line.number for line in submission.lines] == [1, 2, 3, 4, 5]
    assert submission.lines[1] == Line(number=2, position=12, msisdn="79000000012", send_key="5000012")


def test_equal_fields_of_different_kinds_are_different_messages() -> None:
    submission = group([(owed(1), Sms("SHOP", "a")), (owed(2), FlashSms("SHOP", "a"))])
    assert len(submission.messages) == 2


def test_nobody_is_an_empty_submission() -> None:
    assert group([]).messages == ()


@given(st.lists(st.sampled_from([Sms("SHOP", text) for text in "abc"])))
def test_everybody_is_in_the_document_once_with_the_own_content(contents: list[Content]) -> None:
    submission = group((owed(n), content) for n, content in enumerate(contents))
    assert [line.number for line in submission.lines] == list(range(1, len(contents) + 1))
    placed = {line.position: message.content for message in submission.messages for line in message.lines}
    assert placed == dict(enumerate(contents))
    assert len(submission.messages) == len(set(contents))
