from __future__ import annotations

import itertools
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QComboBox

from tests.qt.serving import SETTINGS, served
from tests.waiting import until
from tests.widgets.showing import click, press, shown
from upbit_ws_qt import INDICATOR_RULES, MAX_COMBINATIONS, TIMEFRAMES, IndicatorSpec
from upbit_ws_qt.events import IndicatorEvent, IndicatorSignalEvent
from upbit_ws_qt.events.info import IndicatorParams, IndicatorValue
from upbit_ws_qt.exchange import FaultName
from upbit_ws_qt.wire.request_rules import check_indicator
from widgets.base.panel import PanelState
from widgets.indicators.choice import event_offers, indicator_types, param_offers, spec_of, spec_text, triggers_of
from widgets.indicators.model import MOST_POINTS, Watch, next_close_text
from widgets.indicators.panel import IndicatorsWidget
from widgets.indicators.picker import IndicatorPicker

if TYPE_CHECKING:
    from upbit_ws_qt.exchange import EmbeddedExchange
    from upbit_ws_qt.qt import WebSocketService

D = Decimal
RSI = IndicatorSpec.of("rsi", {"period": 14})
FIVE_MINUTES = 300
CALM = replace(SETTINGS, markets=3, rate=10)  # hours of it are played


def value(minute: int, rsi: str) -> IndicatorEvent:
    return IndicatorEvent(
        type="indicator", code="KRW-BTC", timestamp=0, timeframe="5m", indicator="rsi",
        params=IndicatorParams(period=14), value=IndicatorValue(rsi=D(rsi)),
        candle_date_time_utc=f"2026-11-20T00:{minute:02}:00",
    )  # fmt: skip


def watched(widget: IndicatorsWidget) -> list[str]:
    return [str(widget.watch_model.index(row, 0).data()) for row in range(widget.watch_model.rowCount())]


def newest(widget: IndicatorsWidget, row: int = 0) -> str:
    return str(widget.watch_model.index(row, 2).data())


async def serving(exchange: EmbeddedExchange, count: int) -> None:
    await until(lambda: len(exchange.subscribed("info")) == count)


@given(
    st.sampled_from(sorted(INDICATOR_RULES)),
    st.booleans(),
    st.dictionaries(
        st.sampled_from(["period", "type", "short_period", "long_period", "multiplier", "fast", "slow", "threshold"]),
        st.sampled_from([5, 20, 14, 7, 50, 200, "EMA", D("2.0"), D("5.0"), 30, 26, 35, 999, None]),
    ),
    st.integers(0, 3),
)
def test_whatever_is_wished_only_valid_things_are_offered(
    indicator: str, signal: bool, wished: dict[str, Any], which: int
) -> None:
    params = param_offers(indicator, wished, signal=signal)
    trigger = triggers_of(indicator)[which % len(triggers_of(indicator))] if signal else None
    limits = event_offers(indicator, trigger, wished) if trigger is not None else []
    spec = spec_of(indicator, params, trigger, limits)
    assert check_indicator(spec, signal=signal) is None
    for offer in (*params, *limits):
        assert offer.chosen in offer.values
        if wished.get(offer.name) in offer.values:
            assert offer.chosen == wished[offer.name]


@pytest.mark.parametrize("signal", [False, True])
@pytest.mark.parametrize("indicator", indicator_types())
def test_everything_that_is_valid_can_be_chosen(indicator: str, *, signal: bool) -> None:
    rule = INDICATOR_RULES[indicator]
    for choice in rule.signal_params if signal else rule.params:
        for values in itertools.product(*choice.values()):
            wished = dict(zip(choice, values, strict=True))
            assert {offer.name: offer.chosen for offer in param_offers(indicator, wished, signal=signal)} == wished


