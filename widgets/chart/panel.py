"""The chart panel: history from REST, continued by the live candles."""

from __future__ import annotations

from collections import OrderedDict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from PyQt6.QtCore import QTimer, pyqtSignal, pyqtSlot
from PyQt6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from upbit_ws_qt import CandleEvent, DataType, Delivery, GapReport, Phrase, Priority, Subscription, WebSocketError

from ..base.asking import Question
from ..base.limits import Limit
from ..base.market_panel import MarketPanel
from ..base.panel import plain_label
from ..base.spacing import spaced
from ..base.text import mark, said, tr
from ..base.units import unit_text
from .data import CandleSeries, bar_of, bars_of
from .view import ChartView

if TYPE_CHECKING:
    from collections.abc import Iterable

    from upbit_ws_qt import CandleUnit, Channel, RestCandle, RestClient, WebSocketService

__all__ = ["UNITS", "ChartWidget"]

UNITS = ("1s", "1m", "3m", "5m", "10m", "15m", "30m", "60m", "240m")
_USUAL = "1m"
_PAGE = 200  # candles per question; the exchange's most
_FINISHED = 3  # candles that are looked at again
RECHECK_MS = 1500
_KEPT_BARS = 400  # of a series that is put aside
_MOST_KEPT = 24  # series that are remembered, so that going back to one shows it at once


class ChartWidget(MarketPanel):
    """Candles and volume of one market.

    Example:
        >>> chart = ChartWidget(service, "KRW-BTC")
        >>> chart.set_unit("15m")
        >>> chart.show()

    Args:
        service: where the live candles come from.
        symbol: market code; None waits for `set_symbol`.
        parent: of the widget.
        rest: where the history comes from; the service's exchange by default.
        unit: one of UNITS; any other is taken for the usual one.

    Signals:
        unitChanged(str): another unit is shown.
    """

    unitChanged = pyqtSignal(str)

    def __init__(
        self,
        service: WebSocketService,
        symbol: str | None,
        parent: QWidget | None = None,
        *,
        rest: RestClient | None = None,
        unit: str = _USUAL,
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
        self.newest = QPushButton("⇥", self)
        self.newest.setMaximumWidth(32)
        self.view = ChartView(self.body)
        self.view.olderWanted.connect(self._on_older_wanted)
        self.begin_at(self.view)
        self.newest.clicked.connect(self.view.to_newest)
        self.tools.addStretch()
        self.tools.addWidget(self.units)
        self.tools.addWidget(self.newest)
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

    @pyqtSlot(int)
    def _on_unit(self, place: int) -> None:
        if 0 <= place < len(UNITS):
            self.set_unit(UNITS[place])

    # -- hooks --------------------------------------------------------------------------------------------------------
    def subscribe(self) -> Iterable[Subscription]:
        """Want the live candles, and ask for what went before."""
        self._load()
        self._seam_is_open = True
        self._refused = False
        self.show_limits()
        self.healing.be_about(DataType.candle(self._unit), self.symbol)
        # Each event: the last state of a candle must not be conflated with the first one of the next. What a gap costs
        # comes by the same way.
        unit = cast("CandleUnit", self._unit)
        yield self.proxy.subscribe_candle(self.symbol, self._on_candle, unit=unit, backfill=True)
        yield self.proxy.subscribe_ticker(self.symbol, self.marks.note, delivery=Delivery.FRAME)

    def main_channel(self) -> Channel:
        """Be about the live candles."""
        return self.service.candle(self.symbol, cast("CandleUnit", self._unit))

    def forget(self) -> None:
        """Turn to the series of the market and unit that are shown now."""
        self._open_series()

    def on_refused(self, error: WebSocketError) -> None:
        """Without live candles there may still be a history, which is then said to be no more than that."""
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
        self.view.take_colours(self.market_colours, dimmed=self.dimmed)

    # -- the live stream ----------------------------------------------------------------------------------------------
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
                self._recheck.start()

    @pyqtSlot(GapReport)
    def _on_gap_healed(self, report: GapReport) -> None:
        """Say that candles are missing for good, with the way to ask for them again."""
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
        if self._answer is None and self.isVisible():
            # What came between the first answer and the first live candle is in neither.
            self._ask(None, count=_PAGE if self._seam_is_open else _FINISHED)
            self._seam_is_open = False

    @pyqtSlot()
    def _on_older_wanted(self) -> None:
        if self._answer is None and not self._series.complete and self._series.oldest is not None:
            self._ask(self._series.oldest)

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
        self.view.series_changed()
        self.view.want_older()
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
