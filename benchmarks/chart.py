"""The results as bars, in SVG."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from benchmarks.measure import BASE, Part, Result
from benchmarks.report import HEADINGS

WIDTH = 900
LEFT = 250
RIGHT = 90
BAR = 14
GAP = 16
HEAD = 60

#: Where a part's scale ends; longer bars are cut there, and say their length.
ENDS = {"in-process": 4.0, "http": 1.5}

COLORS = {"project": "#1f6feb", "plain": "#8b949e", "express": "#bf8700", "fastify": "#8250df"}
BUDGET = "#cf222e"
TEXT = "#1f2328"


def draw(parts: Mapping[str, Part]) -> str:
    """Return the chart of all parts, one below the other."""
    drawn = []
    top = 10
    for name, part in parts.items():
        lines, top = _draw_part(name, part, top)
        drawn += lines
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top}" '
        f'viewBox="0 0 {WIDTH} {top}" font-family="sans-serif" font-size="12" fill="{TEXT}">'
    )
    background = f'<rect width="{WIDTH}" height="{top}" fill="#ffffff"/>'
    return "\n".join([head, background, *drawn, "</svg>", ""])


def _draw_part(name: str, part: Part, top: int) -> tuple[list[str], int]:
    names = [who for who in part.titles if who != BASE]
    end = ENDS[name]
    drawn = [_text(20, top + 18, HEADINGS[name], 'font-size="15" font-weight="bold"')]
    drawn += _draw_legend([(part.titles[who], COLORS[who]) for who in names], top + 32)
    bars, lines, labels = [], [], []
    y = top + HEAD
    for result in part.results:
        first = y
        for who in names:
            bars += _draw_bar(result, who, y, end)
            labels += _draw_label(result, who, y, end)
            y += BAR
        labels.append(_text(LEFT - 10, (first + y) / 2 + 3, result.title, 'text-anchor="end"'))
        lines.append(_line(_x(result.budget, end), first - 3, y + 1, BUDGET, 2))
        y += GAP
    base = _x(1, end)
    drawn.append(_line(base, top + HEAD - 6, y - GAP + 4, TEXT, 1, 'stroke-dasharray="3 3"'))
    labels.append(_text(base, y + 4, f"{part.titles[BASE]} = 1", 'text-anchor="middle"'))
    return [*drawn, *bars, *lines, *labels], y + 30


def _draw_legend(names: list[tuple[str, str]], y: float) -> list[str]:
    drawn = []
    x = LEFT
    for title, color in names:
        drawn += [_rect(x, y, 12, 12, color), _text(x + 18, y + 10, title)]
        x += 170
    return [*drawn, _line(x + 6, y - 1, y + 13, BUDGET, 2), _text(x + 14, y + 10, "budget")]


def _draw_bar(result: Result, who: str, y: float, end: float) -> list[str]:
    length = _x(result.ratio(who).median, end) - LEFT
    return [_rect(LEFT, y, max(length, 1), BAR - 2, COLORS[who])]


def _draw_label(result: Result, who: str, y: float, end: float) -> list[str]:
    ratio = result.ratio(who).median
    label = f"{ratio:.{3 if ratio < 0.1 else 2}f}" + (" →" if ratio > end else "")
    # Legible where a line crosses it.
    halo = 'font-size="11" paint-order="stroke" stroke="#ffffff" stroke-width="4"'
    return [_text(_x(ratio, end) + 5, y + 10, label, halo)]


def _x(ratio: float, end: float) -> float:
    return LEFT + min(ratio, end) / end * (WIDTH - LEFT - RIGHT)


def _rect(x: float, y: float, width: float, height: float, color: str) -> str:
    return f'<rect x="{x:g}" y="{y:g}" width="{width:.1f}" height="{height:g}" fill="{color}"/>'


def _line(x: float, top: float, bottom: float, color: str, width: int, options: str = "") -> str:
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top:g}" y2="{bottom:g}" '
        f'stroke="{color}" stroke-width="{width}" {options}/>'
    )


def _text(x: float, y: float, text: str, options: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:g}" {options}>{escape(text)}</text>'
