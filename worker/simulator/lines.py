"""What is wrong with the lines of a document, column by column. Source: protocol.md 4.2, 4.4, 9."""

from collections import Counter
from datetime import datetime
from re import compile as pattern

_LONGEST_PHONE = 14
_LARGEST_KEY = 9223372036854775807
_TIMES = pattern(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?")
_TIME_ATTRIBUTES = ("time_send", "validity_period", "validity_period_viber")
_MOST_NAMED = 5  # lines named in one finding


def inspect_lines(
    phones: list[str],
    numbers: list[str],
    keys: list[str],
    extras: dict[int, dict[str, str]],
    refusals: dict[int, str],
    findings: list[str],
) -> None:
    """Add what is wrong with the lines to `findings`, and the lines that the provider would refuse to `refusals`.

    `extras`: line index to the attributes beside phone, number_sms and client_id_sms.
    """
    if not _are_digits(phones, _LONGEST_PHONE):
        _inspect_phones(phones, refusals, findings)
    if not _are_digits(numbers, 9):
        _inspect_numbers(numbers, findings)
    if not _are_digits(keys, 18):
        _inspect_keys(keys, findings)
    _find("client_id_sms has a leading zero", [i for i, key in enumerate(keys) if key[:1] == "0"], findings)
    _find_repeated("number_sms", numbers, findings)
    _find_repeated("client_id_sms", keys, findings)
    _find_repeated("phone", phones, findings)
    if extras:
        _inspect_extras(extras, findings)


def _are_digits(column: list[str], longest: int) -> bool:
    together = "".join(column)
    return together.isascii() and together.isdigit() and all(column) and len(max(column, key=len)) <= longest


def _is_number(value: str) -> bool:
    return value.isascii() and value.isdigit()


def _find(what: str, lines: list[int], findings: list[str]) -> None:
    if lines:
        named = ", ".join(str(line + 1) for line in lines[:_MOST_NAMED])
        more = f" and {len(lines) - _MOST_NAMED} more" if len(lines) > _MOST_NAMED else ""
        findings.append(f"{what}: line {named}{more}")


def _inspect_phones(phones: list[str], refusals: dict[int, str], findings: list[str]) -> None:
    missing = [i for i, phone in enumerate(phones) if not phone.strip()]
    letters = [i for i, phone in enumerate(phones) if phone.strip() and not _is_number(phone)]
    long = [i for i, phone in enumerate(phones) if len(phone) > _LONGEST_PHONE and _is_number(phone)]
    _find("phone is missing", missing, findings)
    _find("phone is not digits", letters, findings)
    _find("phone has 15 digits or more", long, findings)
    for lines, refusal in ((missing, "no_phone"), (letters, "no_phone"), (long, "long_phone")):
        for line in lines:
            refusals.setdefault(line, refusal)


def _inspect_numbers(numbers: list[str], findings: list[str]) -> None:
    _find("number_sms is missing", [i for i, number in enumerate(numbers) if not number], findings)
    _find("number_sms is not digits", [i for i, n in enumerate(numbers) if n and not _is_number(n)], findings)


def _inspect_keys(keys: list[str], findings: list[str]) -> None:
    _find("client_id_sms is missing", [i for i, key in enumerate(keys) if not key], findings)
    _find("client_id_sms is not digits", [i for i, key in enumerate(keys) if key and not _is_number(key)], findings)
    large = [i for i, key in enumerate(keys) if _is_number(key) and (len(key) > 19 or int(key) > _LARGEST_KEY)]
    _find("client_id_sms is larger than 9223372036854775807", large, findings)


def _find_repeated(name: str, column: list[str], findings: list[str]) -> None:
    if len(set(column)) == len(column):
        return
    repeated = {value for value, count in Counter(column).items() if value and count > 1}
    _find(f"{name} is repeated", [i for i, value in enumerate(column) if value in repeated], findings)


def _inspect_extras(extras: dict[int, dict[str, str]], findings: list[str]) -> None:
    unknown = {name for attributes in extras.values() for name in attributes.keys() - {*_TIME_ATTRIBUTES}}
    for name in sorted(unknown):
        _find(f"attribute {name} is unknown", [i for i, given in extras.items() if name in given], findings)
    for name in _TIME_ATTRIBUTES:
        bad = [i for i, given in extras.items() if not _is_time(given.get(name, ""))]
        _find(f"{name} is not YYYY-MM-DD HH:MM", bad, findings)
    early = [i for i, given in extras.items() if _ends_before_start(given)]
    _find("validity_period is not after time_send", early, findings)


def _is_time(value: str) -> bool:
    if not value:
        return True
    if not _TIMES.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _ends_before_start(given: dict[str, str]) -> bool:
    start = given.get("time_send", "")
    ends = [given[name] for name in _TIME_ATTRIBUTES[1:] if given.get(name)]
    return bool(start) and any(end[:16] <= start[:16] for end in ends)
