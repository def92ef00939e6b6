"""The files of the desktop program: settings, and where the windows were."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QStandardPaths

from upbit_ws_qt import Phrase

from ..base.json_file import read_json, write_json
from ..base.text import mark
from ..settings.preferences import Preferences, preferences_from, preferences_to_plain
from ..window.layout import Arrangement, arrangement_from, arrangement_to_plain, whole
from ..window.perspectives import BUILT_IN

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["Layout", "Store", "layout_from", "layout_to_plain"]

_log = logging.getLogger("upbit_ws_qt.desktop")

MOST_PERSPECTIVES = 20
LONGEST_NAME = 30


class Layout:
    """Where everything is.

    Attributes:
        window: x, y, width and height, or None.
        maximized: whether the window fills the screen.
        locked: whether the docks cannot be moved.
        current: the arrangement that was on the screen, or None.
        perspective: name of the one that was chosen last; empty where none is known.
        own: the user's perspectives by name.
        changed: how perspectives were left that are otherwise than they came or were saved, by name.
    """

    def __init__(self) -> None:
        self.window: tuple[int, int, int, int] | None = None
        self.maximized = False
        self.locked = False
        self.current: Arrangement | None = None
        self.perspective = ""
        self.own: dict[str, Arrangement] = {}
        self.changed: dict[str, Arrangement] = {}


def layout_to_plain(layout: Layout) -> dict[str, Any]:
    """Return what can be written as JSON."""
    return {
        "version": 3,
        "window": None if layout.window is None else list(layout.window),
        "maximized": layout.maximized,
        "locked": layout.locked,
        "current": None if layout.current is None else arrangement_to_plain(layout.current),
        "perspective": layout.perspective,
        "own": {name: arrangement_to_plain(each) for name, each in layout.own.items()},
        "changed": {name: arrangement_to_plain(each) for name, each in layout.changed.items()},
    }


def layout_from(plain: dict[str, Any], known: Collection[str]) -> Layout:
    """Read a layout of `known` panels; what cannot be used is left out. Never raises."""
    layout = Layout()
    window = plain.get("window")
    if isinstance(window, list) and len(window) == 4:
        x, y = (whole(each, -16384, 16384, 0) for each in window[:2])
        width, height = (whole(each, 480, 16384, 1200) for each in window[2:])
        layout.window = x, y, width, height
    layout.maximized = plain.get("maximized") is True
    layout.locked = plain.get("locked") is True
    layout.current = arrangement_from(plain.get("current"), known)
    name = plain.get("perspective")
    layout.perspective = name if isinstance(name, str) and len(name) <= LONGEST_NAME else ""
    layout.own = _arrangements(plain.get("own"), known, MOST_PERSPECTIVES)
    layout.changed = _arrangements(plain.get("changed"), known, MOST_PERSPECTIVES + len(BUILT_IN))
    if "changed" not in plain and layout.current is not None and layout.perspective:
        # An older file says how the perspective in use was left, and not whether that is how it came.
        layout.changed[layout.perspective] = layout.current
    return layout


def _arrangements(value: object, known: Collection[str], most: int) -> dict[str, Arrangement]:
    found: dict[str, Arrangement] = {}
    for name, each in list(value.items())[:most] if isinstance(value, dict) else ():
        arrangement = arrangement_from(each, known)
        if arrangement is not None and name.isprintable() and 0 < len(name) <= LONGEST_NAME:
            found[name] = arrangement
    return found


class Store:
    """Reads and writes them; without a folder nothing is remembered."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    @classmethod
    def of_user(cls) -> Store:
        """Return the user's own; QApplication must have its name by now."""
        folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.AppConfigLocation)
        return cls(Path(folder) if folder else None)

    @property
    def folder(self) -> Path | None:
        """Where the files are."""
        return self._folder

    def preferences(self) -> Preferences:
        """Return what was chosen; the defaults where nothing is remembered."""
        return Preferences() if self._folder is None else preferences_from(read_json(self._folder / "settings.json"))

    def save_preferences(self, preferences: Preferences) -> None:
        """Remember what is chosen."""
        self._write("settings.json", preferences_to_plain(preferences))

    def layout(self, known: Collection[str]) -> Layout:
        """Return where things were."""
        return Layout() if self._folder is None else layout_from(read_json(self._folder / "layout.json"), known)

    def save_layout(self, layout: Layout) -> None:
        """Remember where things are."""
        self._write("layout.json", layout_to_plain(layout))

    def tables(self) -> dict[str, Any]:
        """Return how tables were arranged, by panel and table; whoever restores one looks whether it is sound."""
        return {} if self._folder is None else read_json(self._folder / "tables.json")

    def save_tables(self, tables: dict[str, Any]) -> None:
        """Remember how tables are arranged."""
        self._write("tables.json", tables)

    def record(self, *, live: bool) -> Path | None:
        """Return the file of what happened to the connections: the real exchange's is not mixed with any other's."""
        return None if self._folder is None else self._folder / ("connections.sqlite" if live else "practice.sqlite")

    def alarms(self, *, live: bool) -> Path | None:
        """Return the file of alarms: made-up prices fire none that is meant for real ones."""
        return None if self._folder is None else self._folder / ("alarms.json" if live else "practice-alarms.json")

    @property
    def chart(self) -> Path | None:
        """The file in which the chart keeps its picture, formulas and drawings."""
        return None if self._folder is None else self._folder / "chart.json"

    @property
    def lists(self) -> Path | None:
        """The file of the user's own lists, tags and notes."""
        return None if self._folder is None else self._folder / "lists.json"

    def _write(self, name: str, value: dict[str, Any]) -> None:
        if self._folder is None:
            return
        try:
            write_json(self._folder / name, value)
        except (OSError, ValueError) as error:
            _log.warning("%s", Phrase(mark("{name} could not be saved: {cause}"), name=name, cause=str(error)))
