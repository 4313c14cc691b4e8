"""The key of a recipient: 16 decimal digits that name campaign and position and never repeat.

    w | 15 - w random digits | the position, padded to w digits

`w` (1..7) is the width of the campaign's last position, fixed when the import ends. `w` and the random digits are the
campaign's prefix, unique in the database. Two campaigns of different width differ in the first digit, two of the same
width in their prefix, two recipients of one campaign in the position. Sixteen digits that start with 1 to 7 stay below
2^53, so that a provider that compares numbers as floats still sees them apart.

Source: the source document, `message.abonent.client_id_sms`; protocol.md 9.
"""

import secrets

KEY_DIGITS = 16
WIDEST = 7


def new_prefix(total_count: int) -> str:
    """Return a fresh random prefix for a campaign of 1 to 9,999,999 recipients.

    The digits come from the operating system, not from a counter: counters repeat when a database is restored.
    """
    width = len(str(total_count))
    if not 1 <= total_count or width > WIDEST:
        raise ValueError(f"a campaign of {total_count} recipients has no keys: 1 to 9,999,999 have")
    digits = KEY_DIGITS - 1 - width
    return f"{width}{secrets.randbelow(10**digits):0{digits}d}"


def send_key(prefix: str, position: int) -> str:
    """Return the key of the recipient at `position` (1..the campaign's total)."""
    return str(first_key(prefix) + position)


def first_key(prefix: str) -> int:
    """Return the number to which positions are added to get keys: a thousand at once need it once."""
    return int(prefix + "0" * int(prefix[0]))


def read_key(key: str) -> tuple[str, int] | None:
    """Return (prefix, position) of a key of this form, or None for a caller's own key."""
    if len(key) != KEY_DIGITS or not (key.isascii() and key.isdecimal()) or not "1" <= key[0] <= str(WIDEST):
        return None
    width = int(key[0])
    return key[:-width], int(key[-width:])
