"""The base of all panels: a body, and the states in which it is not simply live."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import TYPE_CHECKING

from PyQt6 import sip
from PyQt6.QtCore import QEvent, QRect, QSize, Qt, QTimer, pyqtSignal, pyqtSlot
from PyQt6.QtGui import QColor, QPainter
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from upbit_ws_qt import (
    AdaptationStep,
    Alert,
    AlertKind,
    ConnectionState,
    Phrase,
    WebSocketError,
    WebSocketService,
    WebSocketType,
)

from .focus import FocusEntry, paint_focus_frame, set_tab_order
from .freshness import Freshness, freshness_watch
from .healing import HealingLabel
from .labels import plain_label
from .limits import Limit, LimitsButton, given_up, undo_until_back
from .line_state import line_board
from .look import blend, look, market_colours_of
from .panel_board import Standing, panel_board
from .replay_watch import replay_watch
from .spacing import Step, spaced
from .text import age_text, mark, said, tr
from .theme import Colours, MarketColours, colours_of
from .tokens import FRAME, STRIP_WEIGHT, space
from .trouble import trouble_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PyQt6.QtGui import QHideEvent, QPaintEvent, QResizeEvent, QShowEvent

    from upbit_ws_qt import BaseWebSocketEvent, WebSocketClientProxy

__all__ = ["Panel", "PanelState", "plain_label"]

_LONGEST_CAUSE = 300
GIVEN_UP = Phrase(mark("The connection was given up; see the connection monitor for the cause."))


class PanelState(StrEnum):
    """How a panel stands."""

    LOADING = "loading"
    EMPTY = "empty"
    """There is nothing to show, and the panel says why."""
    LIVE = "live"
    STALE = "stale"
    """The last values are kept, dimmed, with their age."""
    ERROR = "error"
    """Nothing can be shown; cause and Retry."""
    NO_KEY = "no_key"


class Panel(FocusEntry):
    """A widget over live data that always says how it stands with them.

    Subclasses put their widgets into `self.body` (a plain QWidget without layout) and their tools into `self.tools` (a
    row above it), call the show_… methods, and override the hooks: `activate` and `deactivate` (shown and hidden:
    nothing should cost while hidden), `retranslate`, `restyle` (colours, or `dimmed`, changed) and `retry`.

    Signals:
        stateChanged(PanelState): how it stands.
        keysRequested: the button of the NO_KEY state was pressed.
    """

    header: QWidget
    """The tools, and what the panel is limited in; a dock takes it into its own header."""
    proxy: WebSocketClientProxy | None = None
    """What the panel's data come by, where a subclass has such a thing."""

    stateChanged = pyqtSignal(PanelState)
    keysRequested = pyqtSignal()

    def __init__(self, service: WebSocketService, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.service = service
        self.body = QWidget(self)
        self.tools = QHBoxLayout()
        spaced(self.tools)
        self._state = PanelState.LOADING
        self._line: WebSocketType | None = None
        self._had_data = False
        self._in_order = False
        self._freshness = freshness_watch(service)
        self._trouble = trouble_of(service)
        self._trouble.changed.connect(self._on_trouble)
        self._data_at = 0.0  # loop clock of the newest datum
        self._stale_since = 0.0
        self._put_aside = False  # by the service, for failing: nothing comes until it is served again
        self._late = False  # data come, and are known to be late
        self._reason = ""
        self._message = _Message(self)
        self._message.retry.clicked.connect(self._on_retry)
        self._message.keys.clicked.connect(self.keysRequested)
        self._strip = _Strip(self)
        self._board = line_board(service)  # what it says of a line the panel says at the same moment
        self._follows_board = False
        self._active = False
        self._hiding = QTimer(self)
        self._hiding.setSingleShot(True)
        self._hiding.setInterval(0)
        self._hiding.timeout.connect(self._on_hidden)
        self._stack = QStackedWidget(self)
        self._stack.addWidget(self._message)
        self._stack.addWidget(self.body)
        layout = QVBoxLayout(self)
        spaced(layout, Step.SMALL, Step.SMALL)
        self.limits_button = LimitsButton(self)
        self.healing = HealingLabel(service, self)
        self.header = QWidget(self)
        head = QHBoxLayout(self.header)
        spaced(head)
        head.addLayout(self.tools, 1)
        head.addWidget(self.healing)
        head.addWidget(self.limits_button)
        layout.addWidget(self.header)
        layout.addWidget(self._stack, 1)
        self.limits_button.monitorRequested.connect(self._on_monitor_requested)
        panel_board(service).add(self)
        look().changed.connect(self._on_look)
        service.loadAdapted.connect(self._on_adapted)
        service.alertRaised.connect(self._on_alert)
        service.alertCleared.connect(self._on_alert)
        replayed = replay_watch(service)
        if replayed is not None:
            replayed.timeSet.connect(self._on_time_set)
        self._show_message()

    # -- how it stands ------------------------------------------------------------------------------------------------
    @property
    def state(self) -> PanelState:
        """How it stands."""
        return self._state

    @property
    def had_data(self) -> bool:
        """Whether it was ever live, or rightly empty."""
        return self._had_data

    @property
    def dimmed(self) -> bool:
        """Whether values have to be drawn as out of date."""
        return self._state is PanelState.STALE

    def standing(self) -> Standing:
        """Return in a few words what the panel shows now, for the monitor."""
        limits = " · ".join(limit.word for limit in self.limits_button.limits)
        match self._state:
            case PanelState.ERROR:
                return Standing("bad", tr("nothing: it failed"))
            case PanelState.LOADING | PanelState.NO_KEY:
                return Standing("idle", tr("nothing yet"))
            case PanelState.EMPTY:
                return Standing("good", tr("that there is nothing"))
            case PanelState.STALE:
                return Standing("warn", " · ".join(part for part in (self._age_words(), limits) if part))
            case _ if limits:
                return Standing("warn", tr("less: {limits}", limits=limits))
        if not self._active:
            return Standing("idle", tr("hidden"))
        return Standing("good", tr("the present"))

    def _age_words(self) -> str:
        if self._late and self._line is not None:
            return tr("{age} late", age=age_text(int(self._freshness.of(self._line).late)))
        return tr("{age} old", age=age_text(int(time.monotonic() - self._stale_since)))

    @pyqtSlot()
    def _on_monitor_requested(self) -> None:
        if self.proxy is not None:
            panel_board(self.service).monitorRequested.emit(self.proxy.component_id)

    @property
    def colours(self) -> Colours:
        """The theme in force."""
        return colours_of(self.palette())

    @property
    def market_colours(self) -> MarketColours:
        """The colours of rising and falling prices."""
        return market_colours_of(self.palette())

    def show_loading(self, what: str = "") -> None:
        """Say that data are on their way; a Phrase is said in the language in force, whenever that is changed."""
        self._enter(PanelState.LOADING, what)

    def show_empty(self, reason: str) -> None:
        """Say why there is nothing; a Phrase is said in the language in force, whenever that is changed."""
        self._had_data = True
        self._enter(PanelState.EMPTY, reason)

    def show_live(self) -> None:
        """Show the body; cheap where it is shown already. Data that are known to be late are shown as STALE."""
        if self._state is PanelState.LIVE or (self._state is PanelState.STALE and self._late) or self._put_aside:
            return
        self._had_data = True
        self._late = self._is_late()
        self._enter(PanelState.STALE if self._late else PanelState.LIVE, "")

    def show_stale(self) -> None:
        """Keep the body, marked as out of date since its last datum; without data so far this is LOADING."""
        if self._state not in (PanelState.LIVE, PanelState.STALE):
            if self._state is not PanelState.EMPTY:
                self.show_loading(Phrase(mark("Waiting for the connection…")))
            return
        if self._state is PanelState.LIVE or self._late:
            self._late = False
            self._stale_since = self._last_datum()
            self._enter(PanelState.STALE, "")

    def note_data(self, event: BaseWebSocketEvent) -> None:
        """Note that a datum came: from the last one on the panel's age is counted, not from when its loss is noticed.

        Cheap enough for every event.
        """
        self._data_at = event.received_at
        self._freshness.note(event)

    def show_error(self, cause: str | WebSocketError) -> None:
        """Show a cause and a Retry button."""
        self._enter(PanelState.ERROR, cause if isinstance(cause, str) else str(cause))

    def show_no_key(self, reason: str = "") -> None:
        """Say that an API key is needed and what for, with a button to enter one; `reason` is translated already."""
        self._enter(PanelState.NO_KEY, reason)

    def note_known(self) -> None:
        """Note that what is shown was just found to be true by other means than an event, such as REST."""
        self._data_at = max(self._data_at, time.monotonic())

    def follow_line(self, line: WebSocketType) -> None:
        """Become stale and live again with a line; data that come meanwhile have to call `show_live` themselves."""
        self._line = line
        self.service.connectionStateChanged.connect(self._on_line)
        self._freshness.changed.connect(self._on_freshness)

    # -- hooks --------------------------------------------------------------------------------------------------------
    def activate(self) -> None:
        """The panel is on the screen now."""

    def deactivate(self) -> None:
        """The panel is hidden since the last turn of the loop."""

    def retranslate(self) -> None:
        """Say everything anew, in another language; also called once before the panel is first shown."""

    def restyle(self) -> None:
        """Colours or `dimmed` changed; also called once before the panel is first shown."""

    def limits(self) -> Iterable[Limit]:
        """Return what load or the exchange took from the panel; `show_limits` has it asked for anew."""
        return ()

    def is_fresh(self) -> bool:
        """Whether what the panel shows is the present state once its line is up; by default it is."""
        return True

    def begin_anew(self) -> None:
        """The clock of a replay was set: drop what is of another moment; what stood at this one comes next."""

    def retry(self) -> None:
        """Try again what failed; by default the line is dialled anew."""
        self.show_loading()
        if self._line is not None:
            self.service.reconnect(self._line)

    # -- inside -------------------------------------------------------------------------------------------------------
    def _enter(self, state: PanelState, reason: str) -> None:
        changed = state is not self._state
        self._state, self._reason = state, reason
        shows_body = state in (PanelState.LIVE, PanelState.STALE)
        self._stack.setCurrentWidget(self.body if shows_body else self._message)
        if state is PanelState.STALE:
            self._show_age()
        else:
            self._strip.hide()
        self._follow_board(state in (PanelState.STALE, PanelState.LOADING))
        self._show_message()
        if changed:
            self.restyle()
            self.stateChanged.emit(state)

    def _show_message(self) -> None:
        head = {
            PanelState.LOADING: tr("Loading…"),
            PanelState.EMPTY: tr("Nothing to show"),
            PanelState.ERROR: tr("This does not work at the moment"),
            PanelState.NO_KEY: tr("An API key is needed"),
        }.get(self._state, "")
        reason = self._reason
        if self._state is PanelState.NO_KEY:
            reason = reason or tr("Your own orders and assets are shown once a key is entered.")
        text = said(reason)[:_LONGEST_CAUSE]
        word, cause = self._outage() if self._state is PanelState.LOADING else ("", "")
        if word or cause:
            head = tr("No connection")
            text = "\n".join(part for part in (cause[:_LONGEST_CAUSE], word) if part)
        self._message.show_text(head, text)
        self._message.retry.setVisible(self._state is PanelState.ERROR or bool(word or cause))
        self._message.keys.setVisible(self._state is PanelState.NO_KEY)

    def _follow_board(self, follows: bool) -> None:
        """Say anew, once a second, how old the data are and what the line is at; or no longer."""
        if follows is self._follows_board or sip.isdeleted(self._board):
            return
        self._follows_board = follows
        if follows:
            self._board.changed.connect(self._on_second)
        else:
            self._board.changed.disconnect(self._on_second)

    @pyqtSlot()
    def _on_second(self) -> None:
        if not self.isVisible():
            return
        if self._state is PanelState.STALE:
            self._show_age()
        else:
            self._show_message()  # another attempt may have failed, for another cause

    @pyqtSlot()
    def _on_time_set(self) -> None:
        self._data_at = 0.0
        self.begin_anew()

    @pyqtSlot()
    def _on_trouble(self) -> None:
        self._show_message()

    def _outage(self) -> tuple[str, str]:
        """Return what the line is at and why it is down, in the language in force; ("", "") where it is not."""
        line = self._line
        if line is None:
            return "", self._trouble.text
        state = self.service.connection_state(line)
        if state not in (ConnectionState.RECONNECTING, ConnectionState.FAILED):
            return "", ""
        told = self._board.now(line)
        return told.word, self._trouble.text or told.cause

    def _show_age(self) -> None:
        if self._late and self._line is not None:
            late = int(self._freshness.of(self._line).late)
            self._strip.show_text(tr("The data arrive {age} late", age=age_text(late)))
        else:
            age = int(time.monotonic() - self._stale_since)
            text = tr("Not up to date for {age}: these are the last known values", age=age_text(age))
            self._strip.show_text(" · ".join(part for part in (text, *self._outage()) if part))
        self._place_strip()

    def strip_inset(self) -> int:
        """Return how far above the lower edge of the body the strip lies, so that it hides nothing that matters."""
        return 0

    def _place_strip(self) -> None:
        area = self._stack.geometry()
        height = self._strip.sizeHint().height()
        top = area.bottom() + 1 - height - self.strip_inset()
        self._strip.setGeometry(area.left(), max(area.top(), top), area.width(), height)

    def _last_datum(self) -> float:
        """Return the loop clock of when what is shown was last known to be true."""
        line = None if self._line is None else self._freshness.of(self._line)
        signs = [self._data_at] if self._data_at else []
        if line is not None and line.since is not None and (line.state is Freshness.DOWN or not signs):
            signs.append(line.since)  # as long as the line lived, nothing new meant that nothing was new
        return max(signs, default=time.monotonic())

    def _is_late(self) -> bool:
        return self._line is not None and self._freshness.of(self._line).state is Freshness.LATE

    @pyqtSlot(WebSocketType)
    def _on_freshness(self, line: WebSocketType) -> None:
        """A line is late, silent, or as it should be again, although it is up."""
        if line is not self._line or self._state not in (PanelState.LIVE, PanelState.STALE):
            return
        state = self._freshness.of(line).state
        if state is Freshness.SILENT:
            self.show_stale()
        elif self._state is PanelState.LIVE and state is Freshness.LATE:
            self._late = True
            self._enter(PanelState.STALE, "")
        elif self._late and state is Freshness.LIVE:
            self._late = False
            self.show_live()
        elif self._late:
            self._show_age()

    @pyqtSlot()
    def _on_retry(self) -> None:
        if self._trouble.text:
            self._trouble.retry()
        elif self._state is PanelState.LOADING and self._line is not None:
            self.service.reconnect(self._line)  # at once, instead of when it is due
        else:
            self.retry()

    @pyqtSlot(WebSocketType, ConnectionState)
    def _on_line(self, line: WebSocketType, state: ConnectionState) -> None:
        if line is not self._line or self._state is PanelState.NO_KEY:
            return
        self._show_message()
        if state is ConnectionState.FAILED:
            if self._state in (PanelState.LIVE, PanelState.STALE):
                self.show_stale()
            else:
                self.show_error(GIVEN_UP)
        elif state in (ConnectionState.RECONNECTING, ConnectionState.STOPPED):
            self.show_stale()
        elif state is ConnectionState.CONNECTED and self._state is PanelState.STALE and self.is_fresh():
            self.show_live()

    @pyqtSlot()
    def _on_look(self) -> None:
        self.restyle()

    @pyqtSlot(AdaptationStep)
    def _on_adapted(self, _step: AdaptationStep) -> None:
        self.show_limits()

    @pyqtSlot(Alert)
    def _on_alert(self, alert: Alert) -> None:
        if alert.kind == AlertKind.QUARANTINED:
            self.show_limits()
            if self._put_aside:
                self.show_stale()  # what stands there is no longer served

    def show_limits(self) -> None:
        """Say what the panel is limited in now."""
        proxy = self.proxy
        self._put_aside = proxy is not None and proxy.is_quarantined
        limits = list(self.limits())
        if self._put_aside and proxy is not None:
            why = tr("This panel failed several times and is no longer served, so that the others are.")
            limits.insert(0, Limit(tr("Put aside"), why, tr("Serve it again"), self._on_resume))
        self.limits_button.show_limits(limits)

    @pyqtSlot()
    def _on_resume(self) -> None:
        if self.proxy is not None:
            self.proxy.resume()
        self.show_limits()

    def fewer_frames(self) -> Iterable[Limit]:
        """Return the limit of a panel that follows display frames, while there are fewer of them."""
        gone = given_up(self.service)
        kinds = [kind for kind in ("half_frames", "quarter_frames") if kind in gone]
        if kinds:
            share = "1/4" if "quarter_frames" in kinds else "1/2"
            yield Limit(
                tr("Slower"),
                tr("Shown {share} as often as usual, to take load off the program. The cause: {why}",
                   share=share, why=gone[kinds[-1]]),
                tr("Show it as often as usual again"),
                lambda: undo_until_back(self.service, kinds),
            )  # fmt: skip

    def showEvent(self, event: QShowEvent | None) -> None:
        """Begin to work."""
        super().showEvent(event)
        if not self._in_order:
            self._in_order = True
            set_tab_order(self)
        self._hiding.stop()
        if not self._active:
            self._active = True
            self.show_limits()
            self.activate()

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Rest."""
        super().hideEvent(event)
        self._hiding.start()

    @pyqtSlot()
    def _on_hidden(self) -> None:
        """End work once it is sure: docks that are moved hide and show their panels several times in one go."""
        self._active = False
        self.deactivate()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Keep the strip at the lower edge."""
        super().resizeEvent(event)
        self._place_strip()

    def changeEvent(self, event: QEvent | None) -> None:
        """Take another language or theme over."""
        super().changeEvent(event)
        if event is None or not hasattr(self, "_stack"):
            return
        if event.type() == QEvent.Type.LanguageChange:
            if self._state is PanelState.STALE:
                self._show_age()
            self._show_message()
            self._message.retranslate()
            self.show_limits()
            self.retranslate()
        elif event.type() == QEvent.Type.PaletteChange:
            self.limits_button.restyle()
            self.restyle()


class _Strip(QLabel):
    """Says over the lower edge of the body that its values are out of date: nothing there moves when it comes or goes.

    The mouse goes through it to what lies below.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("staleStrip")
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._on_look()
        look().changed.connect(self._on_look)
        self.hide()

    @pyqtSlot()
    def _on_look(self) -> None:
        now = space()
        self.setContentsMargins(now.medium, now.tiny, now.medium, now.tiny)

    def show_text(self, text: str) -> None:
        """Say it, over everything else."""
        self.setToolTip(text)
        self.setText("⚠ " + text)
        self.show()
        self.raise_()

    def minimumSizeHint(self) -> QSize:
        """Stand in the way of no narrow panel."""
        return QSize(0, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the text on a ground of its own, shortened where it is too long."""
        del event
        colours = colours_of(self.palette())
        painter = QPainter(self)
        painter.fillRect(self.rect(), blend(colours.warn, colours.base, STRIP_WEIGHT))
        painter.fillRect(QRect(0, 0, self.width(), FRAME), QColor(colours.warn))
        painter.setPen(QColor(colours.text))
        inside = self.contentsRect()
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, inside.width())
        painter.drawText(inside, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)
        painter.end()


class _Message(QWidget):
    """What stands in the place of the body."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # so that a screen reader comes by
        self._head = plain_label("", self)
        self._reason = plain_label("", self)
        for label in (self._head, self._reason):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            label.setWordWrap(True)
        font = self._head.font()
        font.setBold(True)
        self._head.setFont(font)
        self.retry = QPushButton(self)
        self.keys = QPushButton(self)
        layout = QVBoxLayout(self)
        layout.addStretch()
        layout.addWidget(self._head)
        layout.addWidget(self._reason)
        for button in (self.retry, self.keys):
            layout.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
            button.hide()
        layout.addStretch()
        self.retranslate()

    def show_text(self, head: str, reason: str) -> None:
        """Say it; also to a screen reader."""
        self._head.setText(head)
        self._reason.setText(reason)
        self._reason.setVisible(bool(reason))
        self.setAccessibleName(f"{head} {reason}".strip())

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Show where the keyboard is."""
        super().paintEvent(event)
        paint_focus_frame(self)

    def retranslate(self) -> None:
        """Name the buttons."""
        self.retry.setText(tr("Retry"))
        self.keys.setText(tr("Enter a key…"))
