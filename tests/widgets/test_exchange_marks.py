"""The exchange's own indicators and signals on the chart: values at the end of their candle, flags with names."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.qt.serving import served
from tests.waiting import until
from tests.widgets.showing import shown
from tests.widgets.test_indicators import CALM, FIVE_MINUTES, serving
from upbit_ws_qt import IndicatorSpec
from upbit_ws_qt.events import IndicatorEvent, IndicatorSignalEvent
from upbit_ws_qt.events.info import IndicatorParams, IndicatorValue
from widgets.base.exchange_values import MOST_MARKETS, MOST_POINTS, ExchangeValues, ValueKey, exchange_values
from widgets.base.panel import PanelState
from widgets.chart.choice import ChartChoice, ChosenFormula, choice_from, choice_to_plain
from widgets.chart.exchange_marks import ExchangeMarks
from widgets.chart.panel import ChartWidget
from widgets.indicators.panel import IndicatorsWidget

if TYPE_CHECKING:
    from upbit_ws_qt import WebSocketService
    from upbit_ws_qt.exchange import EmbeddedExchange

D = Decimal
BANDS = {"bb_upper": "1010", "bb_middle": "1000", "bb_lower": "990"}


def value(minute: int, code: str = "KRW-BTC", indicator: str = "bollinger_bands", **values: str) -> IndicatorEvent:
    return IndicatorEvent(
        type="indicator", code=code, timestamp=0, timeframe="5m", indicator=indicator,
        params=IndicatorParams(period=20),
        value=IndicatorValue(**{name: D(each) for name, each in (values or BANDS).items()}),
        candle_date_time_utc=f"2026-11-20T{minute // 60:02}:{minute % 60:02}:00",
    )  # fmt: skip


def signal(minute: int, trigger: str = "oversold") -> IndicatorSignalEvent:
    return IndicatorSignalEvent(
        type="indicatorSignal", code="KRW-BTC", timestamp=0, timeframe="5m", indicator="rsi",
        params=IndicatorParams(period=14), trigger=trigger, value=IndicatorValue(rsi=D(29)),
        candle_date_time_utc=f"2026-11-20T00:{minute:02}:00",
    )  # fmt: skip


@served(CALM)
async def test_what_was_said_is_kept_once_and_bounded(service: WebSocketService) -> None:
    known = exchange_values(service)
    assert exchange_values(service) is known
    told: list[str] = []
    known.changed.connect(told.append)
    for _ in range(2):  # two panels hear the same
        known.note_value(value(5))
        known.note_signal(signal(5))
    assert told == ["KRW-BTC", "KRW-BTC"]
    key = ValueKey("bollinger_bands", "20", "5m", "bb_upper")
    assert [point.value for point in known.values_of("KRW-BTC")[key]] == [1010.0]
    assert len(known.signals_of("KRW-BTC")) == 1
    for minute in range(10, 10 + MOST_POINTS + 5):
        known.note_value(value(minute))
    assert len(known.values_of("KRW-BTC")[key]) == MOST_POINTS
    for number in range(MOST_MARKETS):
        known.note_value(value(5, f"KRW-A{number}"))
    assert known.values_of("KRW-BTC") == {}, "the market that nobody has told of for longest"
    assert known.signals_of("KRW-NOPE") == ()


@served(CALM)
async def test_prices_lie_over_the_candles_and_others_in_the_pane_of_their_kind(service: WebSocketService) -> None:
    known = ExchangeValues(service)
    marks = ExchangeMarks(known)
    async with shown(ChartWidget(service, "KRW-BTC"), 700, 500) as chart:
        await until(lambda: chart.state is PanelState.LIVE and len(chart.series) > 100)
        known.note_value(value(5))
        known.note_value(value(5, indicator="rsi", rsi="40"))
        names = marks.texts(chart.view)
        assert len(names) == 3, "the chart has no RSI, and so no place for that"
        assert names[0] == "Bollinger bands 20 · 5m"
        chart.set_choice(ChartChoice(formulas=(ChosenFormula.usual("rsi"),)))
        chart.view.grab()
        assert "RSI 20 · 5m" in marks.texts(chart.view)
        known.note_signal(signal(5))
        assert marks.texts(chart.view)[-1] == "RSI · oversold (5m)"


@served(CALM)
async def test_what_is_watched_is_drawn_until_its_user_wants_it_not(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    exchange.stop_time()  # candles close when the test says so
    watches = [(IndicatorSpec.of("moving_average", {"type": "EMA", "period": 5}), "5m")]
    async with (
        shown(IndicatorsWidget(service, "KRW-BTC", watches=watches)),
        shown(ChartWidget(service, "KRW-BTC", unit="1m"), 900, 500) as chart,
    ):
        await serving(exchange, 1)
        await until(lambda: chart.state is PanelState.LIVE and not chart.seam_is_open)
        for _ in range(2):
            await exchange.advance(FIVE_MINUTES)
        await until(lambda: chart.exchange_marks.texts(chart.view) == ["Moving average EMA/5 · 5m"])
        chart.view.to_newest()
        with_marks = chart.view.picture()
        menu: Any = chart.menu()
        [action] = [each for each in menu.actions() if "exchange" in each.text()]
        assert action.isChecked()
        action.trigger()
        menu.close()
        assert not chart.choice.exchange
        assert chart.exchange_marks.texts(chart.view) == []
        assert chart.view.picture() != with_marks


@pytest.mark.parametrize("wanted", [True, False])
def test_the_choice_is_kept(wanted: bool) -> None:
    assert choice_from(choice_to_plain(ChartChoice(exchange=wanted))).exchange is wanted
    assert choice_from({"exchange": "no"}).exchange
