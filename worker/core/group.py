"""Many rendered recipients as few messages: text and sender cannot vary inside one message of a document."""

from collections.abc import Hashable, Sequence

from models.content import Content
from models.wording import Wordings
from worker.core.messages import Lines, Submission


def group(lines: Lines, contents: Sequence[Content]) -> Submission:
    """Put equal contents into one message, in the order they first appear; the lines are numbered anew.

    `contents`: that of each line, or one for all. Source: protocol.md 4.1.
    """
    if len(contents) == 1:
        return Submission(contents, [len(lines)], lines)
    keys: Sequence[Hashable] = contents.keys if isinstance(contents, Wordings) else contents
    if len(set(keys)) == len(keys):
        return Submission(contents, [1] * len(keys), lines)
    places: dict[Hashable, list[int]] = {}
    for place, key in enumerate(keys):
        places.setdefault(key, []).append(place)
    firsts = [together[0] for together in places.values()]
    return Submission(
        contents.chosen(firsts) if isinstance(contents, Wordings) else [contents[place] for place in firsts],
        [len(together) for together in places.values()],
        lines.chosen([place for together in places.values() for place in together]),
    )
