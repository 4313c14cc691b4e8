"""The picture is an SVG document that shows every point."""

import pytest
from lxml import etree

from worker.bench.picture import Chart, draw, short, step_of

SVG = "{http://www.w3.org/2000/svg}"


def chart(points: int = 3) -> Chart:
    line = [(10.0**number, 90.0, 100.0, 110.0) for number in range(2, 2 + points)]
    return Chart('Rates & "sizes"', "recipients", {"ours": line, "floor": line})


def test_every_point_of_every_line_is_drawn() -> None:
    root = etree.fromstring(draw([chart(), chart(5)], ["one machine"]).encode())
    assert len(list(root.iter(f"{SVG}circle"))) == 2 * 3 + 2 * 5


def test_texts_are_escaped_and_say_what_is_shown() -> None:
    root = etree.fromstring(draw([chart()], ["2 cores < 4"]).encode())
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert {'Rates & "sizes"', "recipients", "2 cores < 4", "ours", "floor", "1k", "100"} <= set(texts)


def test_larger_values_are_drawn_higher() -> None:
    root = etree.fromstring(draw([Chart("", "", {"ours": [(1, 5, 5, 5), (10, 50, 50, 50)]})], [""]).encode())
    low, high = [(float(dot.get("cx", "")), float(dot.get("cy", ""))) for dot in root.iter(f"{SVG}circle")]
    assert low[0] < high[0] and low[1] > high[1]


def test_charts_beside_each_other_have_one_scale() -> None:
    flat = [Chart("", "", {"ours": [(1, 5, 5, 5), (10, 5, 5, 5)]}), Chart("", "", {"ours": [(1, 50, 50, 50)]})]
    root = etree.fromstring(draw(flat, []).encode())
    first, _, last = [float(dot.get("cy", "")) for dot in root.iter(f"{SVG}circle")]
    assert first > last


def test_chart_of_a_single_point_can_be_drawn() -> None:
    assert "<circle" in draw([chart(1)], [])


@pytest.mark.parametrize(("highest", "step"), [(100, 20), (283_000, 100_000), (5, 1), (1, 0.2), (1_200, 250)])
def test_horizontal_lines_are_at_round_numbers(highest: float, step: float) -> None:
    assert step_of(highest) == pytest.approx(step)


@pytest.mark.parametrize(("value", "written"), [(100, "100"), (2_500, "2.5k"), (300_000, "300k"), (3_000_000, "3M")])
def test_sizes_are_written_short(value: float, written: str) -> None:
    assert short(value) == written
