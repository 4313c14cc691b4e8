"""Golden requests: every kind, every field of the seed document, each of them taken by the provider's double."""

from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import pytest

from models.content import KINDS, Content, FlashSms, Silence, Sms, SmsViber, VCard, Viber, ViberSms, WapPush, check
from models.timing import Moments
from tests.integration.wire.documents import GATEWAY_FILES, LOGIN, REQUESTS, TOKEN, paths_in, submission_of
from tests.simulator.wire import Answer, exchange
from tests.support.submissions import submission_of as document_of
from worker.core.messages import Line, Message
from worker.gateway.document import Credentials, build
from worker.simulator.running import RunningSimulator, running_simulator

HEADERS = {"Content-Type": "text/xml; charset=utf-8;"}
SEED_FIELDS = (GATEWAY_FILES / "seed_fields.txt").read_text("utf-8").split()
BUTTON = {"button_viber": "Open", "action_viber": "https://example.com/?a=1&b=2"}
PICTURE = {"image_viber": "https://example.com/a.png"}

# What the goldens of tests/unit/gateway leave out. Name: contents, one recipient each, and who asks.
MORE: dict[str, tuple[tuple[Content, ...], Credentials]] = {
    "silence-with-text": ((Silence("SHOP", "ping"),), LOGIN),
    "vcard-least": ((VCard("SHOP", name="Ann", cell="79000000003"),), LOGIN),
    "viber-text": ((Viber("Shop", "Привет, Viber\nвторая строка"),), LOGIN),
    "viber-button": ((Viber("Shop", "Hello", **BUTTON),), LOGIN),
    "viber-picture": ((Viber("Shop", "Hello", **PICTURE),), TOKEN),
    "viber-sms-least": ((ViberSms("Shop", "Hello", "SHOP", "Hello by SMS"),), LOGIN),
    "sms-viber-full": ((SmsViber("SHOP", "Hello by SMS", "Shop", "Hello", **BUTTON, **PICTURE),), LOGIN),
    "sender-of-digits": ((Sms("790000000000015", "fifteen digits"), Sms("Abc 123 .-!", "eleven characters")), LOGIN),
    "every-kind": (
        (
            Sms("SHOP", "plain"), FlashSms("SHOP", "flash"), Silence("SHOP", "ping"),
            WapPush("SHOP", "Our site", "https://example.com"), VCard("SHOP", name="Ann", email="ann@example.com"),
            Viber("Shop", "Hello"), ViberSms("Shop", "Hello", "SHOP", "Hello by SMS"),
            SmsViber("SHOP", "Hello by SMS", "Shop", "Hello"), Sms("SHOP", "plain"),
        ),
        TOKEN,
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def provider() -> Iterator[RunningSimulator]:
    with running_simulator() as running:
        yield running


def post(provider: RunningSimulator, document: bytes) -> tuple[Answer, list[str]]:
    """Post by hand; return the answer and what was found wrong."""
    answer = exchange("POST", provider.url, document, HEADERS)
    return answer, provider.requests()[-1]["findings"]


@pytest.mark.parametrize("name", MORE)
def test_document_is_the_golden_one(name: str) -> None:
    contents, credentials = MORE[name]
    for content in contents:
        check(content)
    assert build(submission_of(contents), credentials) == (REQUESTS / f"{name}.xml").read_bytes().rstrip(b"\n")


def test_lines_with_times_are_the_golden_ones() -> None:
    day = [datetime(2030, 12, number, 10, 30) for number in (1, 2, 3)]  # noqa: DTZ001
    lines = (
        Line(1, 1, "79000000001", "5000001", Moments(*day)),
        Line(2, 2, "79000000002", "5000002", Moments(time_send=day[0])),
        Line(3, 3, "79000000003", "5000003"),
    )
    content = ViberSms("Shop", "Hello", "SHOP", "Hello by SMS")
    assert build(document_of(Message(content, lines)), LOGIN) == (REQUESTS / "times.xml").read_bytes().rstrip(b"\n")


@pytest.mark.parametrize("path", sorted(REQUESTS.glob("*.xml")), ids=lambda path: path.stem)
def test_golden_request_is_taken_without_a_finding(path: Any, provider: RunningSimulator) -> None:
    golden = path.read_bytes().rstrip(b"\n")
    answer, findings = post(provider, golden)
    # Whether a silent SMS may have an empty text is not documented (protocol.md 4.3): noted, not refused.
    expected = ["message 1: silence has no text, and nobody says whether that is allowed"]
    assert findings == (expected if path.stem == "silence" else [])
    assert answer.status == 200
    assert set(answer.texts) == {"send"}
    assert len(answer.entries) == golden.count(b"<abonent ")


def test_every_element_and_attribute_of_the_seed_example_is_in_a_golden_request() -> None:
    found = {path for golden in REQUESTS.glob("*.xml") for path in paths_in(golden.read_bytes())}
    assert [name for name in SEED_FIELDS if not any(path.endswith(name) for path in found)] == []


def test_every_field_of_the_seed_can_be_set_and_nothing_else() -> None:
    moments = Moments(*(datetime(2026, 12, day, 10, tzinfo=UTC) for day in (1, 2, 3)))
    line = Line(1, 1, "79000000001", "5000001", moments)
    found: set[str] = set()
    for kind in KINDS.values():
        content = kind(**{field.name: f"the {field.name}" for field in fields(kind)})
        for credentials in (LOGIN, TOKEN):
            found |= paths_in(build(document_of(Message(content, (line,))), credentials))
    assert [name for name in SEED_FIELDS if not any(path.endswith(name) for path in found)] == []
    assert [path for path in sorted(found) if not any(path.endswith(name) for name in SEED_FIELDS)] == []


def test_every_field_of_a_content_is_one_of_the_seed() -> None:
    known = {name.rpartition(".")[2] for name in SEED_FIELDS}
    assert {field.name for kind in KINDS.values() for field in fields(kind)} <= known
