"""Throughput as a picture: two line charts beside each other, written as SVG by hand."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, log10
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 460, 330
LEFT, RIGHT, TOP, BOTTOM = 66, 18, 58, 50
CAPTION_LINE = 16
LEGEND_WIDTH = 92
COLOURS = ("#1f6feb", "#8b949e", "#d29922", "#2da44e")
INK, FAINT, GRID = "#24292f", "#57606a", "#d8dee4"
STEPS = (1, 2, 2.5, 5, 10)
MOST_LINES = 5


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines over a logarithmic axis, in bands. Every line is points of (x, lowest, median, highest), x above zero."""

    title: str
    axis: str
    lines: Mapping[str, Sequence[tuple[float, float, float, float]]]


def draw(charts: Sequence[Chart], caption: Sequence[str]) -> str:
    """Return an SVG document with the charts from left to right on one scale, and lines below."""
    highest = max(high for chart in charts for line in chart.lines.values() for *_, high in line)
    inside = "".join(
        f'<g transform="translate({WIDTH * number},0)">{"".join(_chart(chart, highest))}</g>'
        for number, chart in enumerate(charts)
    )
    below = "".join(
        _text(LEFT, HEIGHT + CAPTION_LINE * number, line, fill=FAINT, size=11) for number, line in enumerate(caption, 1)
    )
    width, height = WIDTH * len(charts), HEIGHT + CAPTION_LINE * (len(caption) + 1)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>'
        f"{inside}{below}</svg>\n"
    )


def step_of(highest: float) -> float:
    """Return the distance of the horizontal lines: round, and so that a few of them reach `highest`."""
    least = highest / MOST_LINES
    power = 10.0 ** ceil(log10(least) - 1)
    return next(power * step for step in STEPS if power * step >= least * (1 - 1e-9))


def _chart(chart: Chart, highest: float) -> Iterator[str]:
    xs = sorted({x for line in chart.lines.values() for x, *_ in line})
    step = step_of(highest)
    top = step * ceil(highest / step - 1e-9)
    across = _Across(xs[0], xs[-1])
    yield _text(LEFT, 20, chart.title, weight="bold", size=13)
    for number in range(round(top / step) + 1):
        y = _y(number * step, top)
        yield f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="{FAINT if number == 0 else GRID}"/>'
        yield _text(LEFT - 8, y + 4, f"{number * step:,.0f}", anchor="end", fill=FAINT)
    for x in xs:
        yield f'<path d="M{across.at(x):.1f} {HEIGHT - BOTTOM}v4" stroke="{FAINT}"/>'
        yield _text(across.at(x), HEIGHT - BOTTOM + 18, short(x), anchor="middle", fill=FAINT)
    yield _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - BOTTOM + 38, chart.axis, anchor="middle")
    for number, (name, line) in enumerate(chart.lines.items()):
        colour, left = COLOURS[number % len(COLOURS)], LEFT + LEGEND_WIDTH * number
        yield f'<path d="M{left} 37h18" stroke="{colour}" stroke-width="3"/>'
        yield _text(left + 24, 41, name)
        yield from _line(line, across, top, colour)


def _line(
    line: Sequence[tuple[float, float, float, float]], across: "_Across", top: float, colour: str
) -> Iterator[str]:
    above = [f"{across.at(x):.1f} {_y(high, top):.1f}" for x, _, _, high in line]
    below = [f"{across.at(x):.1f} {_y(low, top):.1f}" for x, low, _, _ in reversed(line)]
    yield f'<path d="M{"L".join([*above, *below])}Z" fill="{colour}" opacity="0.15"/>'
    path = "L".join(f"{across.at(x):.1f} {_y(middle, top):.1f}" for x, _, middle, _ in line)
    yield f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2" stroke-linejoin="round"/>'
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
    fill: str = INK,
    weight: str = "normal",
    size: int = 12,
) -> str:
    style = f'text-anchor="{anchor}" fill="{fill}" font-weight="{weight}" font-size="{size}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(said)}</text>'
