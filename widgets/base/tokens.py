"""The measures that every panel is drawn by: spaces, type, strokes, motion; the colours are in `theme`.

No other file says a length in pixels (tests/widgets/test_tokens.py): a panel asks for `space().small`, and is closer or
wider set with the rest of the program when its user chooses another density.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

__all__ = ["Density", "Space", "density", "set_density", "space"]


class Density(StrEnum):
    """How much there is on a screen."""

    COMPACT = "compact"
    NORMAL = "normal"
    ROOMY = "roomy"


@dataclass(frozen=True, slots=True)
class Space:
    """The lengths of one density, in points of the screen.

    Attributes:
        type_share: size of the type, as a share of the computer's own.
        none: nothing, where a step has to be named.
        tiny: inside a line.
        small: between controls, and around the content of a panel.
        medium: beside the text of a cell or a button.
        large: between groups.
        huge: between what has nothing to do with each other.
        row: height of a row beyond that of its text.
        list_row: the same, where rows are picked with the mouse all the time.
        icon: side of an icon.
    """

    type_share: float
    tiny: int
    small: int
    medium: int
    large: int
    huge: int
    row: int
    list_row: int
    icon: int
    none: int = 0


_SPACES = {
    Density.COMPACT: Space(0.92, tiny=1, small=3, medium=6, large=9, huge=18, row=3, list_row=4, icon=14),
    Density.NORMAL: Space(1.0, tiny=2, small=4, medium=8, large=12, huge=24, row=6, list_row=8, icon=16),
    Density.ROOMY: Space(1.12, tiny=3, small=6, medium=11, large=16, huge=32, row=12, list_row=14, icon=20),
}

HAIRLINE: Final = 1.0
"""Frames and grids."""
STROKE: Final = 1.4
"""Curves, and frames that have to be seen."""
BOLD_STROKE: Final = 2.0
"""What is pointed at, and the present value."""
RADIUS: Final = 3.0
"""Of the corners of what lies over something else."""
HATCH: Final = 8
"""From one stroke to the next, over what is out of date."""
LINK_BAR: Final = 3
"""Width of the bar beside the row that the panels show."""
FRAME: Final = 1
"""Around what floats, and what has the keyboard."""

FLASH_SECONDS: Final = 0.25
"""So long a price that has changed is lit; not under "reduce motion"."""
NOTE_MS: Final = 6000
"""So long a note about something that is over stays."""

FLASH_WEIGHT: Final = 0.25
"""Share of a price's colour in what lies behind it while it flashes."""
BAR_WEIGHT: Final = 0.24
"""Share of a side's colour in the bars of the order book."""
TINT_WEIGHT: Final = 0.05
"""Share of a side's colour behind the rows of the order book."""
STRIP_WEIGHT: Final = 0.22
"""Share of a warning's colour in what lies behind its words."""

WATERMARK_WEIGHT: Final = 0.10
"""Opacity of the word over what is replayed."""
WATERMARK_SHARE: Final = 0.6
"""Of the width of what it lies over."""

NOTE_WIDTH: Final = 340
SEARCH_SIZE: Final = (420, 380)
SIDE_WINDOW: Final = (640, 420)
BUNDLE_SIZE: Final = (760, 460)
MONITOR_SIZE: Final = (1060, 400)
MONITOR_ROOMY: Final = (900, 612)
"""From this width and height on its plots and tabs lie one above the other."""
WORDS_LEAST: Final = 40
TABS_LEAST: Final = 150
PLOTS_LEAST: Final = 240
CHART_LEAST: Final = (200, 140)
BOOK_WIDTHS: Final = (180, 260, 560)
"""Least, usual, most: where price and size stand farther apart they cannot be read as one row."""
DETAILS_MOST: Final = 80
TIMELINE_WIDTHS: Final = (120, 560)
TRACK_SIZE: Final = (120, 600)
FLOW_LEAST: Final = (180, 120)
FLOW_COLUMN: Final = (6, 112, 240)
"""Least, usual and most width of a bar with what was traded at its prices."""
FLOW_PROFILE: Final = 96
FLOW_DELTA: Final = 56
FLOW_DOT: Final = (1.5, 9.0)
"""Radius of the smallest and the largest trade on a map of the book."""
SPARK_SIZE: Final = (44, 14)
READOUT_MOST: Final = 420
FRAME_OF_WINDOWS: Final = (4, 32, 4, 6)
"""Widths and heights of whole surfaces, in points; the user can change all but the least and the most ones."""
PLOT_AXIS: Final = 52
VALUE_AXIS: Final = 46
STATE_BAND: Final = 52
TICK_APART: Final = 16.0
LABEL_APART: Final = 64
HEAT_ROW: Final = 3
HEAT_LEGEND: Final = 240
DAY_STRIP: Final = 9
DAY_DATE: Final = 58
DAY_SHARE: Final = 84
POINT_SIZE: Final = 4
"""Inside plots and timelines, in points."""
NEAR: Final = 7
"""So near to a thing the mouse points at it."""
DRAGGED: Final = 8
"""So far the mouse goes before a click is a drag."""


class _InForce:
    density = Density.NORMAL
    space = _SPACES[Density.NORMAL]


def density() -> Density:
    """Return the density in force."""
    return _InForce.density


def space() -> Space:
    """Return the lengths in force; cheap enough for every cell that is painted."""
    return _InForce.space


def set_density(wanted: Density) -> None:
    """Take other lengths from now on; `look().choose(density=…)` tells the panels, too."""
    _InForce.density, _InForce.space = wanted, _SPACES[wanted]
