"""Which column is what: header or none, the phone column, the reference, the values."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from re import compile as compile_pattern

from worker.intake.errors import IntakeError
from worker.intake.phones import PhoneReader, resembles_phone

_PHONE_NAMES = frozenset(
    {
        *("phone", "phones", "phoneno", "phonenumber", "tel", "telephone", "telephonenumber", "msisdn"),
        *("mob", "mobile", "mobilephone", "mobilenumber", "cell", "cellphone"),
        *("тел", "телефон", "телефоны", "номертелефона", "контактныйтелефон", "телефонклиента", "телефонполучателя"),
        *("моб", "мобильный", "мобильныйтелефон", "мобильныйномер", "сотовый", "сотовыйтелефон"),
    }
)
_PERHAPS_PHONE_NAMES = frozenset(
    {"number", "номер", "no", "abonent", "абонент", "recipient", "получатель", "to", "contact", "контакт"}
)
_AGAIN = compile_pattern(r" \(\d+\)$")  # a name that came before
_LONG_NUMBER = compile_pattern("[0-9]{5,}")
# How many of a column's first cells are phone numbers: most; or some, where the list is damaged and no other column has
# as many. A single number in a column of remarks is not a list.
_MOST, _SOME = 0.5, 0.2
_SHOWN_NAMES = 12
_SHOWN_CHARACTERS = 40


@dataclass(frozen=True, slots=True)
class Layout:
    """Places of the columns from 0. `names` has one for every column, empty where the header names none."""

    names: tuple[str, ...]
    phone: int
    ref: int | None

    @property
    def values(self) -> tuple[int, ...]:
        """Return the places of the variable columns."""
        return tuple(at for at, name in enumerate(self.names) if name and at not in (self.phone, self.ref))


def read_header(sample: Sequence[Sequence[str]], phone_column: str | None) -> tuple[tuple[str, ...], bool]:
    """Return the names of the columns from the first rows, and whether the first of them is a header."""
    first = sample[0]
    if _is_header(first, phone_column):
        return _names(first), True
    width = Counter(map(len, sample)).most_common(1)[0][0]
    return tuple(f"column{at + 1}" for at in range(width)), False


def choose_columns(
    names: tuple[str, ...],
    rows: Sequence[Sequence[str]],
    called: str,
    phones: PhoneReader,
    *,
    phone_column: str | None,
    ref_column: str | None,
) -> Layout:
    """Find the phone column by its name or by its first cells, where none is named.

    Raises: IntakeError that names the columns, where one was asked for that is not there or none (or more than one)
    holds phone numbers.
    """
    ref = None if ref_column is None else _named(names, ref_column, called)
    if phone_column is not None:
        phone = _named(names, phone_column, called)
    else:
        phone = _find_phone(names, rows, called, phones)
    if phone == ref:
        raise IntakeError(f'{called}: "{names[phone]}" cannot be both the phone and the reference column')
    return Layout(names, phone, ref)


def _is_header(first: Sequence[str], phone_column: str | None) -> bool:
    """A header names its columns: one is a known name, or at least none of its cells is a number."""
    folded = {_fold(cell) for cell in first}
    if folded & _PHONE_NAMES or (phone_column is not None and _fold(phone_column) in folded):
        return True
    return not any(resembles_phone(cell) or _is_number(cell) for cell in first)


def _is_number(cell: str) -> bool:
    return any(c.isdigit() for c in cell) and not any(c.isalpha() for c in cell)


def _names(header: Sequence[str]) -> tuple[str, ...]:
    """Trim; a name that comes again is numbered, so that `{name}` means the first."""
    names: list[str] = []
    for cell in header:
        name = plain = cell.strip()
        again = 2
        while name and name in names:
            name, again = f"{plain} ({again})", again + 1
        names.append(name)
    return tuple(names)


def _named(names: Sequence[str], wanted: str, called: str) -> int:
    if wanted.strip() in names:
        return names.index(wanted.strip())
    folded = [_fold(name) for name in names]
    if _fold(wanted) in folded:
        return folded.index(_fold(wanted))
    near = get_close_matches(_fold(wanted), folded, n=1)
    hint = f' (did you mean "{_shown_name(names[folded.index(near[0])])}"?)' if near else ""
    raise IntakeError(f'{called} has no column "{wanted}"{hint}; its columns are {_shown(names)}')


def _find_phone(names: Sequence[str], rows: Sequence[Sequence[str]], called: str, phones: PhoneReader) -> int:
    by_name = [at for at, name in enumerate(names) if _fold(_AGAIN.sub("", name)) in _PHONE_NAMES]
    if len(by_name) == 1:
        return by_name[0]
    candidates = by_name or range(len(names))
    shares = {at: _phone_share(at, rows, phones) for at in candidates}
    least = _SOME if len(names) > 1 else 0.0
    found = [at for at, share in shares.items() if share > _MOST] or [
        at for at, share in shares.items() if share > least
    ]
    if len(found) != 1:
        perhaps = [at for at in found or candidates if _fold(names[at]) in _PERHAPS_PHONE_NAMES]
        found = perhaps if len(perhaps) == 1 else found
    if len(found) == 1:
        return found[0]
    several = [names[at] for at in found or by_name]
    what = f"more than one column of phone numbers: {_shown(several)}" if several else "no column of phone numbers"
    raise IntakeError(f"{called} has {what}; name it with --phone-column (columns: {_shown(names)})")


def _phone_share(at: int, rows: Sequence[Sequence[str]], phones: PhoneReader) -> float:
    cells = [row[at] for row in rows if at < len(row) and row[at].strip()]
    return sum(phones.read(cell)[0] is not None for cell in cells) / len(cells) if cells else 0.0


def _fold(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())


def _shown(names: Sequence[str]) -> str:
    named = [name for name in names if name]
    shown = [_shown_name(name) for name in named[:_SHOWN_NAMES]]
    more = len(named) - len(shown)
    return (", ".join(shown) or "none with a name") + (f" and {more} more" if more else "")


def _shown_name(name: str) -> str:
    """Keep it on the line, and keep numbers out of it: where a list has no header, a name may be somebody's phone."""
    short = _LONG_NUMBER.sub("...", name)[:_SHOWN_CHARACTERS]
    return short if short.isprintable() else repr(short)
