"""The chart against a real exchange."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from PyQt6.QtCore import QEvent, QPoint, QPointF, Qt
from PyQt6.QtGui import QMouseEvent, QWheelEvent
from PyQt6.QtWidgets import QApplication

from tests.qt.serving import served, wanted
from tests.rest.peers import nobody
from tests.waiting import until
from tests.widgets.showing import press, shown
from upbit_ws_qt import RestCandle
from upbit_ws_qt.exchange import ExchangeSettings, FaultName
from upbit_ws_qt.exchange.spelling import spell
from upbit_ws_qt.rest.reading import read_answer
from widgets.base.panel import PanelState
from widgets.base.price_format import price_text
from widgets.chart.data import Bar, bars_of
from widgets.chart.panel import ChartWidget

if TYPE_CHECKING:
    from upbit_ws_qt.exchange import EmbeddedExchange
    from upbit_ws_qt.qt import WebSocketService
    from widgets.chart.view import ChartView

FAST = ExchangeSettings(
    markets=3, rate=200, time_scale=60, connects_per_second=None, messages_per_second=None, messages_per_minute=None,
    rest_per_second=None,
)  # fmt: skip


def bars_in(candles: Any) -> list[Bar]:
    """Return the bars of candles as the exchange keeps them."""
    return bars_of(read_answer(spell(candles).encode(), tuple[RestCandle, ...]))


def values_of(bar: Bar) -> tuple[object, ...]:
    return (bar.start, bar.opening, bar.high, bar.low, bar.close, bar.volume)


def wheel(view: ChartView, angle: int) -> None:
    place = QPointF(view.width() / 2, view.height() / 2)
    event = QWheelEvent(
        place, place, QPoint(), QPoint(0, angle), Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(view, event)


def point(view: ChartView, place: QPointF) -> None:
    none = Qt.MouseButton.NoButton
    move = QMouseEvent(QEvent.Type.MouseMove, place, place, none, none, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(view, move)


def starts(chart: ChartWidget) -> list[int]:
    return [bar.start for bar in chart.series.bars]


@served(FAST)
async def test_history_goes_on_into_the_live_candles(service: WebSocketService) -> None:
    async with shown(ChartWidget(service, "KRW-BTC"), 700, 400) as chart:
        await until(lambda: len(chart.series) >= 200)
        assert chart.state is PanelState.LIVE
        newest = chart.series.bars[-1].start
        await until(lambda: chart.series.bars[-1].start >= newest + 180 and not chart.seam_is_open)
        assert starts(chart) == sorted(set(starts(chart)))
        gaps = [b - a for a, b in zip(starts(chart), starts(chart)[1:], strict=False)]
        assert set(gaps[-20:]) == {60}, "a busy market trades every minute: no seam"


@pytest.mark.parametrize(("unit", "late"), [("1s", 0.0), ("1s", 0.8), ("1m", 2.2)])
@served(FAST)
async def test_the_history_goes_on_into_the_live_ones_without_a_seam(
    exchange: EmbeddedExchange, service: WebSocketService, unit: str, late: float
) -> None:
    """Also where the live ones begin some candles (of the exchange's time) after the history was answered."""
    if late:
        exchange.faults.inject(FaultName.SLOW_ACCEPT, "public", seconds=late, times=1)
    async with shown(ChartWidget(service, "KRW-BTC", unit=unit), 700, 400) as chart:
        await until(lambda: len(chart.series) >= 200)
        first = chart.series.bars[-1].start
        await until(lambda: chart.series.bars[-1].start >= first + 180)
        await until(lambda: not chart.seam_is_open)
        exchange.stop_time()
        minutes = 0 if unit == "1s" else 1
        found = bars_in(exchange.world.candles("KRW-BTC", minutes, None, 200))
        truth = {each.start: each for each in found}
        ended = sorted(truth)[:-1]  # the last one goes on
        wanted_values = [values_of(truth[start]) for start in ended]
        await until(
            lambda: [values_of(bar) for bar in chart.series.bars if ended[0] <= bar.start <= ended[-1]] == wanted_values
        )
        assert chart.series.bars[0].start < min(truth), "there is history before"


@served(FAST, busy_silence_timeout=60.0)
async def test_candles_that_were_missed_come_by_the_back_fill_alone_and_the_chart_says_so(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    async with shown(ChartWidget(service, "KRW-BTC"), 700, 400) as chart:
        await until(lambda: len(chart.series) >= 200 and not chart.seam_is_open)
        refused = exchange.faults.inject(FaultName.REFUSE, "public")
        exchange.faults.inject(FaultName.DROP, "public")
        await until(lambda: chart.state is PanelState.STALE)
        known = chart.series.bars[-1].start

        def newest() -> int:
            return bars_in(exchange.world.candles("KRW-BTC", 1, None, 1))[0].start

        await until(lambda: newest() >= known + 240)
        refused.clear()
        await until(lambda: chart.healing.text().startswith("↺"))
        assert not chart.seam_is_open, "the chart itself asks for nothing"
        recovered = [each for each in chart.series.bars if each.recovered]
        assert chart.healing.text() == f"↺ {len(recovered):,}"
        assert str(len(recovered)) in chart.healing.toolTip()
        assert len(recovered) >= 3
        assert "↺" in chart.view.values_text(recovered[0], None)
        missed = [start for start in starts(chart) if known <= start <= recovered[-1].start]
        assert missed == list(range(known, recovered[-1].start + 60, 60))
        chart.set_symbol("KRW-ETH")
        await until(lambda: chart.state is PanelState.LIVE)
        assert chart.healing.isHidden(), "that was another market"


@served(FAST, busy_silence_timeout=60.0)
async def test_candles_that_are_refused_are_said_to_be_missing(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    async with shown(ChartWidget(service, "KRW-BTC"), 700, 400) as chart:
        await until(lambda: len(chart.series) >= 200 and not chart.seam_is_open)
        exchange.faults.inject(FaultName.REST_REFUSE, path="/v1/candles", status=400)
        refused = exchange.faults.inject(FaultName.REFUSE, "public")
        exchange.faults.inject(FaultName.DROP, "public")
        known = chart.series.bars[-1].start
        await until(lambda: bars_in(exchange.world.candles("KRW-BTC", 1, None, 1))[0].start >= known + 240)
        refused.clear()
        await until(lambda: chart.healing.text().startswith("⚠"))
        assert "refused" in chart.healing.toolTip()


@served()
async def test_older_seconds_are_fetched(service: WebSocketService) -> None:
    async with shown(ChartWidget(service, "KRW-BTC", unit="1s"), 700, 400) as chart:
        await until(lambda: len(chart.series) >= 200)
        oldest = chart.series.oldest
        assert oldest is not None
        press(chart.view, Qt.Key.Key_Home)
        await until(lambda: len(chart.series) >= 390)
        assert chart.series.oldest is not None
        assert chart.series.oldest < oldest
        assert starts(chart) == sorted(set(starts(chart)))


@served(FAST, pong_timeout=60.0, busy_silence_timeout=60.0)  # a line that is cut would miss some
async def test_the_live_candles_are_those_that_rest_gives_later(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    """Without a history that could set right what the stream says wrong."""
    async with nobody() as rest, shown(ChartWidget(service, "KRW-BTC", rest=rest), 700, 400) as chart:
        await until(lambda: len(chart.series) >= 4)
        exchange.stop_time()
        truth = {each.start: each for each in bars_in(exchange.world.candles("KRW-BTC", 1, None, 200))}
        await until(lambda: chart.series.bars[-1].start == max(truth))
        ended = chart.series.bars[:-1]  # the last one goes on
        assert [values_of(bar) for bar in ended] == [values_of(truth[bar.start]) for bar in ended]


@served()
async def test_another_unit_by_the_box_and_another_market(
    service: WebSocketService, exchange: EmbeddedExchange
) -> None:
    async with shown(ChartWidget(service, "KRW-BTC"), 700, 400) as chart:
        await until(lambda: len(chart.series) >= 200)
        chart.units.setFocus()
        while chart.unit != "5m":
            press(chart.units, Qt.Key.Key_Down)
        await until(lambda: ("candle.5m", "KRW-BTC") in wanted(exchange) and len(chart.series) >= 200)
        assert starts(chart)[1] - starts(chart)[0] == 300
        chart.set_symbol("KRW-ETH")
        assert chart.state is PanelState.LOADING
        await until(lambda: chart.state is PanelState.LIVE)
        await until(lambda: wanted(exchange) == {("candle.5m", "KRW-ETH"), ("ticker", "KRW-ETH")})
        chart.set_symbol("KRW-BTC")
        assert len(chart.series) >= 200, "what was seen before is there at once"


@served()
async def test_keys_and_wheel_move_zoom_and_fetch_what_is_older(service: WebSocketService) -> None:
    async with shown(ChartWidget(service, "KRW-BTC"), 700, 400) as chart:
        await until(lambda: len(chart.series) >= 200)
        view = chart.view
        assert view.follows
        press(view, Qt.Key.Key_Left)
        assert view.visible_bars[1] < len(chart.series)
        before = view.visible_bars
        chart.view.series_changed(1)
        assert view.visible_bars != before, "a view that does not follow keeps its place when a bar is added"
        press(view, Qt.Key.Key_End)
        assert view.follows
        width = view.bar_width
        wheel(view, 120)
        assert view.bar_width > width
        press(view, Qt.Key.Key_Minus, Qt.Key.Key_Minus)
        assert view.bar_width < width
        oldest = chart.series.oldest
        assert oldest is not None
        press(view, Qt.Key.Key_Home)
        await until(lambda: chart.series.oldest is not None and chart.series.oldest < oldest)
        assert len(chart.series) >= 390


@served()
async def test_without_history_the_live_candles_are_shown_and_the_cause_is_told(service: WebSocketService) -> None:
    async with nobody() as rest, shown(ChartWidget(service, "KRW-BTC", rest=rest), 700, 400) as chart:
        await until(lambda: len(chart.series) >= 1 and chart.state is PanelState.LIVE)
        await until(lambda: trouble(chart).isVisible())
        assert "(" in trouble(chart).text()


def trouble(chart: ChartWidget) -> Any:
    return chart._history_trouble


@served()
async def test_a_cut_line_dims_it_and_fetches_what_was_missed(
    service: WebSocketService, exchange: EmbeddedExchange
) -> None:
    async with shown(ChartWidget(service, "KRW-BTC"), 700, 400) as chart:
        await until(lambda: len(chart.series) >= 200)
        exchange.faults.inject(FaultName.REFUSE, "public")
        exchange.faults.inject(FaultName.DROP, "public")
        await until(lambda: chart.state is PanelState.STALE)
        assert len(chart.series) >= 200
        exchange.faults.clear()
        await until(lambda: chart.state is PanelState.LIVE)


@served()
async def test_the_picture_has_candles_and_the_crosshair_its_values(service: WebSocketService) -> None:
    async with shown(ChartWidget(service, "KRW-BTC"), 700, 400) as chart:
        await until(lambda: len(chart.series) >= 200 and chart.state is PanelState.LIVE)
        market = chart.market_colours
        first, end = chart.view.visible_bars
        drawn = {market.up if bar.close >= bar.opening else market.down for bar in chart.series.bars[first:end]}
        picture = chart.view.grab().toImage()
        places = ((x, y) for x in range(500) for y in range(40, 300))
        assert drawn <= {picture.pixelColor(x, y).name() for x, y in places}
        for _ in range(100):
            picture = chart.view.grab().toImage()
            point(chart.view, QPointF(200, 150))
            assert chart.view.grab().toImage() != picture
            QApplication.sendEvent(chart.view, QEvent(QEvent.Type.Leave))
            if chart.view.grab().toImage() == picture:
                break  # else a trade has come in between, and changed the newest candle
        else:
            pytest.fail("the crosshair leaves something behind")
        bar, before = chart.series.bars[-1], chart.series.bars[-2]
        text = chart.view.values_text(bar, before)
        assert price_text("KRW-BTC", bar.close) in text
        assert "%" in text
