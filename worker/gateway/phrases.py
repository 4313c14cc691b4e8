"""The provider's texts and what each means to us, as data.

English is the manual's translation, Russian is what comes over the wire; codes are those of sibling installations.
Source: protocol.md 7.1 to 7.3. A text that is not here is UNSEEN: kept word for word and never guessed at.
"""

import re
from collections.abc import Mapping

from worker.core.messages import Meaning

_SENDER_TOO_LONG_EN = (
    "The sender must not exceed 15 characters for numeric numbers and 11 characters for alphanumeric numbers"
)
_SENDER_TOO_LONG_RU = (
    "Отправитель не должен превышать 15 символов для цифровых номеров и 11 символов для буквенно-числовых"
)
_CARD_INCOMPLETE_EN = "Provide the contact name and at least one parameter for a business card"
_CARD_INCOMPLETE_RU = "Укажите название контакта и, хотя бы один параметр для визитной карточки"
_HELD_RU = (
    "Недостаточно средств для отправки SMS. SMS будет отправлена как только вы пополните счет по данному направлению"
)

PHRASES: Mapping[Meaning, tuple[str, ...]] = {
    Meaning.ACCEPTED: ("send",),
    Meaning.HELD: (_HELD_RU,),
    Meaning.ALREADY_SENT: ("Данное сообщение уже было отправлено",),
    Meaning.RECIPIENT: (
        "Specify phone number",
        "Укажите номер телефона",
        "Не введен номер телефона",
        "This destination is closed for you",
        "Данное направление закрыто для вас",
        "This destination is closed",
        "Данное направление закрыто",
        "Phone number must be less than 15 characters",
        "Номер телефона должен быть меньше 15 символов",
        "Error_No_Destination_Address",
        "Error_Destination_Address_Blocked",
        "Error_User_Destination_Blocked",
    ),
    Meaning.STOP_LISTED: (
        "Phone number is on the stop list",
        "Номер телефона присутствует в стоп-листе",
    ),
    Meaning.MESSAGE: (
        "SMS text rejected by moderator",
        "Текст SMS отклонен модератором",
        "No sender",
        "Нет отправителя",
        _SENDER_TOO_LONG_EN,
        _SENDER_TOO_LONG_RU,
        "No message text",
        "Нет текста сообщения",
        "No link",
        "Нет ссылки",
        _CARD_INCOMPLETE_EN,
        _CARD_INCOMPLETE_RU,
        "There is no such sender",
        "Такого отправителя Нет",
        "The sender has not been moderated",
        "Отправитель не прошел модерацию",
        "Имена отправителей не обнаружены",
        "Error_No_Text",
        "Error_No_URL",
        "Error_No_Vcard",
        "Error_SMS_Declined",
        "Error_No_Source_Address",
        "Error_Invalid_Source_Address",
        "Error_Source_Address_Declined",
    ),
    Meaning.ACCOUNT: (
        "We have run out of SMS. Please contact your manager to resolve the problem",
        "У нас закончились SMS. Для разрешения проблемы свяжитесь с менеджером",
        "Out of SMS",
        "Закончились SMS",
        "Account blocked",
        "Аккаунт заблокирован",
        "Your account is locked",
        "Your account is blocked",
        "Ваш аккаунт заблокирован",
        "Error_SMS_User_Disabled",
        "Error_Not_Enough_Credits",
        "Error_Out_of_Service",
    ),
    Meaning.CREDENTIALS: (
        "Incorrect login or password",
        "Wrong login or password",
        "Неправильный логин или пароль",
        "Неверный логин или пароль",
        "Error_Invalid_Login",
    ),
    Meaning.DOCUMENT: (
        "Incorrect XML document format",
        "The wrong format of an XML document",
        "Неправильный формат XML документа",
        "Error_Invalid_XML",
        # Known from the calls for contact bases and statistics only; here they would be our fault as well.
        "Базы с таким номером не существует",
        "Некорректный формат даты",
        "Такой оператор не обнаружен",
    ),
    Meaning.LOST_BODY: (
        "POST data is missing",
        "Post data not available",
        "POST данные отсутствуют",
        "Error_Invalid_POST_Data",
    ),
    Meaning.TRANSIENT: (
        "Попытка отправки более одного одинакового запроса в течение минуты",
        "Flood SMS",
        "Error_Flood_SMS",
    ),
}

CLOSED: tuple[str, ...] = (
    "This destination is closed for you",
    "Данное направление закрыто для вас",
    "This destination is closed",
    "Данное направление закрыто",
    "Error_Destination_Address_Blocked",
    "Error_User_Destination_Blocked",
)
"""Of the refusals of a number, those that stay so until the provider opens something. Source: protocol.md 7.2, 7.3."""


def meaning(text: str) -> Meaning:
    """Say what a text of the provider means: the whole text is compared, never a part of it.

    "This destination is closed" and "... for you" are two phrases. An unknown text is UNSEEN. Source: protocol.md 7.4.
    """
    known = _MEANINGS.get(text)  # "send", nearly always
    return known or _MEANINGS.get(_normalised(text), Meaning.UNSEEN)


def why_no_repeat_helps(text: str) -> str | None:
    """Say why posting the same message to the same number again brings the same refusal, None where it may not."""
    if meaning(text) is Meaning.STOP_LISTED:
        return "on the provider's stop list"
    return "a destination that is closed for this account" if _normalised(text) in _CLOSED else None


def _normalised(text: str) -> str:
    """Fold what varies on the wire: case, ё, blanks, commas, final full stops, a leading "error:"."""
    folded = text.casefold().replace("ё", "е").replace(",", "")
    folded = " ".join(folded.split())  # NBSP counts as a blank
    folded = re.sub("^error: ?", "", folded)
    return folded.rstrip(". ")


_MEANINGS: Mapping[str, Meaning] = {
    _normalised(phrase): meant for meant, phrases in PHRASES.items() for phrase in phrases
}
_CLOSED = frozenset(map(_normalised, CLOSED))
