"""The base of panels about one market: their data are wanted while they are on the screen, and no longer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PyQt6.QtCore import QTimer, pyqtSignal, pyqtSlot

from upbit_ws_qt import (
    ConnectionState,
    Phrase,
    Subscription,
    SubscriptionError,
    WebSocketClientProxy,
    WebSocketError,
    WebSocketService,
    WebSocketType,
)

from .market_marks import MarksLabel, market_marks
from .panel import Panel, PanelState, plain_label
from .text import mark

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PyQt6.QtWidgets import QWidget

    from upbit_ws_qt import BaseWebSocketEvent, Channel

__all__ = ["MarketPanel"]

_PROOF_MS = 600  # by when a panel that is shown again should have heard of its market
_DOWN = (ConnectionState.RECONNECTING, ConnectionState.FAILED, ConnectionState.STOPPED)


class MarketPanel(Panel):
    """A panel about one market.

    Subclasses say what they want in `subscribe`, which of it the panel is about in `main_channel`, drop what belongs to
    the last market in `forget`, and call `arrived` when data come.

    Args:
        service: where the data come from.
        symbol: market code such as "KRW-BTC"; None waits for `set_symbol`.
        component_id: the name in statistics.
        parent: of the widget.

    Signals:
        symbolChanged(str): another market is shown now.
    """

    symbolChanged = pyqtSignal(str)

    def __init__(
        self, service: WebSocketService, symbol: str | None, component_id: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(service, parent)
        self.proxy: WebSocketClientProxy = WebSocketClientProxy(component_id, owner=self, service=service)
        self._symbol = (symbol or "").upper()
        self._wishes: list[Subscription] = []
        self._main: Channel | None = None
        self.symbol_label = plain_label(self._symbol, self)
        font = self.symbol_label.font()
        font.setBold(True)
        self.symbol_label.setFont(font)
        self.marks = market_marks(service)
        self.marks_label = MarksLabel(self)
        self.tools.addWidget(self.symbol_label)
        self.tools.addWidget(self.marks_label)
        self.marks.changed.connect(self._on_marks)
        self._show_marks()
        self._hidden_at: float | None = None
        self._unproved = QTimer(self)
        self._unproved.setSingleShot(True)
        self._unproved.setInterval(_PROOF_MS)
        self._unproved.timeout.connect(self._on_unproved)
        self.follow_line(WebSocketType.PUBLIC)

    @property
    def symbol(self) -> str:
        """The market that is shown; empty before one was chosen."""
        return self._symbol

    @pyqtSlot(str)
    def set_symbol(self, symbol: str) -> None:
        """Show another market; what is on the screen of the last one goes at once."""
        symbol = symbol.strip().upper()
        if symbol == self._symbol:
            return
        self._symbol = symbol
        self.symbol_label.setText(symbol)
        self._show_marks()
        self.forget()
        self._hidden_at = None
        self.show_loading()
        self.renew()
        self.symbolChanged.emit(symbol)

    def begin_anew(self) -> None:
        """Show the market as it was at another moment."""
        self.forget()
        self._hidden_at = None
        self.show_loading()
        self.renew()

    def renew(self) -> None:
        """Want what `subscribe` says now instead of what it said before."""
        self._close()
        if self.isVisible():
            self._open()

    def arrived(self, event: BaseWebSocketEvent) -> None:
        """Data have come: be live, unless they are the last ones of a line that is down."""
        self.note_data(event)
        if self._hidden_at is not None:
            self._hidden_at = None
            self._unproved.stop()
        if self.state is not PanelState.LIVE and self.service.connection_state(WebSocketType.PUBLIC) not in _DOWN:
            self.show_live()

    # -- hooks --------------------------------------------------------------------------------------------------------
    def subscribe(self) -> Iterable[Subscription]:
        """Subscribe, by `self.proxy`, to what has to be known of `self.symbol`."""
        raise NotImplementedError

    def main_channel(self) -> Channel | None:
        """Return the channel of the stream without which the panel is out of date; None: the line alone decides."""
        return None

    def forget(self) -> None:
        """Drop all that is known of the market so far."""

    def on_refused(self, error: WebSocketError) -> None:
        """The exchange does not serve something; by default the panel says so."""
        if isinstance(error, SubscriptionError) and self.state in (PanelState.LIVE, PanelState.STALE):
            self.show_stale()  # it was served before
        elif isinstance(error, SubscriptionError):
            self.show_empty(Phrase(mark("The exchange has nothing for {symbol}."), symbol=self._symbol))
        else:
            self.show_error(error)

    # -- warnings -----------------------------------------------------------------------------------------------------
    @pyqtSlot(str)
    def _on_marks(self, code: str) -> None:
        if code == self._symbol:
            self._show_marks()

    def _show_marks(self) -> None:
        """Say what the exchange warns of, beside the market's code."""
        self.marks_label.show_marks(self.marks.of(self._symbol))

    # -- inside -------------------------------------------------------------------------------------------------------
    def activate(self) -> None:
        """Begin to want the data."""
        if self.service.connection_state(WebSocketType.PUBLIC) in _DOWN:
            self.show_stale()
        if self._hidden_at is not None and self.state is PanelState.LIVE:
            self._unproved.start()
        self._open()

    def deactivate(self) -> None:
        """Want nothing any more; what is on the screen then is from now."""
        self._unproved.stop()
        self._hidden_at = time.monotonic()
        self._close()

    @pyqtSlot()
    def _on_unproved(self) -> None:
        """Nothing has come since the panel was shown again: its values are those of before it was hidden."""
        if self._hidden_at is not None and self.state is PanelState.LIVE:
            self.show_stale()

    def retry(self) -> None:
        """Ask again; dial again where the line was given up."""
        if self.service.connection_state(WebSocketType.PUBLIC) is ConnectionState.FAILED:
            super().retry()
        self.show_loading()
        self.renew()

    def _open(self) -> None:
        if self._wishes or not self._symbol:
            if not self._symbol:
                self.show_empty(Phrase(mark("Choose a market.")))
            return
        try:
            for subscription in self.subscribe():
                self._wishes.append(subscription)
                subscription.failed.connect(self._on_failed)
            self._watch(self.main_channel())
        except WebSocketError as error:
            self._close()
            self.show_error(error)

    def _watch(self, channel: Channel | None) -> None:
        """Be told of the age of a stream, and no longer of another one's; it is watched while it has a listener."""
        if self._main is not None:
            self._main.frame.disconnect(self._on_frame)
            self._main.staleChanged.disconnect(self._on_stale)
        self._main = channel
        if channel is not None:
            channel.frame.connect(self._on_frame)
            channel.staleChanged.connect(self._on_stale)

    @pyqtSlot(object)
    def _on_frame(self, _event: object) -> None:
        """The data come by the subscriptions."""

    @pyqtSlot(bool)
    def _on_stale(self, stale: bool) -> None:
        """The panel's own stream fell silent or was lost, although the line may be up; or it is back."""
        if stale:
            self.show_stale()
        elif self.state is PanelState.STALE and self.service.connection_state(WebSocketType.PUBLIC) not in _DOWN:
            self.show_live()

    def is_fresh(self) -> bool:
        """Whether the panel's own stream is served too."""
        return self._main is None or not self._main.stale

    def _close(self) -> None:
        self._watch(None)
        for subscription in self._wishes:
            subscription.close()
        self._wishes.clear()

    @pyqtSlot(WebSocketError)
    def _on_failed(self, error: WebSocketError) -> None:
        if self.sender() in self._wishes:
            self.on_refused(error)
