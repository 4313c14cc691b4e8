"""The diagrams in docs/architecture.md are the tables of models/states.py, and the clocks nest as design says."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

import pytest

from models.states import (
    BATCH_MOVES,
    CAMPAIGN_MOVES,
    CAMPAIGN_MOVES_BY_HAND,
    RECIPIENT_MOVES,
    RECIPIENT_MOVES_BY_HAND,
)

ARCHITECTURE = Path(__file__).parents[2] / "docs" / "architecture.md"


def diagram(moves: Mapping[StrEnum, frozenset[StrEnum]], by_hand: Mapping[StrEnum, frozenset[StrEnum]]) -> str:
    """Return the Mermaid diagram of a table of moves: moves by hand say so, ends lead to the final point."""
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {next(iter(moves))}"]
    for status, targets in moves.items():
        lines += [f"    {status} --> {target}" for target in type(status) if target in targets]
    for status, targets in by_hand.items():
        lines += [f"    {status} --> {target}: by hand" for target in type(status) if target in targets]
    lines += [f"    {status} --> [*]" for status, targets in moves.items() if not targets]
    return "\n".join([*lines, "```"])


@pytest.mark.parametrize(
    ("name", "moves", "by_hand"),
    [
        ("campaign", CAMPAIGN_MOVES, CAMPAIGN_MOVES_BY_HAND),
        ("batch", BATCH_MOVES, {}),
        ("recipient", RECIPIENT_MOVES, RECIPIENT_MOVES_BY_HAND),
    ],
)
def test_diagram_equals_the_table(
    name: str, moves: Mapping[StrEnum, frozenset[StrEnum]], by_hand: Mapping[StrEnum, frozenset[StrEnum]]
) -> None:
    expected = diagram(moves, by_hand)
    assert expected in ARCHITECTURE.read_text(encoding="utf-8"), f"the diagram of a {name} should be:\n{expected}"
