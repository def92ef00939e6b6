"""Keeps the lists, tags and notes of a user in a file, and tells every watch list of a change."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, pyqtSignal

from upbit_ws_qt import Phrase

from ..base.json_file import read_json, write_json
from ..base.text import mark
from .lists import Watched, watched_from, watched_to_plain

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["WatchBook"]

_log = logging.getLogger("upbit_ws_qt.desktop")


class WatchBook(QObject):
    """What a user keeps about markets, common to all watch lists that are given it.

    Example:
        >>> book = WatchBook(folder / "lists.json")
        >>> book.change(book.watched.with_list("Layer 1").toggled("Layer 1", "KRW-SOL"))
        >>> watch_list = WatchListWidget(service, MarketCatalog(service.rest), book=book)

    Args:
        path: of the file; one that is missing or damaged is as an empty one. None to remember nothing.
        parent: of the QObject.

    Attributes:
        watched: all of it, as it is now.

    Signals:
        changed: something of it is otherwise.
    """

    changed = pyqtSignal()

    def __init__(self, path: Path | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._path = path
        self.watched = Watched() if path is None else watched_from(read_json(path))

    def change(self, watched: Watched) -> None:
        """Take something else for it, write that, and tell."""
        if watched == self.watched:
            return
        self.watched = watched
        if self._path is not None:
            try:
                write_json(self._path, watched_to_plain(watched))
            except (OSError, ValueError) as error:
                text = mark("{name} could not be saved: {cause}")
                _log.warning("%s", Phrase(text, name=self._path.name, cause=str(error)))
        self.changed.emit()
