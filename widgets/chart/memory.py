"""What a chart remembers over restarts, in one small JSON file: how it is shown, and the drawings of each market."""

from __future__ import annotations

import json
import logging
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakMethod, WeakValueDictionary

from upbit_ws_qt import Phrase

from ..base.text import mark
from .choice import ChartChoice, choice_from, choice_to_plain
from .drawings import DrawingBook

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ChartMemory"]

_log = logging.getLogger("upbit_ws_qt.desktop")

MOST_BYTES = 512 * 1024


class ChartMemory:
    """Reads a file once, and writes it whenever something is to be kept; without a path it keeps nothing.

    Args:
        path: of the file; one that is missing, damaged or too long is as an empty one.

    Attributes:
        book: the drawings of all markets.
        drawn: called when a chart has changed them, so that the others show it; by bound methods, while they live.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._plain = {} if path is None else _read(path)
        self.book = DrawingBook.from_plain(self._plain.get("drawings"))
        self.drawn: list[WeakMethod[Callable[[], None]]] = []

    @classmethod
    def of(cls, path: Path | None) -> ChartMemory:
        """Return the one memory of a file while somebody holds it: charts side by side must not undo each other."""
        if path is None:
            return cls(None)
        found = _living.get(path)
        if found is None:
            found = _living[path] = cls(path)
        return found

    def choice(self, name: str) -> ChartChoice:
        """Return how a chart is shown; one that has no name is the first one."""
        return choice_from(self._plain.get(_key(name)))

    def keep_choice(self, name: str, choice: ChartChoice) -> None:
        """Remember how a chart is shown."""
        self._keep(_key(name), choice_to_plain(choice))

    def keep_drawings(self) -> None:
        """Remember the drawings of all markets, and have all charts show them."""
        self._keep("drawings", self.book.to_plain())
        living = [(each, call) for each in self.drawn if (call := each()) is not None]
        self.drawn = [each for each, _ in living]
        for _, call in living:
            call()

    def _keep(self, name: str, value: dict[str, Any]) -> None:
        if self._plain.get(name) == value:
            return
        self._plain = {**self._plain, name: value}
        if self._path is None:
            return
        try:
            _write(self._path, self._plain)
        except (OSError, ValueError) as error:
            text = mark("{name} could not be saved: {cause}")
            _log.warning("%s", Phrase(text, name=self._path.name, cause=str(error)))


_living: WeakValueDictionary[Path, ChartMemory] = WeakValueDictionary()


def _key(name: str) -> str:
    return f"choice {name}".rstrip()


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        value = json.loads(data, parse_constant=lambda _: None) if len(data) <= MOST_BYTES else {}
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _write(path: Path, value: dict[str, Any]) -> None:
    """Replace the file, at once or not at all."""
    data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    if len(data) > MOST_BYTES:
        raise ValueError(f"{len(data)} bytes are more than {MOST_BYTES}")
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=path.name, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
