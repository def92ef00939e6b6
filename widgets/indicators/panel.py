"""Indicators and signals of one market: chosen from what the exchange supports, plotted and listed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from PyQt6.QtCore import Qt, QTimer, pyqtSignal, pyqtSlot
from PyQt6.QtGui import QColor, QKeySequence, QShortcut
from PyQt6.QtWidgets import QPushButton, QSplitter, QVBoxLayout, QWidget

from upbit_ws_qt import (
    MAX_COMBINATIONS,
    IndicatorEvent,
    IndicatorSignalEvent,
    IndicatorSpec,
    Subscription,
    WebSocketError,
    WebSocketService,
    WebSocketType,
)

from ..base.event_panel import EventPanel
from ..base.exchange_values import exchange_values
from ..base.market_marks import MarksLabel, market_marks
from ..base.panel import PanelState, plain_label
from ..base.panel_table import menu_text
from ..base.spacing import spaced
from ..base.tables import dim_colour, fit_columns, plain_table
from ..base.text import tr
from ..base.tokens import space
from ..base.units import unit_text
from .choice import FIRST_WATCHES, spec_text
from .model import SignalsModel, Watch, WatchesModel, next_close_text
from .picker import IndicatorPicker
from .plot import IndicatorPlot

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from PyQt6.QtCore import QModelIndex
    from PyQt6.QtWidgets import QMenu

    from upbit_ws_qt import TimeFrame

__all__ = ["IndicatorsWidget"]

_FLUSH_MS = 100
_LEAST_ROWS = 4  # of the watches, the heading among them
_SHARES = (3, 4, 2)  # of the height: watches, plot, signals
_WATCH_SAMPLES = ("Moving average EMA/120 · price", "240m")
_SIGNAL_SAMPLES = ("00-00 00:00:00", "KRW-WWWW", "Bollinger bands 240m", "⚑ price crosses", "00,000")
_GIVE_UP = (4, 0)  # in a narrow panel: the value, then the time


class IndicatorsWidget(EventPanel):
    """Values at the close of each candle, and signals when a condition becomes true; only KRW markets have them.

    Example:
        >>> indicators = IndicatorsWidget(service, "KRW-BTC")
        >>> indicators.add_watch(IndicatorSpec.of("macd", {"fast": 12, "slow": 26, "signal_period": 9}), "15m")
        >>> indicators.signalFired.connect(lambda event: print(event.code, event.trigger))

    Args:
        service: where the data come from.
        symbol: market code; None waits for `set_symbol`.
        parent: of the widget.
        watches: what to watch at first, as (spec, time frame); RSI 14 by default.

    Signals:
        signalFired(IndicatorSignalEvent): a condition became true.
        watchesChanged: see `watches`.
        symbolActivated(str): the market of a signal was chosen by double-click or Enter.
    """

    signalFired = pyqtSignal(IndicatorSignalEvent)
    watchesChanged = pyqtSignal()
    symbolActivated = pyqtSignal(str)

    def __init__(
        self,
        service: WebSocketService,
        symbol: str | None = None,
        parent: QWidget | None = None,
        *,
        watches: Iterable[tuple[IndicatorSpec, str]] = FIRST_WATCHES,
    ) -> None:
        super().__init__(service, WebSocketType.INFO, "indicators", parent)
        self._symbol = (symbol or "").upper()
        self._watches: list[Watch] = []
        self.watch_model, self.signal_model = WatchesModel(self), SignalsModel(self)
        self.watch_table = plain_table(self.watch_model, self.body)
        self.signal_table = plain_table(self.signal_model, self.body)
        self.watch_table.setObjectName("watched")
        self.signal_table.setObjectName("signals")
        self.picker = IndicatorPicker(self.body)
        self.plot = IndicatorPlot(self.body)
        self.remove = QPushButton(self)
        self.note = plain_label("", self.body)
        self.note.setWordWrap(True)
        self.symbol_label = plain_label(self._symbol, self)
        font = self.symbol_label.font()
        font.setBold(True)
        self.symbol_label.setFont(font)
        self.used = plain_label("", self)
        self.marks = market_marks(service)
        self.marks_label = MarksLabel(self)
        self.marks.changed.connect(self._on_marks)
        self.tools.addWidget(self.symbol_label)
        self.tools.addWidget(self.marks_label)
        self.tools.addStretch()
        self.tools.addWidget(self.used)
        self.tools.addWidget(self.remove)
        self._flush = QTimer(self)
        self._flush.setSingleShot(True)
        self._flush.setInterval(_FLUSH_MS)
        self._flush.timeout.connect(self._refresh)
        self._on_marks(self._symbol)
        self._arrange()
        self._connect()
        self.retranslate()
        self.restyle()
        self.begin()
        if self.state is not PanelState.NO_KEY:
            for spec, timeframe in watches:
                self.add_watch(spec, timeframe)

    def _arrange(self) -> None:
        upper = QWidget(self.body)
        inner = QVBoxLayout(upper)
        spaced(inner)
        inner.addWidget(self.picker)
        inner.addWidget(self.watch_table)
        self.watch_table.setMinimumHeight(_LEAST_ROWS * (self.watch_table.fontMetrics().height() + space().row))
        inner.addWidget(self.note)
        splitter = QSplitter(Qt.Orientation.Vertical, self.body)
        splitter.setChildrenCollapsible(False)
        for place, widget in enumerate((upper, self.plot, self.signal_table)):
            splitter.addWidget(widget)
            splitter.setStretchFactor(place, _SHARES[place])
        splitter.setSizes([100 * share for share in _SHARES])
        layout = QVBoxLayout(self.body)
        spaced(layout)
        layout.addWidget(splitter)

    def _connect(self) -> None:
        self.picker.added.connect(self._on_added)
        self.remove.clicked.connect(self._on_remove)
        delete = QShortcut(QKeySequence(Qt.Key.Key_Delete), self.watch_table)
        delete.setContext(Qt.ShortcutContext.WidgetShortcut)
        delete.activated.connect(self._on_remove)
        selection = self.watch_table.selectionModel()
        assert selection is not None
        selection.currentRowChanged.connect(self._refresh_soon)
        self.signal_table.activated.connect(lambda index: self._activate(index.row()))
        self.watch_table.rowMenuRequested.connect(self._on_watch_menu)
        self.signal_table.rowMenuRequested.connect(self._on_signal_menu)

    # -- what is watched ----------------------------------------------------------------------------------------------
    @property
    def symbol(self) -> str:
        """The market; empty before one was chosen."""
        return self._symbol

    @property
    def watches(self) -> tuple[tuple[IndicatorSpec, str], ...]:
        """What is watched, as (spec, time frame)."""
        return tuple((watch.spec, watch.timeframe) for watch in self._watches)

    @pyqtSlot(str)
    def set_symbol(self, symbol: str) -> None:
        """Watch the same of another market; the values of the last one go, its signals stay listed."""
        symbol = symbol.strip().upper()
        if symbol == self._symbol:
            return
        self._symbol = symbol
        self.symbol_label.setText(symbol)
        self._on_marks(symbol)
        for watch in self._watches:
            self._unsubscribe(watch)
            watch.forget()
            self._subscribe(watch)
        self.settle()
        self._refresh()

    @pyqtSlot(str)
    def _on_marks(self, code: str) -> None:
        if code == self._symbol:
            self.marks_label.show_marks(self.marks.of(code))

    def add_watch(self, spec: IndicatorSpec, timeframe: str) -> bool:
        """Watch one more; False, with a note in the panel, for one that is watched already or one too many."""
        if (spec, timeframe) in self.watches:
            self._say(tr("This is watched already."))
            return False
        if len(self._watches) >= MAX_COMBINATIONS:
            self._say(tr("The exchange allows {count} at a time.", count=MAX_COMBINATIONS))
            return False
        watch = Watch(spec, timeframe)
        self._watches.append(watch)
        self._subscribe(watch)
        self._say("")
        self._watches_changed(len(self._watches) - 1)
        return True

    def _say(self, text: str) -> None:
        self.note.setText(text)
        self.note.setVisible(bool(text))

    def remove_watch(self, place: int) -> None:
        """Watch one less; an IndexError where there is none at that place."""
        self._unsubscribe(self._watches.pop(place))
        self._watches_changed(min(place, len(self._watches) - 1))

    def _watches_changed(self, chosen: int) -> None:
        self.watch_model.replace(list(self._watches))
        if chosen >= 0:
            self.watch_table.selectRow(self.watch_model.rows.index(self._watches[chosen]))
        self._show_used()
        self._refresh()
        if not self._watches and self.state is PanelState.STALE:
            self.show_live()  # without a wish there is no line to be out of date with
        self.settle()
        self.watchesChanged.emit()

    def _subscribe(self, watch: Watch) -> None:
        if not self._symbol:
            return
        try:
            if watch.spec.trigger is None:
                made = self.proxy.subscribe_indicator(
                    self._symbol, self._on_value, timeframe=cast("TimeFrame", watch.timeframe), indicators=watch.spec
                )
            else:
                made = self.proxy.subscribe_indicator_signal(
                    self._symbol, self._on_signal, timeframe=cast("TimeFrame", watch.timeframe), indicators=watch.spec
                )
        except WebSocketError as error:
            watch.refused = str(error)
            return
        watch.subscription = made
        made.failed.connect(self._on_watch_failed)
        made.activated.connect(self._on_watch_served)

    @staticmethod
    def _unsubscribe(watch: Watch) -> None:
        subscription, watch.subscription = watch.subscription, None
        if subscription is not None:
            subscription.close()

    # -- data ---------------------------------------------------------------------------------------------------------
    def wish(self) -> Subscription | None:
        """Nothing of its own: each watch has a subscription."""
        return None

    def has_rows(self) -> bool:
        """Whether there is something to choose from; the picker is always there."""
        return self._symbol.startswith("KRW-")

    def worth_keeping(self) -> bool:
        """Whether any value or signal has come."""
        return bool(self.signal_model.rows) or any(watch.points for watch in self._watches)

    def silence_text(self, since: str) -> str:
        """Say why there is nothing."""
        del since
        return tr("Only KRW markets have indicators.") if self._symbol else tr("Choose a market.")

    def no_key_text(self) -> str:
        """Say what the key is for."""
        return tr("The exchange sends indicators to owners of a key only; it needs no rights.")

    def forget(self) -> None:
        """Drop all values and signals."""
        for watch in self._watches:
            watch.forget()
        self.signal_model.replace([])
        self._refresh()

    def inherit(self, old: EventPanel) -> None:
        """Go on with the values and signals of another panel."""
        assert isinstance(old, IndicatorsWidget)
        if old.symbol == self._symbol:
            known = {(watch.spec, watch.timeframe): watch for watch in old._watches}
            for watch in self._watches:
                before = known.get((watch.spec, watch.timeframe))
                if before is not None:
                    watch.points, watch.fired = before.points, before.fired
        self.signal_model.replace(old.signal_model.usual)
        self._refresh()

    def _on_value(self, event: IndicatorEvent) -> None:
        self.note_data(event)
        exchange_values(self.service).note_value(event)
        for watch in self._watches:
            if watch.spec.trigger is None and event.code == self._symbol and _is_of(event, watch):
                watch.take(event)
                self._refresh_soon()

    def _on_signal(self, event: IndicatorSignalEvent) -> None:
        self.note_data(event)
        exchange_values(self.service).note_signal(event)
        for watch in self._watches:
            if watch.spec.trigger == event.trigger and event.code == self._symbol and _is_of(event, watch):
                watch.fired += 1
        self.signal_model.take(event)
        self._refresh_soon()
        self.signalFired.emit(event)

    @pyqtSlot()
    def _on_watch_served(self) -> None:
        for watch in self._watches:
            if watch.subscription is self.sender():
                watch.refused = ""
        self.settle()
        self._refresh_soon()

    @pyqtSlot(WebSocketError)
    def _on_watch_failed(self, error: WebSocketError) -> None:
        for watch in self._watches:
            if watch.subscription is self.sender():
                watch.refused = str(error)
        self._refresh_soon()

    # -- hands --------------------------------------------------------------------------------------------------------
    @pyqtSlot(object, str)
    def _on_added(self, spec: IndicatorSpec, timeframe: str) -> None:
        self.add_watch(spec, timeframe)

    @pyqtSlot()
    def _on_remove(self) -> None:
        chosen = self._chosen_watch()
        if chosen is not None:
            self.remove_watch(self._watches.index(chosen))

    def _chosen_watch(self) -> Watch | None:
        """Return the watch whose row the keyboard is in, wherever that row stands."""
        place, rows = self.watch_table.currentIndex().row(), self.watch_model.rows
        return rows[place] if 0 <= place < len(rows) else None

    @pyqtSlot("QMenu*", "QModelIndex")
    def _on_watch_menu(self, menu: QMenu, index: QModelIndex) -> None:
        if index.isValid():
            menu.addAction(tr("Remove"), partial(self._remove, self.watch_model.rows[index.row()]))

    def _remove(self, watch: Watch) -> None:
        if watch in self._watches:
            self.remove_watch(self._watches.index(watch))

    @pyqtSlot("QMenu*", "QModelIndex")
    def _on_signal_menu(self, menu: QMenu, index: QModelIndex) -> None:
        if index.isValid():
            code = self.signal_model.rows[index.row()].event.code
            menu.addAction(tr("Show {code}", code=menu_text(code)), lambda: self.symbolActivated.emit(code))

    def _activate(self, place: int) -> None:
        self.symbolActivated.emit(self.signal_model.rows[place].event.code)

    # -- what is seen -------------------------------------------------------------------------------------------------
    def activate(self) -> None:
        """Show what has come while hidden."""
        self._refresh()

    @pyqtSlot()
    def _refresh_soon(self) -> None:
        if self.isVisible() and not self._flush.isActive():
            self._flush.start()

    @pyqtSlot()
    def _refresh(self) -> None:
        self.watch_model.tell_changed()
        chosen = self._chosen_watch()
        self.plot.show_points(() if chosen is None else tuple(chosen.points), _why_no_curve(chosen))
        self.signal_table.setVisible(bool(self.signal_model.rows))
        self.plot.setAccessibleName("" if chosen is None else spec_text(chosen.spec))
        self.remove.setEnabled(chosen is not None)

    def _show_used(self) -> None:
        self.used.setText(f"{len(self._watches)}/{MAX_COMBINATIONS}")
        self.picker.add.setEnabled(len(self._watches) < MAX_COMBINATIONS)

    # -- looks --------------------------------------------------------------------------------------------------------
    def retranslate(self) -> None:
        """Name everything."""
        super().retranslate()
        self.picker.retranslate()
        self.remove.setText(tr("Remove"))
        self.remove.setToolTip(tr("Watch the chosen indicator no longer (Delete)"))
        self._say("")
        self.used.setToolTip(tr("Watched, of those that the exchange allows at a time"))
        self.watch_table.setAccessibleName(tr("Watched indicators"))
        self.signal_table.setAccessibleName(tr("Signals"))
        self.watch_model.retranslate()
        self.signal_model.retranslate()
        fit_columns(self.watch_table, _WATCH_SAMPLES)
        fit_columns(self.signal_table, _SIGNAL_SAMPLES, _GIVE_UP)
        self._show_used()
        self._refresh()

    def restyle(self) -> None:
        """Take colours and dimming over."""
        if not hasattr(self, "plot"):
            return
        colours = self.colours
        self.watch_model.bad, self.watch_model.muted = QColor(colours.bad), QColor(colours.muted)
        self.plot.set_colours(colours)
        self.watch_model.set_dim(dim_colour(self.colours, dimmed=self.dimmed))


def _why_no_curve(chosen: Watch | None) -> str:
    if chosen is None:
        return tr("Choose a watched indicator to see its curve.")
    if chosen.refused:
        return tr("The exchange does not serve this indicator.")
    if chosen.spec.trigger is not None:
        return tr("A signal has no curve: it is listed when its condition comes true.")
    if chosen.points:
        return ""
    time = next_close_text(chosen.timeframe)
    return tr("No value yet. The first comes at {time} KST, when the candle of {unit} closes.",
              time=time, unit=unit_text(chosen.timeframe))  # fmt: skip


def _is_of(event: IndicatorEvent | IndicatorSignalEvent, watch: Watch) -> bool:
    """Whether an event is about what is watched; numbers are equal however they are spelt."""
    if event.indicator != watch.spec.type or event.timeframe != watch.timeframe:
        return False
    pairs: Sequence[tuple[object, tuple[tuple[str, object], ...]]] = [(event.params, watch.spec.params)]
    if isinstance(event, IndicatorSignalEvent):
        pairs = [*pairs, (event.event_params, watch.spec.event_params)]
    return all(getattr(params, name, None) == value for params, wished in pairs for name, value in wished)
