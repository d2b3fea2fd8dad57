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

COLORS = {"project": "#1f6feb", "plain": "#8b949e", "mongoose": "#bf8700"}
MISSED = "#cf222e"


def draw(parts: Mapping[str, Part]) -> str:
    """Return the chart of all parts, one below the other."""
    drawn = []
    top = 10
    for name, part in parts.items():
        lines, top = _draw_part(name, part, top)
        drawn += lines
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top}" '
        f'viewBox="0 0 {WIDTH} {top}" font-family="sans-serif" font-size="12" fill="#1f2328">'
    )
    background = f'<rect width="{WIDTH}" height="{top}" fill="#ffffff"/>'
    return "\n".join([head, background, *drawn, "</svg>", ""])


def _draw_part(name: str, part: Part, top: int) -> tuple[list[str], int]:
    names = [who for who in part.titles if who != BASE]
    end = ENDS[name]
    lines = [_text(20, top + 18, HEADINGS[name], 'font-size="15" font-weight="bold"')]
    x = LEFT
    for who in names:
        lines.append(_rect(x, top + 32, 12, 12, COLORS[who]))
        lines.append(_text(x + 18, top + 42, part.titles[who]))
        x += 170
    lines.append(_line(x + 6, top + 31, top + 45, MISSED, 2))
    lines.append(_text(x + 14, top + 42, "budget"))
    y = first = top + HEAD
    for result in part.results:
        middle = y + len(names) * BAR / 2 + 4
        lines.append(_text(LEFT - 10, middle, result.title, 'text-anchor="end"'))
        for who in names:
            lines += _draw_bar(result, who, y, end)
            y += BAR
        if result.budget is not None:
            lines.append(_line(_x(result.budget, end), y - len(names) * BAR - 3, y + 1, MISSED, 2))
        y += GAP
    base = _x(1, end)
    lines.insert(0, _line(base, first - 6, y - GAP + 4, "#1f2328", 1, 'stroke-dasharray="3 3"'))
    lines.append(_text(base, y + 4, f"{part.titles[BASE]} = 1", 'text-anchor="middle"'))
    return lines, y + 30


def _draw_bar(result: Result, who: str, y: float, end: float) -> list[str]:
    ratio = result.ratio(who).median
    digits = 3 if ratio < 0.1 else 2
    label = f"{ratio:.{digits}f}" + (" →" if ratio > end else "")
    length = max(_x(ratio, end) - LEFT, 1)
    return [
        _rect(LEFT, y, length, BAR - 2, COLORS[who]),
        _text(LEFT + length + 5, y + 10, label, 'font-size="11"'),
    ]


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
