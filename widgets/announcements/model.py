"""Announcements as a table: newest on top, what was changed in its new wording; bounded, and escaped."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QModelIndex, Qt
from PyQt6.QtGui import QColor, QFont

from upbit_ws_qt import AnnouncementEvent, safe_text

from ..base.kst import kst_exact, kst_stamp
from ..base.tables import RowsModel
from ..base.text import mark, tr

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Announcement", "AnnouncementBook", "AnnouncementsModel", "Column", "category_text"]

MOST_KEPT = 200
LONGEST_TITLE = 300
LONGEST_BODY = 20_000
LONGEST_WORD = 40
_CATEGORIES = {
    "notice": mark("Notice"),
    "trade": mark("Trade support"),
    "trading": mark("Trade support"),
    "wallet": mark("Deposits"),
    "maintenance": mark("Maintenance"),
    "digital_asset": mark("Digital assets"),
    "nft": mark("NFT"),
    "service": mark("Service"),
    "event": mark("Event"),
}


@dataclass(frozen=True, slots=True)
class Announcement:
    """One announcement, safe to show as plain text.

    Attributes:
        uuid: which one.
        timestamp: of the newest news about it, ms.
        category: as the exchange has it, cut.
        title: one line.
        body: lines; empty for none.
        url: as it came, cut; see safe_link.
        updated: whether it is another wording of one that was published before.
    """

    uuid: str
    timestamp: int
    category: str
    title: str
    body: str
    url: str
    updated: bool

    @classmethod
    def of(cls, event: AnnouncementEvent) -> Announcement:
        """Make it from an event; nothing of the text is taken for granted."""
        body = (event.body or "")[: LONGEST_BODY + 1]
        lines = "\n".join(safe_text(line, LONGEST_BODY) for line in body[:LONGEST_BODY].splitlines())
        return cls(
            uuid=event.uuid[:LONGEST_WORD],
            timestamp=event.timestamp,
            category=safe_text(event.category, LONGEST_WORD),
            title=safe_text(event.title, LONGEST_TITLE),
            body=lines + ("…" if len(body) > LONGEST_BODY else ""),
            url=event.url[: LONGEST_BODY // 10 + 1],
            updated=event.event_type == "UPDATED",
        )

    @property
    def is_maintenance(self) -> bool:
        """Whether the exchange will be, or is, out of order."""
        return self.category == "maintenance"


class AnnouncementBook:
    """The latest announcements; one that is changed moves to the top."""

    def __init__(self) -> None:
        self._known: dict[str, Announcement] = {}

    def __len__(self) -> int:
        return len(self._known)

    def __iter__(self) -> Iterator[Announcement]:
        """Go through them, newest first."""
        return reversed(self._known.values())

    def take(self, event: AnnouncementEvent) -> Announcement:
        """Note one."""
        made = Announcement.of(event)
        self._known.pop(made.uuid, None)
        self._known[made.uuid] = made
        while len(self._known) > MOST_KEPT:
            del self._known[next(iter(self._known))]
        return made


class Column(IntEnum):
    """From left to right."""

    TIME = 0
    CATEGORY = 1
    TITLE = 2


class AnnouncementsModel(RowsModel[Announcement]):
    """One row per announcement."""

    headings = (mark("Time"), mark("Category"), mark("Title"))
    warn = muted = QColor()

    def key(self, row: Announcement) -> str:
        """Know an announcement in its new wording too."""
        return row.uuid

    def sort_key(self, row: Announcement, column: int) -> Any:
        """Sort by time as it is, and by titles without the signs before them."""
        if column == Column.TIME:
            return row.timestamp
        return row.title.casefold() if column == Column.TITLE else super().sort_key(row, column)

    def exact(self, row: Announcement, column: int) -> str | None:
        """Return the time with its date."""
        return kst_exact(row.timestamp) if column == Column.TIME else None

    def largest_first(self, column: int) -> bool:
        """Begin with the newest."""
        return column == Column.TIME

    def text(self, row: Announcement, column: int) -> str:
        """Return what a cell shows."""
        if column == Column.TIME:
            return kst_stamp(row.timestamp)
        if column == Column.CATEGORY:
            return category_text(row.category)
        sign = "⚠ " if row.is_maintenance else ""
        return sign + (tr("(changed)") + " " if row.updated else "") + row.title

    def colour(self, row: Announcement, column: int) -> QColor | None:
        """Return the colour of a warning for maintenance."""
        if row.is_maintenance:
            return self.warn
        return self.muted if column != Column.TITLE else None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Make maintenance bold too: colour never stands alone."""
        if role == Qt.ItemDataRole.FontRole and index.column() == Column.TITLE:
            font = super().data(index, role) or QFont()
            font.setBold(self.rows[index.row()].is_maintenance)
            return font
        return super().data(index, role)


def category_text(category: str) -> str:
    """Return a category in the language in force; one that this version does not know as it is."""
    return tr(_CATEGORIES[category]) if category in _CATEGORIES else category
