"""An error on the client's side must not hide behind the same error on the provider's: no code is shared."""

from ast import Import, ImportFrom, parse, walk
from pathlib import Path
from sys import stdlib_module_names

SIMULATOR = Path(__file__).parents[2] / "worker" / "simulator"


def test_the_simulator_imports_itself_lxml_and_the_standard_library_only() -> None:
    imported = set()
    for path in SIMULATOR.glob("*.py"):
        for node in walk(parse(path.read_text())):
            if isinstance(node, Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ImportFrom):
                imported.add(str(node.module))
    foreign = {name for name in imported if name.split(".")[0] not in {*stdlib_module_names, "lxml"}}
    assert foreign
    assert all(name.startswith("worker.simulator") for name in foreign)
