"""Reads what a source file imports and calls, without running it."""

from ast import AST, Attribute, Import, ImportFrom, Name, parse, walk
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from sys import stdlib_module_names

CHECKOUT = Path(__file__).parents[2]
HOUSE = ("models", "worker", "web", "migrations")


def sources(*folders: str) -> list[str]:
    """Return the Python files of the folders (of the whole house without any), relative to the checkout."""
    paths = (path for folder in folders or HOUSE for path in (CHECKOUT / folder).rglob("*.py"))
    return sorted(str(path.relative_to(CHECKOUT)) for path in paths)


@cache
def tree(path: str) -> AST:
    """Return the parsed file."""
    return parse((CHECKOUT / path).read_text())


def imports(path: str) -> set[str]:
    """Return the dotted names that a file imports, `from x import y` as "x.y"; relative ones made absolute."""
    return {name for node in walk(tree(path)) for name in _imported(node, path)}


def relative_imports(path: str) -> set[str]:
    """Return those of `imports` that are written with leading dots."""
    relative = (node for node in walk(tree(path)) if isinstance(node, ImportFrom) and node.level)
    return {name for node in relative for name in _imported(node, path)}


def foreign_imports(path: str) -> set[str]:
    """Return what a file imports beside the standard library."""
    return {name for name in imports(path) if name.partition(".")[0] not in stdlib_module_names}


def attributes(path: str) -> set[str]:
    """Return every `name.attribute` that a file uses, such as "os.environ"; imports of such a name count too."""
    used = {
        f"{node.value.id}.{node.attr}"
        for node in walk(tree(path))
        if isinstance(node, Attribute) and isinstance(node.value, Name)
    }
    return used | imports(path)


def _imported(node: AST, path: str) -> Iterator[str]:
    if isinstance(node, Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ImportFrom):
        package = Path(path).parent.parts
        above = package[: len(package) - node.level + 1] if node.level else ()
        module = ".".join([*above, *filter(None, [node.module])])
        yield from (f"{module}.{alias.name}" for alias in node.names)