def test_wishes_in_few_words() -> None:
    assert spec_text(RSI) == "RSI 14"
    assert spec_text(IndicatorSpec.of("macd", {"fast": 12, "slow": 26, "signal_period": 9})) == "MACD 12/26/9"
    bands = IndicatorSpec.of("bollinger_bands", {"period": 20, "multiplier": D("2.0")}, trigger="price_cross_above")
    assert spec_text(bands) == "Bollinger bands 20/2.0 · price crosses above"
    assert spec_text(IndicatorSpec.of("new", {"a": 1}, trigger="odd")) == "new 1 · odd"


def test_points_are_kept_in_order_and_corrected() -> None:
    watch = Watch(RSI, "5m")
    for minute, rsi in ((0, "50"), (5, "51"), (5, "52"), (0, "1")):
        watch.take(value(minute, rsi))
    assert [each["rsi"] for _, each in watch.points] == [D(50), D(52)]
    assert watch.points.maxlen == MOST_POINTS
    watch.forget()
    assert not watch.points


def test_when_the_next_value_comes() -> None:
    assert next_close_text("5m", 0.0) == "09:05:00"
    assert next_close_text("240m", 4 * 3600 - 1) == "13:00:00"
    assert next_close_text("1d", 1.0) == "09:00:00"


@served()
async def test_by_keyboard_every_state_of_the_picker_is_valid(service: WebSocketService) -> None:
    del service
    async with shown(IndicatorPicker(), 600, 80) as picker:
        boxes = [picker.kind, picker.type, picker.timeframe, picker.trigger]
        for _round in range(2):
            for _step in range(len(indicator_types())):
                assert check_indicator(picker.spec, signal=picker.for_signal) is None
                for box in [each for each in picker.findChildren(QComboBox) if each.isVisible() and each not in boxes]:
                    press(box, Qt.Key.Key_Down)
                    assert check_indicator(picker.spec, signal=picker.for_signal) is None
                press(picker.trigger, Qt.Key.Key_Down)
                press(picker.type, Qt.Key.Key_Down)
            press(picker.kind, Qt.Key.Key_Down)
            press(picker.type, Qt.Key.Key_Home)
        assert picker.for_signal


@served(credentials=None)
async def test_without_a_key_it_says_what_the_key_is_for(service: WebSocketService) -> None:
    async with shown(IndicatorsWidget(service, "KRW-BTC")) as widget:
        assert widget.state is PanelState.NO_KEY
        assert widget.watches == ()


