"""Makes the bundled typeface from Pretendard: fewer characters, digits of one width, and signs of our own drawing.

    npm pack pretendard@1.3.9 && tar xzf pretendard-1.3.9.tgz
    python -m venv .venv-fonts && .venv-fonts/bin/pip install fonttools
    .venv-fonts/bin/python tools/typeface.py package

The result is committed (resources/fonts): whoever builds or runs the program needs none of this.

Pretendard's licence (SIL OFL 1.1) reserves that name for what its author made, so what is changed has another one:
Hoga Sans; hoga (호가) is a quoted price.
"""

from __future__ import annotations

import argparse
import math
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

FAMILY = "Hoga Sans"
FONTS = Path(__file__).parent.parent / "resources" / "fonts"
WEIGHTS = ("Regular", "Bold")
_FEATURES = ["kern", "ccmp", "case", "tnum"]
_NAMES = [0, 1, 2, 3, 4, 5, 6, 13, 14]  # who made it, what it is called, and its licence
_RANGES = (
    (0x20, 0x7E), (0xA0, 0xFF), (0x2010, 0x2027), (0x2030, 0x203A), (0x20A9, 0x20A9), (0x20AC, 0x20AC),
    (0x2190, 0x21FF), (0x2200, 0x22FF), (0x25A0, 0x25FF), (0x2600, 0x26FF), (0x2700, 0x27BF), (0x3000, 0x3003),
    (0x3131, 0x318E), (0xFF08, 0xFF09),
)  # fmt: skip
_MADE = 3_155_673_600  # seconds from 1904 to 2004: two builds are the same to the byte

_Point = tuple[float, float]


def main() -> None:
    """Write the fonts and their licence."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path, help="the unpacked npm package pretendard")
    package = parser.parse_args().package
    FONTS.mkdir(parents=True, exist_ok=True)
    for weight in WEIGHTS:
        source = package / "dist" / "public" / "static" / "alternative" / f"Pretendard-{weight}.ttf"
        target = FONTS / f"HogaSans-{weight}.ttf"
        make(source, target, weight)
        print(f"{target} {target.stat().st_size:,} bytes")
    shutil.copyfile(package / "dist" / "LICENSE.txt", FONTS / "LICENSE.txt")


def make(source: Path, target: Path, weight: str) -> None:
    """Write one weight."""
    from fontTools.subset import Options, Subsetter
    from fontTools.ttLib import TTFont

    font = TTFont(source, recalcTimestamp=False)
    font["head"].modified = font["head"].created = _MADE
    options = Options(
        layout_features=_FEATURES, hinting=False, notdef_outline=True, name_IDs=[0, 1, 2, 3, 4, 5, 6, 13, 14]
    )
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=_characters())
    subsetter.subset(font)
    _make_tabular(font)
    pen_width = 0.17 if weight == "Bold" else 0.1
    for character, draw in SIGNS.items():
        _add(font, character, draw(pen_width))
    _rename(font, weight)
    font.save(target)


def _characters() -> list[int]:
    """Return what a Korean or English program shows: KS X 1001's Hangul, Latin, and signs."""
    hangul = [code for code in range(0xAC00, 0xD7A4) if len(chr(code).encode("euc_kr", "ignore")) == 2]
    return hangul + [code for first, last in _RANGES for code in range(first, last + 1)]


def _make_tabular(font: Any) -> None:
    """Have the digits and their signs be as wide as each other without anybody asking for it."""
    table = font["GSUB"].table
    swaps: dict[str, str] = {}
    for record in table.FeatureList.FeatureRecord:
        if record.FeatureTag == "tnum":
            for place in record.Feature.LookupListIndex:
                for each in table.LookupList.Lookup[place].SubTable:
                    swaps.update(getattr(each, "ExtSubTable", each).mapping)
    wanted = {ord(character) for character in "0123456789+-\u2212"}
    for part in font["cmap"].tables:
        for code in wanted & set(part.cmap):
            part.cmap[code] = swaps.get(part.cmap[code], part.cmap[code])
    widths = {font["hmtx"][font.getBestCmap()[ord(digit)]][0] for digit in "0123456789"}
    if len(widths) != 1:
        raise SystemExit(f"the digits are of {len(widths)} widths")


def _rename(font: Any, weight: str) -> None:
    names = {1: FAMILY, 2: weight, 3: f"{FAMILY} {weight}", 4: f"{FAMILY} {weight}", 6: f"HogaSans-{weight}"}
    for name, text in names.items():
        font["name"].removeNames(nameID=name)
        font["name"].setName(text, name, 3, 1, 0x409)
    for name in (16, 17, 21, 22, 25):
        font["name"].removeNames(nameID=name)


