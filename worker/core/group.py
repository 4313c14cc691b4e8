"""Many rendered recipients as few messages: text and sender cannot vary inside one message of a document."""

from collections.abc import Iterable, Mapping

from models.content import Content
from models.timing import Moments
from worker.core.messages import Line, Message, Owed, Submission

_AT_ONCE: Mapping[int, Moments] = {}


def group(rendered: Iterable[tuple[Owed, Content]], moments: Mapping[int, Moments] = _AT_ONCE) -> Submission:
    """Put equal contents into one message, in the order they first appear; number the lines 1..n through the document.

    `moments` are those of the positions that have some, in the account's local time. Source: protocol.md 4.1, 4.2.
    """
    owed_by_content: dict[Content, list[Owed]] = {}
    last: Content | None = None
    together: list[Owed] = []
    for owed, content in rendered:
        if content is not last:  # one object for all, where nothing in it varies
            together, last = owed_by_content.setdefault(content, []), content
        together.append(owed)
    messages: list[Message] = []
    number = 0
    for content, together in owed_by_content.items():
        lines = tuple(
            [
                Line(n, owed.position, owed.msisdn, owed.send_key, moments.get(owed.position) if moments else None)
                for n, owed in enumerate(together, start=number + 1)
            ]
        )
        number += len(lines)
        messages.append(Message(content, lines))
    return Submission(tuple(messages))
