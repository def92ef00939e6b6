"""Announcements of the exchange: plain text only, links by a confirmed button, maintenance not to be overlooked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import Qt, QUrl, pyqtSignal, pyqtSlot
from PyQt6.QtGui import QColor, QDesktopServices
from PyQt6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QMessageBox,
    QPlainTextEdit,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from upbit_ws_qt import AnnouncementEvent, Subscription, WebSocketService, WebSocketType

from ..base.event_panel import EventPanel
from ..base.labels import breakable, contained, plain_label
from ..base.spacing import spaced
from ..base.tables import dim_colour, fit_columns, plain_table
from ..base.text import tr
from .links import safe_link
from .model import Announcement, AnnouncementBook, AnnouncementsModel, category_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from PyQt6.QtCore import QModelIndex
    from PyQt6.QtWidgets import QMenu

__all__ = ["AnnouncementsWidget"]

_MOST_CATEGORIES = 32
_TITLE_LINES = 3
_SAMPLES = ("00-00 00:00:00", "Digital assets")


class AnnouncementsWidget(EventPanel):
    """What the exchange has announced since the program listens; it sends nothing of before.

    Example:
        >>> announcements = AnnouncementsWidget(service)
        >>> announcements.maintenanceAnnounced.connect(lambda event: print(event.title))

    Args:
        service: where the data come from.
        parent: of the widget.
        open_url: what opens a link that the user has confirmed.

    Signals:
        announced(AnnouncementEvent): something was announced, or changed.
        maintenanceAnnounced(AnnouncementEvent): the same for maintenance.
    """

    announced = pyqtSignal(AnnouncementEvent)
    maintenanceAnnounced = pyqtSignal(AnnouncementEvent)

    def __init__(
        self,
        service: WebSocketService,
        parent: QWidget | None = None,
        *,
        open_url: Callable[[QUrl], object] = QDesktopServices.openUrl,
    ) -> None:
        super().__init__(service, WebSocketType.PRIVATE, "announcements", parent)
        self.announcements = AnnouncementBook()
        self._open_url = open_url
        self._shown: Announcement | None = None
        self.model = AnnouncementsModel(self)
        self.table = plain_table(self.model, self.body)
        self.table.setObjectName("announcements")
        self.table.rowMenuRequested.connect(self._on_row_menu)
        self.title = plain_label("", self.body)
        self.title.setWordWrap(True)
        self.title.most_lines = _TITLE_LINES
        self.text = QPlainTextEdit(self.body)
        self.text.setReadOnly(True)
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.text.setTabChangesFocus(True)
        self.link = QPushButton(self.body)
        self.link.clicked.connect(self._on_link)
        self.category = contained(QComboBox(self))
        self.category.addItem("", "")
        self.category.activated.connect(self._refresh)
        self.tools.addWidget(self.category)
        self.tools.addStretch()
        self._arrange()
        selection = self.table.selectionModel()
        assert selection is not None
        selection.currentRowChanged.connect(self._on_chosen)
        self.begin_at(self.table)
        self.retranslate()
        self.restyle()
        self._show_details(None)
        self.begin()

    def _arrange(self) -> None:
        details = QWidget(self.body)
        inner = QVBoxLayout(details)
        spaced(inner)
        inner.addWidget(self.title)
        inner.addWidget(self.text, 1)
        foot = QHBoxLayout()
        foot.addWidget(self.link)
        foot.addStretch()
        inner.addLayout(foot)
        splitter = QSplitter(Qt.Orientation.Vertical, self.body)
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(self.table)
        splitter.addWidget(details)
        splitter.setStretchFactor(0, 3)
        splitter.setStretchFactor(1, 2)
        layout = QVBoxLayout(self.body)
        spaced(layout)
        layout.addWidget(splitter)

    # -- wishes and data ----------------------------------------------------------------------------------------------
    def wish(self) -> Subscription:
        """Want all of them, with their text."""
        return self.proxy.subscribe_announcement(self._on_announcement, include_body=True)

    def has_rows(self) -> bool:
        """Whether anything was announced."""
        return len(self.announcements) > 0

    def silence_text(self, since: str) -> str:
        """Say that silence is normal."""
        return tr("No announcements since {time} – normal.", time=since) if since else tr("No announcements yet.")

    def show_note(self) -> None:
        """Say since when announcements are listed."""
        if self.first_since:
            text = tr("Announcements since {time}; the exchange sends none of before.", time=self.first_since)
            self.table.set_note(text)

    def no_key_text(self) -> str:
        """Say what the key is for."""
        return tr("The exchange sends announcements to owners of a key only; it needs no rights.")

    def forget(self) -> None:
        """List none."""
        self.announcements = AnnouncementBook()
        self._refresh()

    def inherit(self, old: EventPanel) -> None:
        """Go on with the announcements that another panel has."""
        assert isinstance(old, AnnouncementsWidget)
        self.announcements = old.announcements
        for each in self.announcements:
            self._offer_category(each)
        self.settle()
        self._refresh()

    def _offer_category(self, of: Announcement) -> None:
        if self.category.findData(of.category) < 0 and self.category.count() < _MOST_CATEGORIES:
            self.category.addItem(category_text(of.category), of.category)

    def _on_announcement(self, event: AnnouncementEvent) -> None:
        self.note_data(event)
        made = self.announcements.take(event)
        self._offer_category(made)
        self.settle()
        if self.isVisible():
            self._refresh()
        self.announced.emit(event)
        if made.is_maintenance:
            self.maintenanceAnnounced.emit(event)

    # -- what is seen -------------------------------------------------------------------------------------------------
    def activate(self) -> None:
        """Show what has come while hidden."""
        self._refresh()

    @pyqtSlot()
    def _refresh(self) -> None:
        chosen = self._shown
        wanted = self.category.currentData()
        self.model.replace([each for each in self.announcements if not wanted or each.category == wanted])
        uuids = [row.uuid for row in self.model.rows]
        if chosen is not None and chosen.uuid in uuids:
            if self.table.currentIndex().row() != uuids.index(chosen.uuid):
                self.table.selectRow(uuids.index(chosen.uuid))  # it was filtered out meanwhile
            self._show_details(self.model.rows[uuids.index(chosen.uuid)])
        else:
            self._show_details(None)

    @pyqtSlot("QModelIndex", "QModelIndex")
    def _on_chosen(self, current: QModelIndex, _previous: QModelIndex) -> None:
        if current.isValid():
            self._show_details(self.model.rows[current.row()])

    def _show_details(self, chosen: Announcement | None) -> None:
        if chosen is not None and chosen == self._shown:
            return
        self._shown = chosen
        self.title.setText("" if chosen is None else chosen.title)
        self.title.setVisible(chosen is not None)
        self.text.setPlainText("" if chosen is None else chosen.body)
        allowed = chosen is not None and safe_link(chosen.url) is not None
        self.link.setEnabled(allowed)
        self.link.setToolTip(
            "" if allowed or chosen is None else tr("This link does not lead to the exchange and is not opened.")
        )

    @pyqtSlot("QMenu*", "QModelIndex")
    def _on_row_menu(self, menu: QMenu, index: QModelIndex) -> None:
        """Offer what the button below does, of the announcement that the menu is about."""
        action = menu.addAction(tr("Open in the browser…"), self._on_link) if index.isValid() else None
        if action is not None:
            action.setEnabled(self.link.isEnabled() and index.row() == self.table.currentIndex().row())

    @pyqtSlot()
    def _on_link(self) -> None:
        url = None if self._shown is None else safe_link(self._shown.url)
        if url is None:
            return
        question = QMessageBox(self)
        question.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        question.setTextFormat(Qt.TextFormat.PlainText)
        question.setIcon(QMessageBox.Icon.Question)
        question.setWindowTitle(tr("Open in the browser"))
        question.setText(tr("Open this page of the exchange in the browser?"))
        question.setInformativeText(breakable(url.toString(QUrl.ComponentFormattingOption.FullyEncoded)))
        question.setStandardButtons(QMessageBox.StandardButton.Open | QMessageBox.StandardButton.Cancel)
        question.setDefaultButton(QMessageBox.StandardButton.Cancel)
        question.button(QMessageBox.StandardButton.Open).clicked.connect(lambda: self._open_url(url))  # type: ignore[union-attr]  # it was just made
        question.open()

    # -- looks --------------------------------------------------------------------------------------------------------
    def retranslate(self) -> None:
        """Name everything."""
        super().retranslate()
        self.category.setItemText(0, tr("All categories"))
        for place in range(1, self.category.count()):
            self.category.setItemText(place, category_text(self.category.itemData(place)))
        self.category.setAccessibleName(tr("Category"))
        self.link.setText(tr("Open in the browser…"))
        self.table.setAccessibleName(tr("Announcements"))
        self.text.setAccessibleName(tr("Text of the announcement"))
        self.text.setPlaceholderText(tr("Choose an announcement to read it."))
        self.model.retranslate()
        fit_columns(self.table, _SAMPLES)

    def restyle(self) -> None:
        """Take colours and dimming over."""
        if not hasattr(self, "table"):
            return
        self.model.warn, self.model.muted = QColor(self.colours.warn), QColor(self.colours.muted)
        self.model.set_dim(dim_colour(self.colours, dimmed=self.dimmed))
