"""Light and dark: palettes, the colours that mean something, and fonts whose digits do not jitter."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor, QFont, QGuiApplication, QPalette
from PyQt6.QtWidgets import QApplication, QStyleFactory, QStyleOptionViewItem

from upbit_ws_qt import WebSocketType

from .contrast import LEAST_CONTRAST, blend, contrast, legible

__all__ = [
    "DARK",
    "HEALTH_SHAPES",
    "LIGHT",
    "Colours",
    "MarketColours",
    "MarketScheme",
    "ThemeMode",
    "apply_theme",
    "colours_of",
    "is_dark",
    "market_colours",
    "number_font",
    "shade_alternate_rows",
]


class ThemeMode(StrEnum):
    """What the user chose."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


class MarketScheme(StrEnum):
    """Which colours prices rise and fall in; a sign and an arrow always stand beside them."""

    KOREAN = "korean"
    WESTERN = "western"
    OKABE_ITO = "okabe_ito"


@dataclass(frozen=True, slots=True)
class MarketColours:
    """Up, down, and neither; "#rrggbb"."""

    up: str
    down: str
    flat: str


@dataclass(frozen=True, slots=True)
class Colours:
    """One theme; every colour as "#rrggbb".

    Attributes:
        dark: whether it is the dark one.
        window: behind everything.
        base: behind tables and plots.
        alternate: every second row.
        text: on both.
        muted: text of less weight; still readable (4.5 : 1).
        grid: lines in plots, already blended with `base`.
        border: of controls.
        accent: selection, focus, links.
        chosen: behind a chosen row; every other colour stays readable on it.
        box: of what Fusion makes the frames of check boxes, by darkening it.
        menu: the same, of menus.
        good: health of 80 and more.
        warn: 50 to 79.
        bad: under 50.
        idle: not judged.
        live: badge of the real exchange; blue, for blue and amber are told apart with any kind of colour vision.
        embedded: badge of the embedded exchange; amber.
        replay: badge, frame and watermark of what is replayed; violet.
        lines: one colour for each connection.
        heat: from little to much, in maps; each is told from the next by its lightness alone.
    """

    dark: bool
    window: str
    base: str
    alternate: str
    text: str
    muted: str
    grid: str
    border: str
    accent: str
    chosen: str
    box: str
    menu: str
    good: str
    warn: str
    bad: str
    idle: str
    live: str
    embedded: str
    replay: str
    lines: dict[WebSocketType, str]
    heat: tuple[str, ...]

    def health(self, level: str) -> str:
        """Return the colour of a health level ("good", "warn", "bad"; anything else counts as idle)."""
        return {"good": self.good, "warn": self.warn, "bad": self.bad}.get(level, self.idle)


HEALTH_SHAPES = {"good": "●", "warn": "▲", "bad": "✖", "idle": "○"}
"""Health is told by shape as well as by colour."""

LIGHT = Colours(
    dark=False,
    window="#f3f4f6",
    base="#ffffff",
    alternate="#f7f8fa",
    text="#16191d",
    muted="#5b6470",
    grid="#e3e6ea",
    border="#c3c8cf",
    accent="#3454a4",
    chosen="#dfe5f4",
    box="#8a939e",
    menu="#98a2ad",
    good="#197434",
    warn="#8b5d00",
    bad="#a40e6b",
    idle="#5f6771",
    live="#0a4fb3",
    embedded="#7a4a00",
    replay="#6d28a8",
    lines={WebSocketType.PUBLIC: "#0b6f82", WebSocketType.PRIVATE: "#6d3fc4", WebSocketType.INFO: "#b3400e"},
    heat=("#e3edf7", "#a9cbe6", "#5b9fd0", "#2a6cab", "#123f7a", "#071d3f"),
)
DARK = Colours(
    dark=True,
    window="#1b1e23",
    base="#14171b",
    alternate="#191c21",
    text="#e6e8eb",
    muted="#9aa4af",
    grid="#292d33",
    border="#434a53",
    accent="#7d9cf0",
    chosen="#263143",
    box="#c4ccd5",
    menu="#aab4bf",
    good="#4ac26b",
    warn="#e3b341",
    bad="#f778ba",
    idle="#919aa3",
    live="#79b0ff",
    embedded="#e3b341",
    replay="#c49bff",
    lines={WebSocketType.PUBLIC: "#39c5cf", WebSocketType.PRIVATE: "#b794f6", WebSocketType.INFO: "#ff8f66"},
    heat=("#1e2a3f", "#2c5070", "#3c8082", "#6fae6b", "#c3cf52", "#fdf3a7"),
)

_MARKET = {
    (MarketScheme.KOREAN, False): ("#c84a31", "#1261c4"),
    (MarketScheme.KOREAN, True): ("#f0616d", "#5b9bff"),
    (MarketScheme.WESTERN, False): ("#0a7d3c", "#c22f3d"),
    (MarketScheme.WESTERN, True): ("#3fbf72", "#f0616d"),
    (MarketScheme.OKABE_ITO, False): ("#a86b00", "#0072b2"),  # its #e69f00 and #56b4e9 have 2.2 : 1 on white
    (MarketScheme.OKABE_ITO, True): ("#e69f00", "#56b4e9"),
}


def is_dark(palette: QPalette) -> bool:
    """Whether a palette is a dark one."""
    return palette.color(QPalette.ColorRole.Window).lightness() < 128


