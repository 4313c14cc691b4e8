"""Every kind of message through the whole product: what the provider charges is what was written, field by field."""

import pytest

from models.content import Content, FlashSms, Silence, Sms, SmsViber, VCard, Viber, ViberSms, WapPush, check
from tests.acceptance.answering import charged, mailing

LINK = "https://example.com/?who={name}"
WORDS = 'Привет, {name}!\nДо встречи 👋 <{{-50%}}> & "co"'
READS = 'Привет, Name 7!\\nДо встречи 👋 <{-50%}> & "co"'
BUTTON = {"button_viber": "For {name}", "action_viber": LINK, "image_viber": "https://example.com/{name}.png"}
BUTTON_READS = {
    "button_viber": "For Name 7",
    "action_viber": "https://example.com/?who=Name%207",
    "image_viber": "https://example.com/Name%207.png",
}
CARD = {"cell": "79030000009", "email": "{name}@example.com", "city": "Town\r\nof {name}", "url": LINK}
CARD_READS = {
    "url": "https://example.com/?who=Name%207", "name": "Name 7", "phone.cell": "79030000009",
    "email": "Name 7@example.com", "address.city": "Town\\nof Name 7",
}  # fmt: skip
VIBER_READS = {"sender_viber": "Магазин", "text_viber": READS}

KINDS: list[tuple[Content, str, str, dict[str, str]]] = [
    (Sms("Shop", WORDS), "Shop", READS, {}),
    (FlashSms("79031234567", WORDS), "79031234567", READS, {}),
    (Silence("Shop", "ping {name}"), "Shop", "ping Name 7", {}),
    (WapPush("Shop", WORDS, LINK), "Shop", READS, {"url": "https://example.com/?who=Name%207"}),
    (VCard("Shop", "{name}", **CARD), "Shop", "", CARD_READS),
    (Viber("Магазин", WORDS, **BUTTON), "Магазин", READS, VIBER_READS | BUTTON_READS),
    (ViberSms("Магазин", WORDS, "Shop", "{name}", **BUTTON), "Shop", "Name 7", VIBER_READS | BUTTON_READS),
    (SmsViber("Shop", "{name}", "Магазин", WORDS), "Shop", "Name 7", VIBER_READS),
]


@pytest.mark.parametrize(("content", "sender", "text", "fields"), KINDS, ids=[each[0].kind for each in KINDS])
def test_each_kind_is_charged_as_it_was_written(
    content: Content, sender: str, text: str, fields: dict[str, str], sqlite_url: str
) -> None:
    check(content)
    with mailing(sqlite_url, [{"requests": [1], "cut": "after"}], count=12, content=content) as work:
        assert work.work_until_ended() == {"accepted": 12}
        assert charged(work) == 12
        (message,) = [each for each in work.provider.ledger()["messages"] if each["phone"] == "79030000007"]
        assert (message["kind"], message["sender"], message["text"]) == (content.kind, sender, text)
        assert message.get("fields", {}) == fields
        assert {tuple(visit["findings"]) for visit in work.provider.requests()} == {()}
        work.check_truth()


def test_document_over_a_mebibyte_is_halved_before_it_is_posted(sqlite_url: str) -> None:
    content = Sms("Shop", "{name} " + "ы" * 30_000)
    with mailing(sqlite_url, [], count=20, content=content, batch_size=20) as work:
        assert work.work_until_ended() == {"accepted": 20}
        sizes = [visit["bytes"] for visit in work.provider.requests()]
        assert len(sizes) == 2 and max(sizes) <= 2**20
        assert work.attempt_outcomes() == {"not_posted": 1, "answered": 2}
        work.check_truth()
