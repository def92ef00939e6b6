"""Draws curves as SVG: both axes logarithmic, readable on light and on dark ground."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 400, 260
LEFT, RIGHT, TOP, BOTTOM = 62, 28, 40, 44
GROUND = "#8c8c8c"  # for lines and words: as far from white as from black
COLOURS = ("#3584e4", "#e66100", "#26a269")


@dataclass(frozen=True)
class Series:
    """A curve, with its name."""

    name: str
    across: list[float]
    up: list[float]


def ticks(least: float, most: float) -> list[float]:
    """Return the powers of ten that have these in between; two at least."""
    first, last = math.floor(math.log10(least)), math.ceil(math.log10(most))
    return [10.0**each for each in range(first, max(last, first + 1) + 1)]


def drawn(title: str, below: str, series: list[Series]) -> str:
    """Return a picture of curves of one unit.

    Args:
        title: what goes up, with its unit.
        below: what goes across.
        series: figures of zero are not drawn: there is no place for them.
    """
    points = [[(x, y) for x, y in zip(each.across, each.up, strict=True) if x > 0 and y > 0] for each in series]
    flat = [point for curve in points for point in curve]
    across, up = (ticks(min(values), max(values)) for values in zip(*flat, strict=True))

    def x_of(value: float) -> float:
        share = math.log10(value / across[0]) / math.log10(across[-1] / across[0])
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y_of(value: float) -> float:
        share = math.log10(value / up[0]) / math.log10(up[-1] / up[0])
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    bottom = HEIGHT - BOTTOM
    parts = [f'<text x="{LEFT}" y="16" font-weight="bold">{escape(title)}</text>']
    parts += [
        f'<path d="M{x_of(tick):.1f} {TOP}V{bottom}"/><text x="{x_of(tick):.1f}" y="{bottom + 16}" '
        f'text-anchor="middle">{tick:,g}</text>'
        for tick in across
    ]
    parts += [
        f'<path d="M{LEFT} {y_of(tick):.1f}H{WIDTH - RIGHT}"/><text x="{LEFT - 6}" y="{y_of(tick) + 4:.1f}" '
        f'text-anchor="end">{tick:,g}</text>'
        for tick in up
    ]
    parts.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">{escape(below)}</text>')
    at = WIDTH - RIGHT
    for each, curve, colour in reversed(list(zip(series, points, COLOURS, strict=False))):
        path = " ".join(f"{x_of(x):.1f},{y_of(y):.1f}" for x, y in curve)
        parts.append(f'<polyline points="{path}" stroke="{colour}"/>')
        parts += [f'<circle cx="{x_of(x):.1f}" cy="{y_of(y):.1f}" r="3" fill="{colour}"/>' for x, y in curve]
        if len(series) > 1:
            parts.append(f'<text x="{at}" y="{TOP - 8}" text-anchor="end" fill="{colour}">{escape(each.name)}</text>')
            at -= (8 if each.name.isascii() else 12) * len(each.name) + 12
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'font-family="sans-serif" font-size="12" fill="{GROUND}">\n'
        f"<style>path{{stroke:{GROUND};stroke-opacity:.35}}polyline{{fill:none;stroke-width:2}}</style>\n{body}\n</svg>\n"
    )
