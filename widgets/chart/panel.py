"""The chart panel: history from REST, continued by the live candles."""

from __future__ import annotations

import csv
from collections import OrderedDict
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast
from weakref import WeakMethod

from PyQt6 import sip
from PyQt6.QtCore import QPoint, Qt, QTimer, pyqtSignal, pyqtSlot
from PyQt6.QtGui import QAction, QActionGroup
from PyQt6.QtWidgets import QComboBox, QHBoxLayout, QInputDialog, QMenu, QPushButton, QVBoxLayout, QWidget

from upbit_ws_qt import (
    CandleEvent,
    DataType,
    Delivery,
    GapEvent,
    GapReport,
    MyOrderEvent,
    Phrase,
    Priority,
    Subscription,
    SubscriptionError,
    WebSocketError,
    WebSocketType,
    is_market_code,
)

from ..account.order_ledger import OrderLedger
from ..base.asking import Question
from ..base.exchange_values import exchange_values
from ..base.icons import icon
from ..base.limits import Limit
from ..base.market_panel import MarketPanel
from ..base.panel import plain_label
from ..base.saving import ask_where_to_save
from ..base.spacing import spaced
from ..base.text import mark, said, tr
from ..base.units import unit_text
from .calendar import period_bar, period_start
from .choice import MOST_COMPARED, ChartChoice, PictureStyle, ScaleKind
from .compare import Comparison
from .data import CandleSeries, bar_of, bars_of
from .drawing_tool import DrawingTool
from .drawings import DrawingKind
from .exchange_marks import ExchangeMarks
from .formulas_dialog import FormulasDialog
from .memory import ChartMemory
from .own_marks import Fill, OwnMarks
from .scale import CALENDAR_UNITS, UNITS
from .view import REPAINT_MS, ChartView
from .words import drawing_text, scale_text, style_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from upbit_ws_qt import CandleUnit, Channel, RestAccount, RestCandle, RestClient, TickerEvent, WebSocketService

    from .drawings import Drawing

__all__ = ["UNITS", "ChartWidget"]

_USUAL = "1m"
_PAGE = 200  # candles per question; the exchange's most
_FINISHED = 3  # candles that are looked at again
RECHECK_MS = 1500
_PERIOD_RECHECK_MS = 60_000  # days and longer are not sent live: what the ticker does not tell is asked for
_KEPT_BARS = 400  # of a series that is put aside
_MOST_KEPT = 24  # series that are remembered, so that going back to one shows it at once


