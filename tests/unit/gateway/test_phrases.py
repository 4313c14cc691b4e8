"""Every documented text, in every spelling that may come over the wire."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.core.messages import Meaning
from worker.gateway.phrases import CLOSED, meaning, why_no_repeat_helps

M = Meaning
SENDER_EN = "The sender must not exceed 15 characters for numeric numbers and 11 characters for alphanumeric numbers"
SENDER_RU = "Отправитель не должен превышать 15 символов для цифровых номеров и 11 символов для буквенно-числовых."
CARD_EN = "Provide the contact name and at least one parameter for a business card"
CARD_RU = "Укажите название контакта и, хотя бы один параметр для визитной карточки."
HELD = (
    "Недостаточно средств для отправки SMS. SMS будет отправлена как только вы пополните счет по данному направлению."
)
TWICE = "error: Попытка отправки более одного одинакового запроса в течение минуты"

# One row per text, in the order of protocol.md 7.1, 7.2 and 7.3.
ROWS = [
    ("Incorrect XML document format", M.DOCUMENT),
    ("the wrong format of an XML document", M.DOCUMENT),
    ("Неправильный формат XML документа", M.DOCUMENT),
    ("Incorrect login or password", M.CREDENTIALS),
    ("wrong login or password", M.CREDENTIALS),
    ("Неправильный логин или пароль", M.CREDENTIALS),
    ("Неверный логин или пароль", M.CREDENTIALS),
    ("POST data is missing", M.LOST_BODY),
    ("post data not available", M.LOST_BODY),
    ("POST данные отсутствуют", M.LOST_BODY),
    ("your account is locked", M.ACCOUNT),
    ("Your account is blocked", M.ACCOUNT),
    ("Ваш аккаунт заблокирован", M.ACCOUNT),
    ("send", M.ACCEPTED),
    ("We have run out of SMS. Please contact your manager to resolve the problem", M.ACCOUNT),
    ("У нас закончились SMS. Для разрешения проблемы свяжитесь с менеджером.", M.ACCOUNT),
    ("Out of SMS", M.ACCOUNT),
    ("Закончились SMS.", M.ACCOUNT),
    ("Account blocked", M.ACCOUNT),
    ("Аккаунт заблокирован.", M.ACCOUNT),
    ("Specify phone number", M.RECIPIENT),
    ("Укажите номер телефона.", M.RECIPIENT),
    ("Phone number is on the stop list", M.STOP_LISTED),
    ("Номер телефона присутствует в стоп-листе.", M.STOP_LISTED),
    ("This destination is closed for you", M.RECIPIENT),
    ("Данное направление закрыто для вас.", M.RECIPIENT),
    ("This destination is closed", M.RECIPIENT),
    ("Данное направление закрыто.", M.RECIPIENT),
    ("SMS text rejected by moderator", M.MESSAGE),
    ("Текст SMS отклонен модератором.", M.MESSAGE),
    ("No sender", M.MESSAGE),
    ("Нет отправителя.", M.MESSAGE),
    (SENDER_EN, M.MESSAGE),
    (SENDER_RU, M.MESSAGE),
    ("Phone number must be less than 15 characters", M.RECIPIENT),
    ("Номер телефона должен быть меньше 15 символов.", M.RECIPIENT),
    ("No message text", M.MESSAGE),
    ("Нет текста сообщения.", M.MESSAGE),
    ("No link", M.MESSAGE),
    ("Нет ссылки.", M.MESSAGE),
    (CARD_EN, M.MESSAGE),
    (CARD_RU, M.MESSAGE),
    ("There is no such sender", M.MESSAGE),
    ("Такого отправителя Нет.", M.MESSAGE),
    ("Такого отправителя нет.", M.MESSAGE),
    ("The sender has not been moderated", M.MESSAGE),
    ("Отправитель не прошел модерацию.", M.MESSAGE),
    (HELD, M.HELD),
    ("Данное сообщение уже было отправлено.", M.ALREADY_SENT),
    (TWICE, M.TRANSIENT),
    ("Flood SMS", M.TRANSIENT),
    ("Error_Flood_SMS", M.TRANSIENT),
    ("Проверьте свой баланс или корректность номера получателя.", M.UNSEEN),
    ("Не введен номер телефона.", M.RECIPIENT),
    ("Имена отправителей не обнаружены", M.MESSAGE),
    ("Базы с таким номером не существует", M.DOCUMENT),
    ("Некорректный формат даты", M.DOCUMENT),
    ("Такой оператор не обнаружен", M.DOCUMENT),
    ("Error_SMS_User_Disabled", M.ACCOUNT),
    ("Error_Not_Enough_Credits", M.ACCOUNT),
    ("Error_Out_of_Service", M.ACCOUNT),
    ("Error_Invalid_Login", M.CREDENTIALS),
    ("Error_Invalid_XML", M.DOCUMENT),
    ("Error_Invalid_POST_Data", M.LOST_BODY),
    ("Error_No_Destination_Address", M.RECIPIENT),
    ("Error_Destination_Address_Blocked", M.RECIPIENT),
    ("Error_User_Destination_Blocked", M.RECIPIENT),
    ("Error_No_Text", M.MESSAGE),
    ("Error_No_URL", M.MESSAGE),
    ("Error_No_Vcard", M.MESSAGE),
    ("Error_SMS_Declined", M.MESSAGE),
    ("Error_No_Source_Address", M.MESSAGE),
    ("Error_Invalid_Source_Address", M.MESSAGE),
    ("Error_Source_Address_Declined", M.MESSAGE),
]

SPELLINGS: dict[str, Callable[[str], str]] = {
    "as documented": lambda text: text,
    "with a final stop": lambda text: text.rstrip(".") + ".",
    "without a final stop": lambda text: text.rstrip("."),
    "upper case": str.upper,
    "lower case": str.lower,
    "blanks around": lambda text: f"  {text}\n",
    "blanks folded": lambda text: text.replace(" ", "  "),
    "no-break spaces": lambda text: text.replace(" ", "\u00a0"),
    "with error before it": lambda text: f"Error: {text.removeprefix('error: ')}",
    "without commas": lambda text: text.replace(",", ""),
    "with ё": lambda text: text.replace("отклонен", "отклонён").replace("введен", "введён").replace("счет", "счёт"),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize(("text", "meant"), ROWS)
def test_documented_text_is_understood_in_every_spelling(text: str, meant: Meaning, spelling: str) -> None:
    assert meaning(SPELLINGS[spelling](text)) is meant


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "error:",
        "sent",
        "send it",
        "resend",
        "send send",
        "This destination is closed for you and others",
        "destination is closed",
        "Account",
        "No",
        "Incorrect",
        "Error_",
    ],
)
def test_part_of_a_text_or_more_than_it_is_unseen(text: str) -> None:
    assert meaning(text) is Meaning.UNSEEN


@given(st.text())
def test_any_text_has_a_meaning(text: str) -> None:
    assert meaning(text) in Meaning


@pytest.mark.parametrize(
    "text",
    [
        "Phone number is on the stop list",
        "Номер телефона присутствует в стоп-листе.",
        "This destination is closed",
        "This destination is closed for you",
        "Данное направление закрыто для вас.",
        "error: ДАННОЕ НАПРАВЛЕНИЕ ЗАКРЫТО.",
        "Error_User_Destination_Blocked",
    ],
)
def test_stop_list_and_closed_destinations_are_not_mended_by_a_repeat(text: str) -> None:
    assert why_no_repeat_helps(text) is not None


@pytest.mark.parametrize(
    "text", ["Specify phone number", "There is no such sender", "Out of SMS", "never heard of", ""]
)
def test_other_refusals_may_be_mended_by_a_repeat(text: str) -> None:
    assert why_no_repeat_helps(text) is None


def test_every_closed_destination_is_a_refusal_of_the_number() -> None:
    assert {meaning(text) for text in CLOSED} == {M.RECIPIENT}
