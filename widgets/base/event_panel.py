"""The base of panels whose data come only when something happens: silence is health, and they say since when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import pyqtSlot

from upbit_ws_qt import (
    ConnectionState,
    GapEvent,
    GapReport,
    Phrase,
    Subscription,
    SubscriptionState,
    WebSocketClientProxy,
    WebSocketError,
    WebSocketService,
    WebSocketType,
)

from .kst import kst_clock
from .panel import GIVEN_UP, Panel, PanelState
from .replay_watch import wall_clock
from .text import mark

if TYPE_CHECKING:
    from PyQt6.QtWidgets import QWidget

__all__ = ["EventPanel"]


class EventPanel(Panel):
    """A panel over a stream that may be silent for hours; it listens while hidden too, so as to miss nothing.

    Subclasses say what they want in `wish`, what silence means in `silence_text`, and whether there is something to
    show in `has_rows`; they call `settle` when that changes, and `begin` when they are built.

    Args:
        service: where the data come from.
        line: the line that carries them.
        component_id: the name in statistics.
        parent: of the widget.
    """

    def __init__(
        self, service: WebSocketService, line: WebSocketType, component_id: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(service, parent)
        self.proxy: WebSocketClientProxy = WebSocketClientProxy(component_id, owner=self, service=service)
        self.since = ""
        self.first_since = ""
        """When it began to listen; what was before nobody has told it."""
        self._carrier = line
        self._wish: Subscription | None = None
        self._refused: WebSocketError | None = None
        self.follow_line(line)
        service.connectionStateChanged.connect(self._on_carrier)
        service.gapDetected.connect(self._on_gap)
        service.gapHealed.connect(self._on_gap_healed)

    # -- hooks --------------------------------------------------------------------------------------------------------
    def wish(self) -> Subscription | None:
        """Subscribe, by `self.proxy`; None where nothing is wanted at the moment."""
        raise NotImplementedError

    def silence_text(self, since: str) -> str:
        """Say, in the language in force, that nothing has happened since a time."""
        raise NotImplementedError

    def show_note(self) -> None:
        """Say beside the rows since when they are listed; called when that is known, and in another language."""

    def no_key_text(self) -> str:
        """Say what a key would show; empty for the usual words."""
        return ""

    def has_rows(self) -> bool:
        """Whether there is something to show."""
        raise NotImplementedError

    def worth_keeping(self) -> bool:
        """Whether there are values to look at when the line was given up."""
        return self.has_rows()

    def on_gap(self) -> None:
        """The line was replaced: something may have been missed."""

    def on_healed(self, report: GapReport) -> None:
        """What was missed has been told, as far as there is any of it."""

    def forget(self) -> None:
        """Drop all rows."""

    def inherit(self, old: EventPanel) -> None:
        """Go on with what another panel of this kind, on the service before, had found out."""

    # -- for subclasses -----------------------------------------------------------------------------------------------
    def begin(self) -> None:
        """Subscribe, or say that a key is needed; also again, in place of the wish before."""
        self._end_wish()
        if self.service.clock is not None and not self._is_recorded:
            self.show_empty(Phrase(mark("This is not in the recording.")))
            return
        if self.service.clock is None and self.service.config.credentials is None:
            self.show_no_key(self.no_key_text())
            return
        self._refused = None
        try:
            self._wish = self.wish()
        except WebSocketError as error:
            self._refused = error
            self.show_error(error)
            return
        if self._wish is not None:
            self._wish.activated.connect(self._on_served)
            self._wish.failed.connect(self._on_failed)
        self.settle()

    @property
    def _is_recorded(self) -> bool:
        """Whether a replay has what comes on the line."""
        clock = self.service.clock
        return clock is not None and (clock.has_account or self._carrier is not WebSocketType.PRIVATE)

    def begin_anew(self) -> None:
        """List nothing of another moment."""
        self.since = self.first_since = ""
        self.forget()
        if self._is_recorded:
            self.show_loading()
            self.settle()

    @pyqtSlot()
    def settle(self) -> None:
        """Enter the state that fits: live with rows, empty and since when, or waiting for the line."""
        if self.state is PanelState.NO_KEY or self._refused is not None:
            return
        if self.service.clock is not None and not self._is_recorded:
            return
        line = self.service.connection_state(self._carrier)
        if line is ConnectionState.FAILED:
            return  # the base tells it
        up = line is ConnectionState.CONNECTED and (
            self._wish is None or self._wish.state is not SubscriptionState.PENDING
        )
        if up and not self.since:
            self.since = kst_clock(int(wall_clock(self.service) * 1000))
            self.first_since = self.first_since or self.since
            self.show_note()
        if self.has_rows():
            if up or self.state is not PanelState.STALE:
                self.show_live()
        elif up or self._wish is None:
            self.show_empty(self.silence_text(self.since))
        elif self.state is not PanelState.LOADING:
            self.show_loading()

    # -- inside -------------------------------------------------------------------------------------------------------
    def retry(self) -> None:
        """Ask again; dial again where the line was given up."""
        self.show_loading()
        if self.service.connection_state(self._carrier) is ConnectionState.FAILED:
            super().retry()
        self.begin()

    def retranslate(self) -> None:
        """Say the state anew."""
        self.show_note()
        if self.state is PanelState.EMPTY and (self.service.clock is None or self._is_recorded):
            self.show_empty(self.silence_text(self.since))
        elif self.state is PanelState.NO_KEY:
            self.show_no_key(self.no_key_text())

    def _end_wish(self) -> None:
        wish, self._wish = self._wish, None
        if wish is not None:
            wish.activated.disconnect(self._on_served)
            wish.failed.disconnect(self._on_failed)
            wish.close()

    @pyqtSlot()
    def _on_served(self) -> None:
        self._refused = None
        self.settle()

    @pyqtSlot(WebSocketError)
    def _on_failed(self, error: WebSocketError) -> None:
        self._refused = error
        self.show_error(error)

    @pyqtSlot(WebSocketType, ConnectionState)
    def _on_carrier(self, line: WebSocketType, state: ConnectionState) -> None:
        if line is self._carrier:
            if state in (ConnectionState.RECONNECTING, ConnectionState.STOPPED):
                self.since = ""
            if state is ConnectionState.FAILED and not self.worth_keeping():
                self.show_error(GIVEN_UP)
            self.settle()

    @pyqtSlot(GapEvent)
    def _on_gap(self, gap: GapEvent) -> None:
        if gap.ws_type is self._carrier and gap.streams:
            self.on_gap()

    @pyqtSlot(GapReport)
    def _on_gap_healed(self, report: GapReport) -> None:
        if report.ws_type is self._carrier:
            self.on_healed(report)