@served(CALM)
async def test_values_are_plotted_as_candles_close(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    exchange.stop_time()  # candles close when the test says so
    async with shown(IndicatorsWidget(service, "krw-btc")) as widget:
        assert widget.state is PanelState.LIVE
        await serving(exchange, 1)
        assert newest(widget).startswith("first value at ")
        assert widget.plot.curves == []
        for count in (1, 2, 3):
            await exchange.advance(FIVE_MINUTES)
            await until(lambda wanted=count: widget.plot.curves and len(widget.plot.curves[0][0]) == wanted)  # type: ignore[misc]
        times, values = widget.plot.curves[0]
        assert [after - before for before, after in itertools.pairwise(times)] == [FIVE_MINUTES] * 2
        assert all(0 <= each <= 100 for each in values)
        assert newest(widget)[0].isdigit()


@served(CALM)
async def test_an_indicator_is_picked_added_and_removed(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    exchange.stop_time()  # candles close when the test says so
    async with shown(IndicatorsWidget(service, "KRW-BTC"), 520, 640) as widget:
        await serving(exchange, 1)
        press(widget.picker.type, Qt.Key.Key_End)
        press(widget.picker.timeframe, Qt.Key.Key_Down)
        click(widget.picker.add)
        assert watched(widget) == ["RSI 14", "MACD 12/26/9"]
        assert widget.used.text() == f"2/{MAX_COMBINATIONS}"
        await serving(exchange, 2)
        click(widget.picker.add)
        assert len(widget.watches) == 2
        assert widget.note.text() == "This is watched already."
        await exchange.advance(3 * FIVE_MINUTES)
        await until(lambda: newest(widget, 1).startswith("MACD "))
        await until(lambda: len(widget.plot.curves) == 3)
        widget.watch_table.setFocus()
        widget.watch_table.selectRow(0)
        press(widget.watch_table, Qt.Key.Key_Delete)
        assert watched(widget) == ["MACD 12/26/9"]
        await serving(exchange, 1)
        click(widget.remove)
        await serving(exchange, 0)
        assert not widget.remove.isEnabled()


@served(replace(CALM, start_ms=1_795_950_000_000))  # a market that crosses its average soon, at whatever hour
async def test_signals_are_listed_and_told(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    exchange.stop_time()  # candles close when the test says so
    told: list[IndicatorSignalEvent] = []
    chosen: list[str] = []
    average = {"type": "EMA", "period": 5}
    watches = [
        (IndicatorSpec.of("moving_average", average, trigger=trigger), "5m")
        for trigger in ("price_cross_above", "price_cross_below")
    ]
    async with shown(IndicatorsWidget(service, "KRW-BTC", watches=watches)) as widget:
        widget.signalFired.connect(told.append)
        widget.symbolActivated.connect(chosen.append)
        await serving(exchange, 2)
        for _ in range(40):
            await exchange.advance(FIVE_MINUTES)
            if len(told) >= 2:
                break
        await until(lambda: len(told) >= 2)
        assert widget.signal_model.rowCount() == len(told)
        assert [row.event for row in widget.signal_model.rows] == list(reversed(told))
        assert str(widget.signal_model.index(0, 2).data()) == "Moving average EMA/5 · 5m"
        assert sum(row.fired for row in widget.watch_model.rows) == len(told)
        widget.signal_table.selectRow(0)
        press(widget.signal_table, Qt.Key.Key_Return)
        assert chosen == ["KRW-BTC"]


@served(CALM)
async def test_the_same_is_watched_of_another_market(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    exchange.stop_time()  # candles close when the test says so
    async with shown(IndicatorsWidget(service, "KRW-BTC")) as widget:
        await serving(exchange, 1)
        await exchange.advance(FIVE_MINUTES)
        await until(lambda: widget.plot.curves)
        widget.set_symbol("KRW-ETH")
        assert widget.plot.curves == []
        await until(lambda: {entry[1] for entry in exchange.subscribed("info")} == {"KRW-ETH"})
        widget.set_symbol("BTC-ETH")
        assert widget.state is PanelState.EMPTY
        assert widget.silence_text("") == "Only KRW markets have indicators."
        await serving(exchange, 0)
        widget.set_symbol("KRW-BTC")
        await until(lambda: widget.state is PanelState.LIVE)
        await serving(exchange, 1)


@served(CALM)
async def test_a_cut_line_is_told_and_comes_back(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    async with shown(IndicatorsWidget(service, "KRW-BTC")) as widget:
        await serving(exchange, 1)
        await exchange.advance(FIVE_MINUTES)
        await until(lambda: widget.plot.curves)
        refused = exchange.faults.inject(FaultName.REFUSE, "info")
        exchange.faults.inject(FaultName.DROP, "info")
        await until(lambda: widget.state is PanelState.STALE)
        assert widget.plot.curves
        refused.clear()
        await until(lambda: widget.state is PanelState.LIVE)


@served()
async def test_a_hundred_and_no_more(service: WebSocketService) -> None:
    rule = INDICATOR_RULES["moving_average"].params[0]
    specs = [
        IndicatorSpec.of("moving_average", {"type": kind, "period": period})
        for kind, period in itertools.product(rule["type"], rule["period"])
    ]
    many = [(spec, timeframe) for timeframe in TIMEFRAMES for spec in specs][:MAX_COMBINATIONS]
    async with shown(IndicatorsWidget(service, "KRW-BTC", watches=many)) as widget:
        assert len(widget.watches) == MAX_COMBINATIONS
        assert not widget.picker.add.isEnabled()
        assert not widget.add_watch(RSI, "5m")
        assert "100" in widget.note.text()
        widget.remove_watch(0)
        assert widget.add_watch(RSI, "5m")