class ChartWidget(MarketPanel):
    """Candles of one market with volume and indicators, back to its first one.

    Example:
        >>> chart = ChartWidget(service, "KRW-BTC")
        >>> chart.set_unit("15m")
        >>> chart.set_choice(ChartChoice(formulas=(ChosenFormula.usual("ema", 50), ChosenFormula.usual("rsi"))))
        >>> chart.show()

    Args:
        service: where the live candles come from.
        symbol: market code; None waits for `set_symbol`.
        parent: of the widget.
        rest: where the history comes from; the service's exchange by default.
        unit: one of UNITS; any other is taken for the usual one.
        memory: a file in which charts keep their picture, formulas and drawings; None to forget them.
        memory_name: which of the charts that have this file it is; the drawings are common to all.

    Signals:
        unitChanged(str): another unit is shown.
        choiceChanged: it is shown in another way; see `choice`.
        pointed(float | None): the crosshair is at a candle, by its start in seconds since 1970, or at none.
        menuRequested(QMenu): its menu opens; what is added to it stands below what a chart has by itself.
    """

    pointed = pyqtSignal(object)
    unitChanged = pyqtSignal(str)
    choiceChanged = pyqtSignal()
    menuRequested = pyqtSignal(QMenu)

    def __init__(
        self,
        service: WebSocketService,
        symbol: str | None,
        parent: QWidget | None = None,
        *,
        rest: RestClient | None = None,
        unit: str = _USUAL,
        memory: Path | None = None,
        memory_name: str = "",
    ) -> None:
        super().__init__(service, symbol, "chart", parent)
        self._rest = rest
        self._unit = unit = unit if unit in UNITS else _USUAL  # a file of a later version may know others
        self._kept: OrderedDict[tuple[str, str], CandleSeries] = OrderedDict()
        self._series = CandleSeries()
        self._answer: Question | None = None
        self._asks_older = False
        self._seam_is_open = False
        self._refused = False  # the exchange serves no live candles
        self.units = QComboBox(self)
        for each in UNITS:
            self.units.addItem(unit_text(each), each)
        self.units.setCurrentIndex(UNITS.index(unit))
        self.units.currentIndexChanged.connect(self._on_unit)
        self.indicators, self.draw, self.menu_button, self.newest = (QPushButton(self) for _ in range(4))
        self.indicators.clicked.connect(self.choose_formulas)
        self.draw.clicked.connect(self._on_draw)
        self.menu_button.clicked.connect(self._on_menu_button)
        self._memory, self._memory_name = ChartMemory.of(memory), memory_name
        self.view = ChartView(self.body)
        self.view.set_choice(self._memory.choice(memory_name))
        self.view.pointed.connect(self.pointed)
        self.view.olderWanted.connect(self._on_older_wanted)
        self.view.choiceChanged.connect(self._on_choice)
        self.view.menuWanted.connect(self._show_menu)
        self._book = self._memory.book
        self._memory.drawn.append(WeakMethod(self._on_drawn))
        self.drawing = DrawingTool(self.view, self._book)
        self.drawing.drawingsChanged.connect(self._on_drawings)
        self.own = OwnMarks()
        self.comparison = Comparison(self.view, lambda: self._rest or self.service.rest)
        self.comparison.compare(self.view.choice.compared, self._unit)
        self.comparison.failed.connect(self._on_comparison_failed)
        self.view.comparison = self.comparison
        said_by_exchange = exchange_values(service)
        said_by_exchange.changed.connect(self._on_exchange)
        self.exchange_marks = ExchangeMarks(said_by_exchange)
        self.view.overlays = [self.comparison, self.exchange_marks, self.own, self.drawing]
        self._orders = OrderLedger()
        self._own_soon = QTimer(self)  # a thousand orders in one go are counted together once
        self._own_soon.setSingleShot(True)
        self._own_soon.setInterval(REPAINT_MS)
        self._own_soon.timeout.connect(self._show_own)
        self._costs: Question | None = None
        self._ask_costs = QTimer(self)
        self._ask_costs.setSingleShot(True)
        self._ask_costs.setInterval(RECHECK_MS)
        self._ask_costs.timeout.connect(self._on_ask_costs)
        if service.config.credentials is not None or (service.clock is not None and service.clock.has_account):
            # Kept while hidden and whatever the market: an order that is not heard of now is never heard of.
            self.proxy.subscribe_my_order(self._on_my_order)
            service.gapDetected.connect(self._on_gap)
        self.begin_at(self.view)
        self.newest.clicked.connect(self.view.to_newest)
        self.tools.addStretch()
        for tool in (self.units, self.indicators, self.draw, self.menu_button, self.newest):
            self.tools.addWidget(tool)
        self._history_trouble = plain_label("", self)
        self._again = QPushButton(self)
        self._again.clicked.connect(self._load)
        row = QHBoxLayout()
        row.addWidget(self._history_trouble, 1)
        row.addWidget(self._again)
        layout = QVBoxLayout(self.body)
        spaced(layout)
        layout.addWidget(self.view, 1)
        layout.addLayout(row)
        self._recheck = QTimer(self)  # a finished candle is asked for once more: its last trades may have come late
        self._recheck.setSingleShot(True)
        self._recheck.setInterval(RECHECK_MS)
        self._recheck.timeout.connect(self._on_recheck)
        service.gapHealed.connect(self._on_gap_healed)
        service.feedResumed.connect(self._on_feed_resumed)
        self._tell_trouble("")
        self._open_series()
        self.retranslate()
        self.restyle()

    @property
    def unit(self) -> str:
        """The unit that is shown."""
        return self._unit

    @property
    def seam_is_open(self) -> bool:
        """Whether candles may still be missing between the history and the live ones."""
        return self._seam_is_open or self._answer is not None

    @property
    def series(self) -> CandleSeries:
        """What is shown."""
        return self._series

    @pyqtSlot(str)
    def set_unit(self, unit: str) -> None:
        """Show another unit; one that does not exist changes nothing."""
        if unit == self._unit or unit not in UNITS:
            return
        self._unit = unit
        self.units.setCurrentIndex(UNITS.index(unit))
        self.forget()
        self._settle()
        self.renew()
        self.unitChanged.emit(unit)

    def show_pointer(self, moment: float | None) -> None:
        """Show where another chart's crosshair is, by its time; None to end that."""
        self.view.show_pointer(moment)

    @pyqtSlot(int)
    def _on_unit(self, place: int) -> None:
        if 0 <= place < len(UNITS):
            self.set_unit(UNITS[place])

    @property
    def choice(self) -> ChartChoice:
        """How it is shown: picture, scale, formulas and the heights of their panes."""
        return self.view.choice

    def set_choice(self, choice: ChartChoice) -> None:
        """Show it in another way, and remember that."""
        if choice == self.view.choice:
            return
        others = choice.compared != self.view.choice.compared
        self.view.set_choice(choice)
        if others:
            self.renew()
        self._on_choice()

    def compare_with(self, *codes: str) -> None:
        """Draw other markets over this one, all in percent of what they were at the left edge; none to end that."""
        self.set_choice(self.choice.with_compared(codes))

    @property
    def _others(self) -> list[str]:
        """The markets that are really other ones."""
        return [code for code in self.choice.compared if code != self.symbol]

    @pyqtSlot()
    def choose_formulas(self) -> None:
        """Have the user choose formulas, beside the chart that shows them."""
        dialog = FormulasDialog(self.choice.formulas, self)
        dialog.formulasChanged.connect(lambda chosen: self.set_choice(self.choice.with_formulas(chosen)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def save_picture(self, path: Path) -> None:
        """Write what is seen as a PNG file; OSError where that is not possible."""
        if not self.view.picture().save(str(path), "PNG"):
            raise OSError(f"{path} cannot be written")

    def save_candles(self, path: Path) -> None:
        """Write all candles and the values of all formulas as CSV; OSError where that is not possible."""
        content = self.view.content()
        curves = [] if content is None else [(each, curve) for each in content.reckoned for curve in each.curves]
        names = [
            f"{each.chosen.title} {line.name}"
            for each in (() if content is None else content.reckoned)
            for line in each.chosen.formula.lines
        ]
        with path.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["start_utc", "opening", "high", "low", "close", "volume", *names])
            for place, bar in enumerate(self._series.bars):
                start = datetime.fromtimestamp(bar.start, UTC).isoformat()
                values = [curve.values[place] for _, curve in curves]
                told = ["" if value != value else repr(float(value)) for value in values]  # NaN differs from itself
                exact = (bar.opening, bar.high, bar.low, bar.close, bar.volume)
                rows.writerow([start, *(format(each, "f") for each in exact), *told])

    @pyqtSlot()
    def _on_choice(self) -> None:
        self._memory.keep_choice(self._memory_name, self.view.choice)
        self.view.want_older()
        self.choiceChanged.emit()

    # -- drawings and own orders --------------------------------------------------------------------------------------
    @property
    def drawings(self) -> tuple[Drawing, ...]:
        """What is drawn on this market's charts, oldest first."""
        return self._book.of(self.symbol)

    def drawing_menu(self) -> QMenu:
        """Return what can be drawn; it deletes itself when it is closed."""
        menu = QMenu(self)
        menu.aboutToHide.connect(menu.deleteLater)
        for kind in DrawingKind:
            action = QAction(drawing_text(kind), menu)
            action.setData(kind)
            action.setCheckable(True)
            action.setChecked(self.drawing.tool is kind)
            action.triggered.connect(lambda _checked, kind=kind: self.drawing.choose(kind))
            menu.addAction(action)
        menu.addSeparator()
        for text, slot, possible in (
            (tr("Measure"), self.drawing.measure, True),
            (tr("Undo"), self.drawing.undo, True),
            (tr("Redo"), self.drawing.redo, True),
            (tr("Remove the drawing"), self.drawing.remove_chosen, self.drawing.chosen is not None),
            (tr("Remove all drawings"), self.drawing.remove_all, bool(self.drawings)),
        ):
            one = menu.addAction(text)
            assert one is not None
            one.setEnabled(possible)
            one.triggered.connect(slot)
        return menu

    @pyqtSlot()
    def _on_draw(self) -> None:
        self.drawing_menu().popup(self.draw.mapToGlobal(QPoint(0, self.draw.height())))

    @pyqtSlot()
    def _on_drawings(self) -> None:
        self._memory.keep_drawings()

    def _on_drawn(self) -> None:
        if not sip.isdeleted(self):
            self.view.update()

    def _on_my_order(self, event: MyOrderEvent) -> None:
        self._orders.take(event)
        if event.is_fill and event.price is not None and event.volume is not None:
            moment = (event.trade_timestamp or event.timestamp) / 1000
            self.own.add_fill(Fill(event.code, moment, event.price, event.volume, event.is_bid))
            self._ask_costs.start()
        if event.code == self.symbol and not self._own_soon.isActive():
            self._own_soon.start()

    @pyqtSlot(GapEvent)
    def _on_gap(self, gap: GapEvent) -> None:
        if gap.ws_type is WebSocketType.PRIVATE and gap.streams and self._orders.doubt():
            self._show_own()

    @pyqtSlot(str)
    def _on_exchange(self, code: str) -> None:
        if code == self.symbol:
            self.view.update()

    @pyqtSlot()
    def _show_own(self) -> None:
        self.own.orders = self._orders.open_by_price(self.symbol)
        self.view.update()

    @pyqtSlot()
    def _on_ask_costs(self) -> None:
        """Ask what the holding cost: no event tells that."""
        if self._costs is not None:
            self._costs.cancel()
        self._costs = Question(self.service.rest.at(Priority.LOW).accounts(), self)
        self._costs.done.connect(self._on_costs)
        self._costs.failed.connect(self._on_costs_failed)

    @pyqtSlot(object)
    def _on_costs(self, accounts: tuple[RestAccount, ...]) -> None:
        self._costs = None
        quote, _, base = self.symbol.partition("-")
        mine = [each for each in accounts if each.currency == base and each.unit_currency == quote]
        self.own.average = next((each.avg_buy_price for each in mine if each.avg_buy_price > 0), None)
        self.view.update()

    @pyqtSlot(object)
    def _on_costs_failed(self, _error: WebSocketError) -> None:
        """Show none: a key may not be allowed to look, and an old figure would be a wrong one."""
        self._costs = None
        self.own.average = None
        self.view.update()

    # -- menu ---------------------------------------------------------------------------------------------------------
    def menu(self) -> QMenu:
        """Return all that can be chosen; it deletes itself when it is closed."""
        menu, choice = QMenu(self), self.choice
        menu.aboutToHide.connect(menu.deleteLater)
        for style in PictureStyle:
            self._add(menu, style_text(style), choice.style is style, replace(choice, style=style), "style")
        menu.addSeparator()
        for scale in ScaleKind:
            self._add(menu, scale_text(scale), choice.scale is scale, replace(choice, scale=scale), "scale")
        fit = menu.addAction(tr("Fit prices automatically"))
        assert fit is not None
        fit.setCheckable(True)
        fit.setChecked(not self.view.is_manual)
        fit.triggered.connect(self._on_fit)
        menu.addSeparator()
        self._add(menu, tr("Volume pane"), choice.volume, replace(choice, volume=not choice.volume))
        text = tr("Indicators and signals of the exchange, as they are watched")
        self._add(menu, text, choice.exchange, replace(choice, exchange=not choice.exchange))
        for code in choice.compared:
            without = replace(choice, compared=tuple(each for each in choice.compared if each != code))
            self._add(menu, tr("Compared with {market}", market=code), True, without)
        for text, slot in (
            (tr("Compare with…"), self._on_compare),
            (tr("Indicators…"), self.choose_formulas),
            (tr("Save picture (PNG)…"), self._on_save_picture),
            (tr("Save candles (CSV)…"), self._on_save_candles),
        ):
            action = menu.addAction(text)
            assert action is not None
            action.triggered.connect(slot)
        self.menuRequested.emit(menu)
        return menu

    def _add(self, menu: QMenu, text: str, checked: bool, wanted: ChartChoice, group: str = "") -> None:
        action = QAction(text, menu)
        action.setCheckable(True)
        if group:
            groups = {each.objectName(): each for each in menu.findChildren(QActionGroup)}
            if group not in groups:
                groups[group] = QActionGroup(menu)
                groups[group].setObjectName(group)
            groups[group].addAction(action)
        action.setChecked(checked)
        action.triggered.connect(lambda: self.set_choice(wanted))
        menu.addAction(action)

    @pyqtSlot()
    def _on_compare(self) -> None:
        """Ask for another market."""
        asked = QInputDialog(self)
        asked.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        asked.setWindowTitle(tr("Compare with…"))
        asked.setLabelText(tr("Market code, such as KRW-ETH"))
        asked.textValueSelected.connect(self._on_market_named)
        asked.open()

    @pyqtSlot(str)
    def _on_market_named(self, text: str) -> None:
        code = text.strip().upper()
        if is_market_code(code):
            self.compare_with(*self.choice.compared[-MOST_COMPARED + 1 :], code)

    @pyqtSlot(str, object)
    def _on_comparison_failed(self, code: str, error: WebSocketError) -> None:
        text = mark("{market} could not be loaded for comparison ({cause}).")
        self._tell_trouble(Phrase(text, market=code, cause=error.message))

    @pyqtSlot()
    def _on_menu_button(self) -> None:
        self._show_menu(self.menu_button.mapToGlobal(QPoint(0, self.menu_button.height())))

    @pyqtSlot(object)
    def _show_menu(self, place: QPoint) -> None:
        self.menu().popup(place)

    @pyqtSlot(bool)
    def _on_fit(self, fit: bool) -> None:
        if fit:
            self.view.fit_prices()
        else:
            self.view.scale_prices(1.0)

    @pyqtSlot()
    def _on_save_picture(self) -> None:
        name = f"{self.symbol}-{self._unit}.png"
        ask_where_to_save(self, tr("Save picture (PNG)…"), name, tr("Pictures (*.png)"), self.save_picture)

    @pyqtSlot()
    def _on_save_candles(self) -> None:
        name = f"{self.symbol}-{self._unit}.csv"
        ask_where_to_save(self, tr("Save candles (CSV)…"), name, tr("Tables (*.csv)"), self.save_candles)

    # -- hooks --------------------------------------------------------------------------------------------------------
    def subscribe(self) -> Iterable[Subscription]:
        """Want the live candles, and ask for what went before."""
        self._load()
        if self.service.config.credentials is not None:
            self._on_ask_costs()
        self._refused = False
        self.show_limits()
        self.comparison.compare(self._others, self._unit)
        self.comparison.load()
        if self._is_calendar:
            self._seam_is_open = False
            self.healing.be_about(DataType.TICKER, self.symbol)
            yield self.proxy.subscribe_ticker(self.symbol, self._on_ticker, delivery=Delivery.FRAME)
            return
        self._seam_is_open = True
        self.healing.be_about(DataType.candle(self._unit), self.symbol)
        # Each event: the last state of a candle must not be conflated with the first one of the next. What a gap costs
        # comes by the same way.
        unit = cast("CandleUnit", self._unit)
        yield self.proxy.subscribe_candle(self.symbol, self._on_candle, unit=unit, backfill=True)
        for code in self._others:
            yield self.proxy.subscribe_candle(code, self._on_other_candle, unit=unit, backfill=True)
        yield self.proxy.subscribe_ticker(self.symbol, self.marks.note, delivery=Delivery.FRAME)

    def main_channel(self) -> Channel:
        """Be about the live candles; about the ticker, where there are none."""
        if self._is_calendar:
            return self.service.ticker(self.symbol)
        return self.service.candle(self.symbol, cast("CandleUnit", self._unit))

    def forget(self) -> None:
        """Turn to the series of the market and unit that are shown now."""
        self._open_series()

    def begin_anew(self) -> None:
        """Show the candles as they were at another moment."""
        self._kept.clear()
        self._series = CandleSeries()
        self._orders = OrderLedger()
        self.own.forget()
        super().begin_anew()

    def on_refused(self, error: WebSocketError) -> None:
        """Without live candles there may still be a history, which is then said to be no more than that."""
        if isinstance(error, SubscriptionError) and error.codes and self.symbol not in error.codes:
            self._on_comparison_failed(error.codes[0], error)
            return
        self._refused = True
        self.show_limits()
        if not len(self._series):
            super().on_refused(error)

    def limits(self) -> Iterable[Limit]:
        """Say that no live candles are to be had."""
        if self._refused:
            why = tr("The exchange does not serve live candles here: what is shown ends with its history.")
            yield Limit(tr("Not live"), why, tr("Try again"), self.renew)

    def retranslate(self) -> None:
        """Say everything anew."""
        self.setAccessibleName(tr("Chart"))
        self.view.setAccessibleName(tr("Candles"))
        for place, each in enumerate(UNITS):
            self.units.setItemText(place, unit_text(each))
        self.units.setAccessibleName(tr("Candle unit"))
        self.units.setToolTip(tr("Candle unit"))
        for button, name in (
            (self.indicators, tr("Indicators…")),
            (self.draw, tr("Draw, measure…")),
            (self.menu_button, tr("Picture, scale, files…")),
        ):
            button.setAccessibleName(name)
            button.setToolTip(name)
        self.newest.setAccessibleName(tr("To the newest candle"))
        self.newest.setToolTip(tr("To the newest candle"))
        self._again.setText(tr("Retry"))
        self._history_trouble.setText(said(self._told))
        self.view.update()

    def strip_inset(self) -> int:
        """Leave the times below the picture to be read."""
        return self.view.axis_height

    def restyle(self) -> None:
        """Take colours over."""
        for button, name in (
            (self.indicators, "indicator"),
            (self.draw, "draw"),
            (self.menu_button, "more"),
            (self.newest, "newest"),
        ):
            button.setIcon(icon(name, self.palette()))
        self.view.take_colours(self.market_colours, dimmed=self.dimmed)

    @property
    def _is_calendar(self) -> bool:
        return self._unit in CALENDAR_UNITS

    # -- the live stream ----------------------------------------------------------------------------------------------
    def _on_other_candle(self, event: CandleEvent) -> None:
        self.comparison.take(event)

    def _on_candle(self, event: CandleEvent) -> None:
        if event.code == self.symbol and event.unit == self._unit:
            appended = self._series.take(bar_of(event))
            self.view.series_changed(appended)
            if self._refused:
                self._refused = False  # it came after all
                self.show_limits()
            self.arrived(event)
            finished = appended and len(self._series) > 1 and self._unit != "1s"  # seconds end all the time
            if (finished or self._seam_is_open) and not self._recheck.isActive():
                self._recheck.start(RECHECK_MS)

    def _on_ticker(self, event: TickerEvent) -> None:
        """Continue a day, or what is longer, by the ticker."""
        self.marks.note(event)
        if event.code != self.symbol or not self._is_calendar:
            return
        known = self._series.bars[-1] if len(self._series) else None
        start = period_start(self._unit, event.trade_timestamp)
        if known is not None and start >= known.start:
            self.view.series_changed(self._series.take(period_bar(self._unit, event, known)))
            if start > known.start and self._answer is None:
                self._ask(None, count=_FINISHED)  # what has ended is told exactly by then
        if known is not None:
            self.arrived(event)
        if not self._recheck.isActive():
            self._recheck.start(_PERIOD_RECHECK_MS)

    @pyqtSlot(WebSocketType, "qlonglong")
    def _on_feed_resumed(self, line: WebSocketType, _epoch: int) -> None:
        """Ask for what a ticker cannot make good: days that ended while the line was down."""
        if line is WebSocketType.PUBLIC and self._is_calendar and self.isVisible() and self.symbol:
            self._load()

    @pyqtSlot(GapReport)
    def _on_gap_healed(self, report: GapReport) -> None:
        """Say that candles are missing for good, with the way to ask for them again."""
        state = self.service.account_state()
        whole = any(each.is_whole for each in report.streams if each.stream.data_type is DataType.MY_ORDER)
        if whole and state is not None and self._orders.trust({order.uuid for order in state.open_orders}):
            self._show_own()
        if self._is_calendar:
            return
        for each in report.streams:
            if (each.stream.data_type, each.stream.symbol) == (DataType.candle(self._unit), self.symbol):
                text = mark("Candles that were missed could not be loaded ({cause}).")
                self._tell_trouble("" if each.is_whole else Phrase(text, cause=each.reason))

    # -- history ------------------------------------------------------------------------------------------------------
    def _open_series(self) -> None:
        self._series.keep_newest(_KEPT_BARS)
        key = (self.symbol, self._unit)
        self._series = self._kept.setdefault(key, CandleSeries())
        self._kept.move_to_end(key)
        if len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)
        self._cancel()
        self._tell_trouble("")
        self.drawing.forget_place()
        self.own.average = None
        self._show_own()
        self.view.show_series(self._series, self.symbol, self._unit)

    def _settle(self) -> None:
        if not len(self._series):
            self.show_loading()
            return
        if self.is_fresh():
            self.show_live()
        elif not self.dimmed:  # one that is goes on to tell since when
            self.show_live()
            self.show_stale()

    @pyqtSlot()
    def _load(self) -> None:
        """Ask for the newest page: what is missing before, and since, the live candles."""
        self._ask(None)

    @pyqtSlot()
    def _on_recheck(self) -> None:
        if self._is_calendar and self.isVisible():
            self.comparison.load()
        if self._answer is None and self.isVisible():
            # What came between the first answer and the first live candle is in neither.
            self._ask(None, count=_PAGE if self._seam_is_open else _FINISHED)
            self._seam_is_open = False

    @pyqtSlot()
    def _on_older_wanted(self) -> None:
        series = self._series
        if self._answer is None and not series.complete and not series.is_full and series.oldest is not None:
            self._ask(series.oldest)

    def _ask(self, before: int | None, count: int = _PAGE) -> None:
        self._cancel()
        self._asks_older = before is not None
        # Somebody looks at the empty space where it will be.
        rest = (self._rest or self.service.rest).at(Priority.HIGH)
        to = None if before is None else datetime.fromtimestamp(before, UTC)
        self._answer = Question(rest.candles(self.symbol, self._unit, to, count), self)
        self._answer.done.connect(self._on_history)
        self._answer.failed.connect(self._on_history_failed)

    @pyqtSlot(object)
    def _on_history(self, candles: tuple[RestCandle, ...]) -> None:
        self._answer = None
        if not self._asks_older and not self.dimmed:
            self.note_known()
        bars = bars_of(candles)
        seam = None if self._asks_older or len(bars) < _PAGE else min(bar.start for bar in bars)
        is_open = seam is not None and self._series.misses(seam)
        new = self._series.merge(bars)
        if seam is not None and is_open:
            self._series.begin_at(seam)  # the page does not reach back to what was known: between them may be a hole
        if self._asks_older and not new:
            self._series.complete = True
        self._tell_trouble("")
        self.view.fill()
        self.view.series_changed()
        self.view.want_older()
        self.comparison.load_older()
        if len(self._series):
            self._settle()
        else:
            self.show_empty(Phrase(mark("There are no candles yet.")))

    @pyqtSlot(object)
    def _on_history_failed(self, error: WebSocketError) -> None:
        self._answer = None
        text = mark("The history could not be loaded ({cause}); new candles are shown.")
        self._tell_trouble(Phrase(text, cause=error.message))

    def _tell_trouble(self, text: str) -> None:
        self._told = text
        self._history_trouble.setText(said(text))
        self._history_trouble.setVisible(bool(text))
        self._again.setVisible(bool(text))

    def _cancel(self) -> None:
        answer, self._answer = self._answer, None
        if answer is not None:
            answer.cancel()
