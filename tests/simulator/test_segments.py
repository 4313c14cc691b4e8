"""Segments as the network counts them. Source: protocol.md 5 (`parts`), GSM 03.38."""

import pytest

from worker.simulator.segments import count_segments


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("€" * 152, 2),  # 76 to a segment: the 153rd septet cannot hold half of one
        ("€" * 153, 3),
        ("a" * 152 + "€" + "a" * 152, 3),
        ("я" * 70, 1),
        ("я" * 71, 2),
        ("я" * 134, 2),
        ("я" * 135, 3),
        ("`" + "a" * 69, 1),  # ASCII, but not in the alphabet
        ("`" + "a" * 70, 2),
        ("ы" * 68 + "😀", 1),
        ("ы" * 69 + "😀", 2),
        ("😀" * 66, 2),  # 33 to a segment: no surrogate pair is split
        ("😀" * 67, 3),
        ("a" * 158 + "\\n" + "a", 1),  # two characters that are one line break
        ("@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ" * 5, 1),
    ],
)
def test_segments(text: str, segments: int) -> None:
    assert count_segments(text) == segments
