"""Documents for the tests of the wire: built as the worker does, read as the provider's double does."""

from collections.abc import Iterable
from pathlib import Path

from lxml import etree

from models.content import Content
from models.work import Owed
from worker.core.group import group
from worker.core.messages import Submission
from worker.gateway.document import Credentials

GATEWAY_FILES = Path(__file__).parents[2] / "data" / "gateway"
REQUESTS = GATEWAY_FILES / "requests"
LOGIN = Credentials(login="LOGIN", password="PASSWORD")
TOKEN = Credentials(token="TOKEN")


def submission_of(contents: Iterable[Content]) -> Submission:
    """One recipient per content; equal contents share a message."""
    return group(
        (Owed(position, str(79000000000 + position), str(5000000 + position), {}), content)
        for position, content in enumerate(contents, 1)
    )


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
