"""Documents for the tests of the wire: built as the worker does, read as the provider's double does."""

from collections.abc import Iterable
from pathlib import Path

from lxml import etree

from models.content import Content
from worker.core.group import group
from worker.core.messages import Lines, Submission
from worker.gateway.document import Credentials

GATEWAY_FILES = Path(__file__).parents[2] / "data" / "gateway"
REQUESTS = GATEWAY_FILES / "requests"
LOGIN = Credentials(login="LOGIN", password="PASSWORD")
TOKEN = Credentials(token="TOKEN")


def submission_of(contents: Iterable[Content]) -> Submission:
    """One recipient per content; equal contents share a message."""
    contents = tuple(contents)
    positions = range(1, len(contents) + 1)
    phones = [str(79000000000 + position) for position in positions]
    return group(Lines(positions, phones, [str(5000000 + position) for position in positions]), contents)


def paths_in(document: bytes) -> set[str]:
    """Return every element with a text and every attribute, as `message.phone.cell`; `request` is left out."""
    found: set[str] = set()
    for element in etree.fromstring(document).iterdescendants():
        names = [str(element.tag), *(str(each.tag) for each in element.iterancestors())]
        path = ".".join(reversed(names[:-1]))
        found.update(f"{path}.{attribute!s}" for attribute in element.attrib)
        if not len(element) and not element.attrib:
            found.add(path)
    return found