# -- signs that Pretendard does not have, in a square of 1 by 1 -------------------------------------------------------
def _add(font: Any, character: str, outlines: Sequence[Sequence[_Point]]) -> None:
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    size = font["head"].unitsPerEm
    side, low = 0.72 * size, -0.02 * size
    air = 0.08 * size
    pen = TTGlyphPen(None)
    for outline in outlines:
        points = [(round(air + x * side), round(low + y * side)) for x, y in outline]
        pen.moveTo(points[0])
        for point in points[1:]:
            pen.lineTo(point)
        pen.closePath()
    name = f"sign{ord(character):04X}"
    font.setGlyphOrder([*font.getGlyphOrder(), name])
    glyph = pen.glyph()
    font["glyf"].glyphs[name] = glyph
    glyph.recalcBounds(font["glyf"])
    font["hmtx"][name] = (round(side + 2 * air), glyph.xMin)
    font["maxp"].numGlyphs += 1
    for part in font["cmap"].tables:
        if part.isUnicode():
            part.cmap[ord(character)] = name


def _bar(one: _Point, other: _Point, width: float) -> list[_Point]:
    """Return a straight stroke."""
    (x, y), (u, v) = one, other
    length = math.hypot(u - x, v - y)
    across, up = (v - y) / length * width / 2, (u - x) / length * width / 2
    return [(x - across, y + up), (u - across, v + up), (u + across, v - up), (x + across, y - up)]


def _arc(middle: _Point, radius: float, begin: float, end: float) -> list[_Point]:
    steps = max(8, int(abs(end - begin) / 6))
    turns = (math.radians(begin + (end - begin) * step / steps) for step in range(steps + 1))
    return [(middle[0] + radius * math.cos(turn), middle[1] + radius * math.sin(turn)) for turn in turns]


def _dashes(count: int, width: float) -> Iterator[list[_Point]]:
    for number in range(count):
        begin = (number + 0.15) / count
        yield _bar((begin, 0.45), (begin + 0.7 / count, 0.45), width)


def _hatched(width: float) -> list[list[_Point]]:
    slanted = (((0.05, 0.95), (0.95, 0.05)), ((0.05, 0.5), (0.5, 0.05)), ((0.5, 0.95), (0.95, 0.5)))
    level = (((0.0, y), (1.0, y)) for y in (0.05, 0.95))
    upright = (((x, 0.0), (x, 1.0)) for x in (0.05, 0.95))
    return [_bar(one, other, width) for one, other in (*level, *upright, *slanted)]


def _turning(width: float) -> list[list[_Point]]:
    """Return an open circle that ends in an arrow, clockwise."""
    outer, inner = _arc((0.5, 0.45), 0.45, 60, 360), _arc((0.5, 0.45), 0.45 - width, 360, 60)
    right = 0.95 - width / 2
    return [outer + inner, [(right, 0.12), (right + 0.22, 0.47), (right - 0.28, 0.47)]]


SIGNS: dict[str, Callable[[float], list[list[_Point]]]] = {
    "∥": lambda width: [_bar((x, 0.0), (x, 0.95), width) for x in (0.35, 0.65)],
    "─": lambda width: [_bar((-0.1, 0.45), (1.1, 0.45), width)],
    "━": lambda width: [_bar((-0.1, 0.45), (1.1, 0.45), 2 * width)],
    "┅": lambda width: list(_dashes(3, 1.6 * width)),
    "╍": lambda width: list(_dashes(2, 1.6 * width)),
    "└": lambda width: [_bar((0.5, 1.1), (0.5, 0.45 - width / 2), width), _bar((0.5, 0.45), (1.1, 0.45), width)],
    "├": lambda width: [_bar((0.5, 1.1), (0.5, -0.2), width), _bar((0.5, 0.45), (1.1, 0.45), width)],
    "▧": _hatched,
    "▸": lambda _width: [[(0.25, 0.1), (0.25, 0.8), (0.8, 0.45)]],
    "⚑": lambda width: [_bar((0.2, -0.05), (0.2, 0.95), width), [(0.2, 0.95), (0.9, 0.7), (0.2, 0.42)]],
    "✔": lambda width: [[(0.0, 0.42), (0.14, 0.56), (0.36, 0.32), (0.86, 0.92), (1.0, 0.8), (0.38, 0.05)]],
    "✕": lambda width: [_bar((0.1, 0.05), (0.9, 0.85), width), _bar((0.1, 0.85), (0.9, 0.05), width)],
    "✖": lambda width: [_bar((0.1, 0.05), (0.9, 0.85), 2 * width), _bar((0.1, 0.85), (0.9, 0.05), 2 * width)],
    "✘": lambda width: [_bar((0.15, 0.0), (0.9, 0.9), 1.6 * width), _bar((0.1, 0.8), (0.85, 0.05), 1.6 * width)],
    "⟳": _turning,
    "⬤": lambda _width: [_arc((0.5, 0.45), 0.5, 360, 0)],
}
"""By the character; how they are drawn with strokes of a width."""


if __name__ == "__main__":
    main()
