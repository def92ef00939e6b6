"""The page on which an exchange is chosen: what a newcomer sees first, and one of the program's dialogs later."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PyQt6.QtCore import QEvent, QSize, Qt, pyqtSignal, pyqtSlot
from PyQt6.QtGui import QColor, QKeyEvent, QPalette
from PyQt6.QtWidgets import (
    QComboBox,
    QDialog,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from upbit_ws_qt import Phrase

from ..base.countries import COUNTRIES, USUAL_COUNTRY
from ..base.exchange_choice import ExchangeChoice
from ..base.origin import SIGNS, ExchangeKind
from ..base.panel import plain_label
from ..base.spacing import Step, spaced
from ..base.text import Texts, mark, said, tr
from ..base.theme import colours_of
from ..settings.keys import KeysPage
from .exchanges import kept_credentials

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt import Credentials, ServiceConfig

__all__ = ["ExchangePage"]

_EMS = 50  # how wide it is
_LARGER = 1.4  # of the page's title, against the usual letters
_STEPS: dict[int, int] = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}
_SIGN_EMS = 4
_CHOICES = (
    (
        ExchangeChoice.EMBEDDED,
        ExchangeKind.EMBEDDED,
        mark("Try it"),
        mark("A made-up market on this computer: no network, no key, no money. Everything works, orders too."),
    ),
    (
        ExchangeChoice.LIVE,
        ExchangeKind.LIVE,
        mark("Live, no key"),
        mark("The real prices of Upbit: what everybody may see. It needs the network, and no account."),
    ),
    (
        ExchangeChoice.LIVE_WITH_KEY,
        ExchangeKind.LIVE,
        mark("Live with my key"),
        mark("Also your own orders and assets, announcements and indicators. The program only reads: it never trades."),
    ),
)


class _Card(QPushButton):
    """One choice: a button as large as its explanation."""

    def __init__(self, kind: ExchangeKind, parent: QWidget) -> None:
        super().__init__(parent)
        self._kind = kind
        self.sign = plain_label(SIGNS[kind], self)
        self.sign.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.sign.setFixedWidth(_SIGN_EMS * self.fontMetrics().horizontalAdvance("m"))
        self.head = plain_label("", self)
        self.about = plain_label("", self)
        self.about.setWordWrap(True)
        self.now = plain_label("", self)
        font = self.head.font()
        font.setBold(True)
        self.head.setFont(font)
        font.setPointSizeF(font.pointSizeF() * _LARGER)
        self.sign.setFont(font)
        texts = QVBoxLayout()
        line = QHBoxLayout()
        line.addWidget(self.head)
        line.addStretch()
        line.addWidget(self.now)
        texts.addLayout(line)
        texts.addWidget(self.about)
        inside = QHBoxLayout(self)
        spaced(inside, Step.MEDIUM, Step.LARGE)
        inside.addWidget(self.sign)
        inside.addLayout(texts, 1)
        for label in (self.sign, self.head, self.about, self.now):
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setAutoDefault(True)  # Enter chooses the one that has the keyboard
        self.restyle()

    def say(self, head: str, about: str) -> None:
        """Say what is chosen by it; to a screen reader too."""
        self.head.setText(head)
        self.about.setText(about)
        self.setAccessibleName(head)
        self.setAccessibleDescription(" ".join(part for part in (self.now.text(), about) if part))
        layout = self.layout()
        if layout is not None:
            layout.activate()  # at once: the page is laid out before Qt would come to it

    def restyle(self) -> None:
        """Give the sign the colour that it has in the status bar."""
        colours = colours_of(self.palette())
        palette = QPalette(self.sign.palette())
        colour = colours.live if self._kind is ExchangeKind.LIVE else colours.embedded
        palette.setColor(self.sign.foregroundRole(), QColor(colour))
        if palette != self.sign.palette():
            self.sign.setPalette(palette)

    def hasHeightForWidth(self) -> bool:
        """Be as high as the explanation needs."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return how high that is."""
        layout = self.layout()
        return -1 if layout is None else layout.totalHeightForWidth(width)

    def sizeHint(self) -> QSize:
        """Return the size of what is inside: a button knows of no layout."""
        layout = self.layout()
        return super().sizeHint() if layout is None else layout.totalSizeHint()

    def minimumSizeHint(self) -> QSize:
        """Return what is inside at least."""
        layout = self.layout()
        return super().minimumSizeHint() if layout is None else layout.totalMinimumSize()