def colours_of(palette: QPalette) -> Colours:
    """Return the theme that fits a widget's palette, so that a widget looks right in anybody's program.

    One of ours where the palette is ours, else ours with the palette's own grounds and ink; a style sheet changes the
    palettes of its widgets, too.
    """
    active, role = QPalette.ColorGroup.Active, QPalette.ColorRole
    window, base, alternate, text = (
        palette.color(active, each).name() for each in (role.Window, role.Base, role.AlternateBase, role.Text)
    )
    ours = DARK if is_dark(palette) else LIGHT
    if (window, base, alternate, text) == (ours.window, ours.base, ours.alternate, ours.text):
        return ours
    return _on_other_grounds(window, base, alternate, text)


@lru_cache(maxsize=64)
def _on_other_grounds(window: str, base: str, alternate: str, text: str) -> Colours:
    """Return our theme with other grounds and ink, each colour moved towards the ink until it can be read."""
    ours = DARK if QColor(base).lightness() < 128 else LIGHT
    if contrast(QColor(alternate), QColor(text)) < LEAST_CONTRAST:  # left over from the theme before
        alternate = blend(text, base, 0.04).name()
    chosen = blend(ours.accent, base, 0.25).name()
    grounds = (window, base, alternate, chosen)

    def on_all(colour: str) -> str:
        return legible(colour, text, *grounds).name()

    return replace(
        ours,
        window=window,
        base=base,
        alternate=alternate,
        text=text,
        muted=on_all(blend(text, base, 0.6).name()),
        grid=blend(text, base, 0.12).name(),
        border=blend(text, base, 0.3).name(),
        accent=on_all(ours.accent),
        chosen=chosen,
        good=on_all(ours.good),
        warn=on_all(ours.warn),
        bad=on_all(ours.bad),
        idle=on_all(ours.idle),
        live=on_all(ours.live),
        embedded=on_all(ours.embedded),
        replay=on_all(ours.replay),
        lines={line: on_all(colour) for line, colour in ours.lines.items()},
    )


def shade_alternate_rows(option: QStyleOptionViewItem, palette: QPalette) -> None:
    """Have every second row of a view painted so that its texts can be read, whatever a style sheet left out."""
    option.palette.setColor(QPalette.ColorRole.AlternateBase, QColor(colours_of(palette).alternate))


def market_colours(scheme: MarketScheme, *, dark: bool) -> MarketColours:
    """Return the colours of rising and falling prices."""
    up, down = _MARKET[scheme, dark]
    return MarketColours(up, down, (DARK if dark else LIGHT).muted)


def apply_theme(app: QApplication, mode: ThemeMode, system: Qt.ColorScheme | None = None) -> Colours:
    """Put the whole program into a theme, live; widgets hear of it as PaletteChange. Returns the colours in force.

    Args:
        app: whose style and palettes to set.
        mode: what the user chose.
        system: what the computer is set to, where the caller was just told; asked for by default.
    """
    style = app.style()
    if style is None or style.name() != "fusion":
        app.setStyle(QStyleFactory.create("Fusion"))
    hints = QGuiApplication.styleHints()
    if system is None and hints is not None:
        system = hints.colorScheme()
    system_dark = system is Qt.ColorScheme.Dark
    colours = DARK if mode is ThemeMode.DARK or (mode is ThemeMode.SYSTEM and system_dark) else LIGHT
    palette = _palette(colours)
    app.setPalette(palette)
    role = QPalette.ColorRole
    # Qt lays the palettes of classes over the one of the program. A chosen row keeps the colours of its prices …
    rows = QPalette(palette)
    rows.setColor(role.Highlight, QColor(colours.chosen))
    rows.setColor(role.HighlightedText, QColor(colours.text))
    app.setPalette(rows, "QAbstractItemView")
    # … and an empty box is an empty frame: Fusion frames it with a darker shade of the window, which nobody sees on a
    # dark one, and a box that is filled to be seen looks checked.
    boxes = QPalette(palette)
    boxes.setColor(role.Window, QColor(colours.box))
    for name in ("QCheckBox", "QRadioButton"):
        app.setPalette(boxes, name)
    # So are the edges of menus, and of the boxes in them.
    menus = QPalette(palette)
    menus.setColor(role.Window, QColor(colours.menu))
    for name in ("QMenu", "QComboBoxPrivateContainer"):
        app.setPalette(menus, name)
    return colours


def number_font(font: QFont) -> QFont:
    """Return `font` with digits of equal width."""
    tabular = QFont(font)
    if hasattr(QFont, "setFeature"):  # from Qt 6.7 on; the usual fonts have such digits anyway
        tabular.setFeature(QFont.Tag("tnum"), 1)
    return tabular


def _palette(colours: Colours) -> QPalette:
    role, palette = QPalette.ColorRole, QPalette()
    for roles, colour in (
        ((role.Window, role.Button, role.ToolTipBase), colours.window),
        ((role.Base,), colours.base),
        ((role.AlternateBase,), colours.alternate),
        ((role.WindowText, role.Text, role.ButtonText, role.ToolTipText), colours.text),
        ((role.PlaceholderText,), colours.muted),
        ((role.Highlight, role.Link), colours.accent),
        ((role.HighlightedText, role.BrightText), colours.base),
        ((role.Mid, role.Dark), colours.border),
        ((role.Light,), colours.border if colours.dark else colours.base),
        ((role.Midlight,), colours.grid),
    ):
        for each in roles:
            palette.setColor(each, QColor(colour))
    for each in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, each, QColor(colours.idle))
    return palette
