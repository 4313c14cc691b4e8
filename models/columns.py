"""Sequences that are kept by column: a thousand items cost as much as a few lists, until somebody asks for one."""

from collections.abc import Iterator, Sequence
from typing import TypeVar, overload

Item = TypeVar("Item", covariant=True)


class ByColumn(Sequence[Item]):
    """A sequence whose items are made when it is gone through; who is in a hurry takes its columns instead."""

    __slots__ = ()

    def __iter__(self) -> Iterator[Item]:
        raise NotImplementedError

    @overload
    def __getitem__(self, index: int) -> Item: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Item, ...]: ...

    def __getitem__(self, index: int | slice) -> Item | tuple[Item, ...]:
        return tuple(self)[index]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, (ByColumn, tuple)) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))