class ExchangePage(QDialog):
    """Three choices, and the page for a key behind the third.

    Args:
        live: makes the configuration for the real exchange of a country, against which a key is tested.
        current: what is shown now; ASK at the first start.
        parent: the window, where there is one.
        region: the country that is chosen at first.

    Signals:
        chosen(object, object): an ExchangeChoice, and Credentials or None.
    """

    chosen = pyqtSignal(object, object)

    def __init__(
        self,
        live: Callable[[str], ServiceConfig],
        current: ExchangeChoice | None,
        parent: QWidget | None = None,
        *,
        region: str = USUAL_COUNTRY,
    ) -> None:
        super().__init__(parent)
        self._live = live
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._texts = Texts()
        self._texts.put(self.setWindowTitle, mark("Exchange – upbit_ws_qt"))
        self._current = current
        self._kept: Credentials | None = None
        self._told: str = ""
        self.cards: dict[ExchangeChoice, _Card] = {}
        self.pages = QStackedWidget(self)
        self.countries = QComboBox(self)
        for each in COUNTRIES:
            self.countries.addItem("", each)
        self.countries.setCurrentIndex(list(COUNTRIES).index(region))
        self._first = self._choices()
        self._second = self._key_page(live(region))
        self.countries.currentIndexChanged.connect(self._on_country)
        for page in (self._first, self._second):
            self.pages.addWidget(page)
        layout = QVBoxLayout(self)
        spaced(layout)
        layout.addWidget(self.pages)
        self._say()
        self._turn_to(self._first)
        first = current if current in self.cards else ExchangeChoice.EMBEDDED
        assert isinstance(first, ExchangeChoice)
        self.cards[first].setDefault(True)
        self.cards[first].setFocus()

    # -- what is on it ------------------------------------------------------------------------------------------------
    def _choices(self) -> QWidget:
        page = QWidget(self)
        layout = QVBoxLayout(page)
        spaced(layout, Step.LARGE, Step.LARGE)
        head = plain_label("", page)
        font = head.font()
        font.setPointSizeF(font.pointSizeF() * _LARGER)
        font.setBold(True)
        head.setFont(font)
        self._texts.put(head.setText, mark("Which market would you like to see?"))
        layout.addWidget(head)
        for choice, kind, _, _ in _CHOICES:
            card = self.cards[choice] = _Card(kind, page)
            card.clicked.connect(partial(self._on_card, choice))
            layout.addWidget(card)
        layout.addLayout(self._country_row(page))
        self.answer = plain_label("", page)
        self.answer.setWordWrap(True)
        layout.addWidget(self.answer)
        note = plain_label("", page)
        note.setWordWrap(True)
        self._texts.put(
            note.setText, mark("The choice is remembered; Program → Exchange… (Ctrl+E) changes it at any time.")
        )
        layout.addWidget(note)
        layout.addStretch()
        return page

    def _country_row(self, page: QWidget) -> QHBoxLayout:
        label = plain_label("", page)
        label.setBuddy(self.countries)
        self._texts.put(label.setText, mark("Country of the real exchange"))
        self._texts.put(self.countries.setAccessibleName, mark("Country of the real exchange"))
        line = QHBoxLayout()
        spaced(line)
        line.addWidget(label)
        line.addWidget(self.countries)
        line.addStretch()
        return line

    @property
    def region(self) -> str:
        """The country of the real exchange that is chosen."""
        return str(self.countries.currentData())

    @pyqtSlot()
    def _on_country(self) -> None:
        self.keys.test_against(self._live(self.region))

    def _key_page(self, live: ServiceConfig) -> QWidget:
        page = QWidget(self)
        layout = QVBoxLayout(page)
        self.kept = QWidget(page)
        line = QHBoxLayout(self.kept)
        about = plain_label("", self.kept)
        about.setWordWrap(True)
        self._texts.put(about.setText, mark("A key is kept on this computer."))
        self.use_kept = QPushButton(self.kept)
        self._texts.put(self.use_kept.setText, mark("&Use it"))
        self.use_kept.clicked.connect(self._on_use_kept)
        line.addWidget(about, 1)
        line.addWidget(self.use_kept)
        layout.addWidget(self.kept)
        self.keys = KeysPage(live, embedded=False, parent=page)
        self.keys.remove.hide()
        self.keys.keysChanged.connect(self._on_keys)
        layout.addWidget(self.keys, 1)
        self.back = QPushButton(page)
        self._texts.put(self.back.setText, mark("&Back"))
        self.back.clicked.connect(self.show_choices)
        self.back.setAutoDefault(False)
        foot = QHBoxLayout()
        foot.addWidget(self.back)
        foot.addStretch()
        spaced(foot, Step.SMALL, Step.LARGE)
        layout.addLayout(foot)
        return page

    def _say(self) -> None:
        for choice, _, head, about in _CHOICES:
            card = self.cards[choice]
            card.now.setText(tr("shown now") if choice is self._current else "")
            card.say(tr(head), tr(about))
        for place, name in enumerate(COUNTRIES.values()):
            self.countries.setItemText(place, tr(name))
        self.answer.setText(said(self._told) if self._told else "")
        self.answer.setVisible(bool(self._told))

    # -- what happens -------------------------------------------------------------------------------------------------
    @pyqtSlot()
    def show_choices(self) -> None:
        """Turn to the three choices."""
        self._turn_to(self._first)
        self.cards[ExchangeChoice.LIVE_WITH_KEY].setFocus()

    def show_key(self) -> None:
        """Turn to the page for a key; one that is kept can be used as it is."""
        self._kept = kept_credentials()
        self.kept.setVisible(self._kept is not None)
        self._turn_to(self._second)
        if self._kept is None:
            self.keys.begin()
        else:
            self.use_kept.setFocus()

    def _turn_to(self, page: QWidget) -> None:
        """Show a page in a window that is as high as that page needs."""
        for each in (self._first, self._second):
            policy = QSizePolicy.Policy.Preferred if each is page else QSizePolicy.Policy.Ignored
            each.setSizePolicy(policy, policy)
        self.pages.setCurrentWidget(page)
        width = max(self.width(), self.sizeHint().width(), _EMS * self.fontMetrics().horizontalAdvance("m"))
        layout = page.layout()
        if layout is not None:
            layout.invalidate()
            layout.activate()
        height = page.sizeHint().height() if layout is None else layout.totalHeightForWidth(width)
        self.resize(width, max(height, page.sizeHint().height()))

    def tell_failed(self, cause: str) -> None:
        """Say why a choice cannot be had; another can be made."""
        self._told = cause
        self._be_busy(False)
        self._say()

    def _on_card(self, choice: ExchangeChoice) -> None:
        if choice is ExchangeChoice.LIVE_WITH_KEY:
            self.show_key()
            return
        self._told = Phrase(mark("Starting…"))
        self._be_busy(True)
        self._say()
        self.chosen.emit(choice, None)

    def _be_busy(self, busy: bool) -> None:
        for choice in (*self.cards.values(), self.countries):
            choice.setEnabled(not busy)

    @pyqtSlot()
    def _on_use_kept(self) -> None:
        self.chosen.emit(ExchangeChoice.LIVE_WITH_KEY, self._kept)

    @pyqtSlot(object)
    def _on_keys(self, credentials: Credentials | None) -> None:
        if credentials is not None:
            self.chosen.emit(ExchangeChoice.LIVE_WITH_KEY, credentials)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Go from choice to choice by the arrows; Escape goes back from the key to the choices."""
        if event is None:
            return
        cards = list(self.cards.values())
        focus = self.focusWidget()
        step = _STEPS.get(event.key(), 0)
        if step and focus in cards:
            place = next(number for number, card in enumerate(cards) if card is focus)
            cards[(place + step) % len(cards)].setFocus()
        elif event.key() == Qt.Key.Key_Escape and self.pages.currentWidget() is self._second:
            self.show_choices()
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent | None) -> None:
        """Take another language or theme over."""
        super().changeEvent(event)
        if event is None or not hasattr(self, "answer"):
            return
        if event.type() == QEvent.Type.LanguageChange:
            self._texts.again()
            self._say()
        elif event.type() == QEvent.Type.PaletteChange:
            for card in self.cards.values():
                card.restyle()
