"""What may be spliced into a document without escaping: digits, and no more of them than the provider takes."""

from collections.abc import Sequence

MSISDN_DIGITS = 14
KEY_DIGITS = 19


def are_digits(values: Sequence[str], longest: int) -> bool:
    """Say whether each value is 1 to `longest` ASCII digits; a thousand cost as little as thirty one by one."""
    joined = "".join(values)
    lengths = set(map(len, values))
    return not lengths or (min(lengths) > 0 and max(lengths) <= longest and joined.isascii() and joined.isdigit())
