"""Texts with `{name}` in them: parsed once, rendered for many recipients.

Knows no kinds of message and no lists: a template has names, and a mapping has values for them.
"""

from collections.abc import Mapping, Sequence
from re import Match
from re import compile as compile_pattern
from string import Formatter
from urllib.parse import quote

from .errors import ContentError, MissingValue, UnsendableText

# Source: XML 1.0, Char. One such character makes the provider refuse the whole document (protocol.md 4.4).
_UNSENDABLE = compile_pattern("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_WELL_FORMED = compile_pattern(r"\{\{|\}\}|\{[^{}]*\}|[^{}]+")
_NOT_A_NAME = compile_pattern(r"[.\[\]]")
_WHOLE_LINK = ":/?#[]@!$&'()*+,;=%"


def unsendable(text: str) -> str | None:
    """Name the first character of `text` that an XML 1.0 document cannot carry, and its place."""
    found = _UNSENDABLE.search(text)
    return None if found is None else _place(found)


class Template:
    """A text whose `{name}` parts are filled per recipient; `{{` and `}}` are braces.

    `field` is what errors call the text. With `url` the values are percent-encoded, so that a name or a blank cannot
    break a link; a value at the very start is the link itself and keeps the characters that give a link its shape.

    Raises: ContentError for an unbalanced brace or anything in braces that is not a plain name.
    """

    __slots__ = ("_fields", "_pattern", "_url", "names", "text")

    def __init__(self, text: str, *, field: str = "text", url: bool = False) -> None:
        self.text = text
        self._url = url
        pieces: list[str] = []
        fields: list[str] = []
        for literal, name in _parse(text, field):
            pieces.append(literal.replace("%", "%%"))
            if name is not None:
                pieces.append("%s")
                fields.append(name)
        self._pattern = "".join(pieces)
        self._fields = tuple(fields)
        self.names: tuple[str, ...] = tuple(dict.fromkeys(fields))

    def render(self, values: Mapping[str, str]) -> str:
        """Fill in the values of one recipient.

        Raises: MissingValue where a value is absent, empty or blank; UnsendableText where the result holds a character
        that an XML 1.0 document cannot carry. Neither names a value.
        """
        found: list[str] = []
        for name in self._fields:
            value = values.get(name)
            if not value or value.isspace():
                raise MissingValue(name)
            found.append(value)
        if self._url:
            found = self._encoded(found)
        text = self._pattern % tuple(found)
        forbidden = _UNSENDABLE.search(text)
        if forbidden is not None:
            raise UnsendableText(f"the text has {_place(forbidden)}, which cannot be sent")
        return text

    def fill(self, columns: Mapping[str, Sequence[str]]) -> list[str]:
        """Fill in the values of many recipients at once; none of them is blank, and all are printable."""
        rows = zip(*[columns[name] for name in self._fields], strict=True)
        if self._url:
            return [self._pattern % tuple(self._encoded(list(row))) for row in rows]
        return [self._pattern % row for row in rows]

    def _encoded(self, values: list[str]) -> list[str]:
        # Before encoding: it would disguise a forbidden character, or fail on half a surrogate pair.
        for value in values:
            forbidden = _UNSENDABLE.search(value)
            if forbidden is not None:
                raise UnsendableText(f"a value in the link has {_place(forbidden)}, which cannot be sent")
        starts_with_value = self._pattern.startswith("%s")
        return [
            quote(value.strip(), safe=_WHOLE_LINK if index == 0 and starts_with_value else "")
            for index, value in enumerate(values)
        ]


def _parse(text: str, field: str) -> list[tuple[str, str | None]]:
    """Split into (literal, name after it)."""
    parts: list[tuple[str, str | None]] = []
    try:
        for literal, name, form, conversion in Formatter().parse(text):
            parts.append((literal, None if name is None else _name(name, form, conversion, field)))
    except ValueError as error:
        raise ContentError(_unbalanced(text, field)) from error
    return parts


def _name(name: str, form: str | None, conversion: str | None, field: str) -> str:
    trimmed = name.strip()
    if not trimmed:
        raise ContentError(
            f"{field} has empty braces {{}}: write the name of a column in them, or {{{{ }}}} for braces"
        )
    if form or conversion or _NOT_A_NAME.search(trimmed):
        whole = f"{name}{'!' + conversion if conversion else ''}{':' + form if form else ''}"
        raise ContentError(
            f"{field} has {{{whole}}}: only the plain name of a column may stand in braces, "
            "without . [ ] ! or : (rename the column if it has one)"
        )
    return trimmed


def _unbalanced(text: str, field: str) -> str:
    position = 0
    while (match := _WELL_FORMED.match(text, position)) is not None:
        position = match.end()
    if position >= len(text):
        return f"{field} has braces that are not a plain name: write {{name}}, or {{{{ and }}}} for braces"
    excerpt = text[position : position + 12]
    return (
        f'{field} has a brace without its partner at character {position + 1}, "{excerpt}": '
        "write {name}, or {{ and }} for braces"
    )


def _place(found: Match[str]) -> str:
    return f"U+{ord(found.group()):04X} at character {found.start() + 1}"
