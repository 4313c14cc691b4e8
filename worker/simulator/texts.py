"""The provider's documented texts, by short names, in English and Russian. Source: protocol.md 7.1, 7.2, 7.3."""

ACCEPTED = "send"
UNKNOWN_ID = "Сообщение с таким ID не принималось"

_HELD = (
    "Недостаточно средств для отправки SMS. SMS будет отправлена как только вы пополните счет по данному направлению."
)
_ALREADY_SENT = "Данное сообщение уже было отправлено."
_IDENTICAL = "error: Попытка отправки более одного одинакового запроса в течение минуты"

DOCUMENT_TEXTS: dict[str, tuple[str, str]] = {
    "bad_document": ("Incorrect XML document format", "Неправильный формат XML документа"),
    "bad_credentials": ("Incorrect login or password", "Неправильный логин или пароль"),
    "no_body": ("POST data is missing", "POST данные отсутствуют"),
    "account_locked": ("Your account is locked", "Ваш аккаунт заблокирован"),
}

LINE_TEXTS: dict[str, tuple[str, str]] = {
    "send": (ACCEPTED, ACCEPTED),
    "provider_out_of_sms": (
        "We have run out of SMS. Please contact your manager to resolve the problem",
        "У нас закончились SMS. Для разрешения проблемы свяжитесь с менеджером.",
    ),
    "out_of_sms": ("Out of SMS", "Закончились SMS."),
    "account_blocked": ("Account blocked", "Аккаунт заблокирован."),
    "no_phone": ("Specify phone number", "Укажите номер телефона."),
    "stop_list": ("Phone number is on the stop list", "Номер телефона присутствует в стоп-листе."),
    "closed_for_you": ("This destination is closed for you", "Данное направление закрыто для вас."),
    "closed": ("This destination is closed", "Данное направление закрыто."),
    "moderator": ("SMS text rejected by moderator", "Текст SMS отклонен модератором."),
    "no_sender": ("No sender", "Нет отправителя."),
    "long_sender": (
        "The sender must not exceed 15 characters for numeric numbers and 11 characters for alphanumeric numbers",
        "Отправитель не должен превышать 15 символов для цифровых номеров и 11 символов для буквенно-числовых.",
    ),
    "long_phone": (
        "Phone number must be less than 15 characters",
        "Номер телефона должен быть меньше 15 символов.",
    ),
    "no_text": ("No message text", "Нет текста сообщения."),
    "no_link": ("No link", "Нет ссылки."),
    "no_contact": (
        "Provide the contact name and at least one parameter for a business card",
        "Укажите название контакта и, хотя бы один параметр для визитной карточки.",
    ),
    "unknown_sender": ("There is no such sender", "Такого отправителя Нет."),
    "unmoderated_sender": ("The sender has not been moderated", "Отправитель не прошел модерацию."),
    # What follows was seen in Russian only, so it is Russian in either language.
    "held": (_HELD, _HELD),
    "already_sent": (_ALREADY_SENT, _ALREADY_SENT),
    "identical": (_IDENTICAL, _IDENTICAL),
    "flood": ("Flood SMS", "Flood SMS"),
}

TEXTS = DOCUMENT_TEXTS | LINE_TEXTS


def worded(name: str, language: str = "en", final_stop: bool | None = None) -> str:
    """Return a documented text by its short name, or `name` itself where it is none.

    `final_stop` puts a full stop at the end or takes it away; None leaves the documented one.
    """
    text = TEXTS[name][language == "ru"] if name in TEXTS else name
    if final_stop is None or not text:
        return text
    bare = text.rstrip(".")
    return bare + "." if final_stop else bare
