"""Throughput as a picture: two line charts beside each other, written as SVG by hand."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, log10
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 460, 320
LEFT, RIGHT, TOP, BOTTOM = 62, 16, 46, 46
COLOURS = ("#1f6feb", "#8b949e", "#d29922", "#2da44e")
STEPS = (1, 2, 2.5, 5, 10)
MOST_LINES = 5


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines over a logarithmic axis. Every line is points of (x, lowest, median, highest), x above zero."""

    title: str
    axis: str
    lines: Mapping[str, Sequence[tuple[float, float, float, float]]]


def draw(charts: Sequence[Chart], caption: str) -> str:
    """Return an SVG document with the charts from left to right and a line below."""
    size = f'width="{WIDTH * len(charts)}" height="{HEIGHT + 24}"'
    inside = "".join(
        f'<g transform="translate({WIDTH * number},0)">{"".join(_chart(chart))}</g>'
        for number, chart in enumerate(charts)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">'
        f'<rect width="100%" height="100%" fill="white"/>{inside}'
        f"{_text(LEFT, HEIGHT + 12, caption, fill='#57606a', size=11)}</svg>\n"
    )


def step_of(highest: float) -> float:
    """Return the distance of the horizontal lines: round, and so that a few of them reach `highest`."""
    least = highest / MOST_LINES
    power = 10.0 ** ceil(log10(least) - 1)
    return next(power * step for step in STEPS if power * step >= least * (1 - 1e-9))


def _chart(chart: Chart) -> Iterator[str]:
    points = [point for line in chart.lines.values() for point in line]
    xs = sorted({x for x, *_ in points})
    step = step_of(max(high for *_, high in points))
    top = step * ceil(max(high for *_, high in points) / step - 1e-9)
    across = _Across(xs[0], xs[-1])
    yield _text(LEFT, 20, chart.title, weight="bold")
    for number in range(round(top / step) + 1):
        y = _y(number * step, top)
        yield f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#d0d7de" stroke-width="1"/>'
        yield _text(LEFT - 6, y + 4, f"{number * step:,.0f}", anchor="end")
    for x in xs:
        yield _text(across.at(x), HEIGHT - BOTTOM + 18, short(x), anchor="middle")
    yield _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - BOTTOM + 36, chart.axis, anchor="middle", fill="#57606a")
    for number, (name, line) in enumerate(chart.lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        yield from _line(line, across, top, colour)
        yield _text(WIDTH - RIGHT - 90 * (len(chart.lines) - number), 38, f"— {name}", fill=colour)


def _line(
    line: Sequence[tuple[float, float, float, float]], across: "_Across", top: float, colour: str
) -> Iterator[str]:
    for x, low, _, high in line:
        yield f'<path d="M{across.at(x):.1f} {_y(low, top):.1f}V{_y(high, top):.1f}" stroke="{colour}" opacity="0.4"/>'
    path = "L".join(f"{across.at(x):.1f} {_y(middle, top):.1f}" for x, _, middle, _ in line)
    yield f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
    for x, _, middle, _ in line:
        yield f'<circle cx="{across.at(x):.1f}" cy="{_y(middle, top):.1f}" r="3" fill="{colour}"/>'


@dataclass(frozen=True, slots=True)
class _Across:
    first: float
    last: float

    def at(self, x: float) -> float:
        whole = log10(self.last / self.first) or 1.0
        return LEFT + 14 + (WIDTH - LEFT - RIGHT - 28) * log10(x / self.first) / whole


def short(value: float) -> str:
    """Write a round number as people do on an axis: 300k, 2.5k, 1M."""
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def _y(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top


def _text(
    x: float,
    y: float,
    said: str,
    *,
    anchor: str = "start",
    fill: str = "#24292f",
    weight: str = "normal",
    size: int = 12,
) -> str:
    style = f'text-anchor="{anchor}" fill="{fill}" font-weight="{weight}" font-size="{size}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(said)}</text>'
