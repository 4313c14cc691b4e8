"""What each recipient of a campaign reads, out of one content with templates.

Where nothing is odd about anybody's values, all texts are made at once and kept by column; else one by one.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from .columns import ByColumn
from .content import CAMPAIGNS_AT_ONCE, Content, expected_segments, names_of, parts_of
from .errors import MissingValue, UnsendableText
from .segments import count_parts_each
from .template import Template


class Wordings(ByColumn[Content]):
    """Contents that are alike but for some texts: `columns` has those by the field's name. Without any it is one."""

    __slots__ = ("columns", "content")

    def __init__(self, content: Content, columns: Mapping[str, Sequence[str]]) -> None:
        self.content, self.columns = content, columns

    def __len__(self) -> int:
        return len(self.keys)

    def __iter__(self) -> Iterator[Content]:
        make: Callable[..., Content] = replace
        for texts in zip(*self.columns.values(), strict=True) if self.columns else [()]:
            yield make(self.content, **dict(zip(self.columns, texts, strict=True)))

    @property
    def keys(self) -> Sequence[Hashable]:
        """What tells them apart."""
        if len(self.columns) == 1:
            return next(iter(self.columns.values()))
        return list(zip(*self.columns.values(), strict=True)) if self.columns else [()]

    def chosen(self, places: Sequence[int]) -> "Wordings":
        """Return those at these places, counted from 0."""
        return Wordings(
            self.content, {name: [column[place] for place in places] for name, column in self.columns.items()}
        )

    def expected_segments(self) -> Sequence[int | None]:
        """Forecast the parts of each, as `content.expected_segments`."""
        if "text" in self.columns and expected_segments(self.content) is not None:
            return count_parts_each(self.columns["text"])
        return [expected_segments(self.content)] * len(self)


class CompiledContent:
    """A content whose templates are parsed: `names` once each, `render` and `render_all` for many recipients."""

    __slots__ = ("_constant", "_make", "_parts", "_personal", "names")

    def __init__(self, content: Content) -> None:
        self._make: Callable[..., Content] = type(content)
        self._constant: Content | None = None
        self._parts = parts_of(content)
        self._personal = {
            field: part for field, part in self._parts.items() if isinstance(part, Template) and part.names
        }
        self.names = names_of(self._parts)

    def render(self, values: Mapping[str, str]) -> Content:
        """Return the content of one recipient; the very same object every time where no name is in it.

        Raises: MissingValue; UnsendableText.
        """
        if self._constant is not None:
            return self._constant
        parts = self._parts.values()
        made = self._make(*[part.render(values) if isinstance(part, Template) else part for part in parts])
        if not self.names:
            self._constant = made
        return made

    def render_all(self, names: Sequence[str], rows: Sequence[Sequence[str]]) -> Wordings | None:
        """Return the content of each row of values, which are called `names`; one for all where no name is in it.

        None where somebody's content cannot be made, or only with care: then `render` makes it, or says why not.
        """
        columns = _plain_columns(self.names, names, rows)
        if columns is None:
            return None
        try:
            first = self.render({name: column[0] for name, column in columns.items()})
        except (MissingValue, UnsendableText):
            return None
        return Wordings(first, {field: template.fill(columns) for field, template in self._personal.items()})

    def together(self, contents: Sequence[Content]) -> Wordings:
        """Return contents that `render` has made, at least one, by column."""
        columns = {field: [getattr(content, field) for content in contents] for field in self._personal}
        return Wordings(contents[0], columns)


@lru_cache(maxsize=CAMPAIGNS_AT_ONCE)
def compile_content(content: Content) -> CompiledContent:
    """Parse every template of a content once; every batch of a campaign asks for it.

    Raises: ContentError where one cannot be parsed; a content that `check` has passed can.
    """
    return CompiledContent(content)


def _plain_columns(
    wanted: Sequence[str], names: Sequence[str], rows: Sequence[Sequence[str]]
) -> Mapping[str, Sequence[str]] | None:
    """Return the columns that are wanted; None where a value is missing or blank, breaks lines or is not printable."""
    if not wanted:
        return {}
    try:
        given = dict(zip(names, zip(*rows, strict=True), strict=False))
        columns = {name: given[name] for name in wanted}
        plain = all("".join(column).isprintable() and all(map(str.strip, column)) for column in columns.values())
    except (KeyError, TypeError, ValueError):  # rows too short, or something in them that is no text
        return None
    return columns if plain else None
