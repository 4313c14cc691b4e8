"""docs/simulator.md says everything that a plan may hold, and its examples are plans."""

from dataclasses import fields
from pathlib import Path
from re import DOTALL, MULTILINE, findall

from worker.simulator.plan import read_plan
from worker.simulator.rule import Rule
from worker.simulator.texts import TEXTS

DOCUMENT = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text()


def test_every_field_and_text_is_documented() -> None:
    missing = {item.name for item in fields(Rule) if f"`{item.name}`" not in DOCUMENT}
    assert missing <= {"name"}
    words = DOCUMENT.replace("`", " ").replace(",", " ").split()
    assert {name for name in TEXTS if name not in words} == set()


def test_every_example_is_a_plan() -> None:
    examples = findall(r"^ {4,}(\[\{.*?\}\])$", DOCUMENT, DOTALL | MULTILINE)
    assert all(read_plan(example) for example in examples)
    assert len(examples) == 18
