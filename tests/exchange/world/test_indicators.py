"""Indicators against a straightforward computation from the candles the exchange itself hands out."""

from __future__ import annotations

import math
import statistics
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from tests.exchange.world.reading import DAY_MS, START_MS, read, run, shown, world

Params = dict[str, Any]
FRAMES = {"5m": 5, "15m": 15, "60m": 60, "240m": 240}
CASES: list[tuple[str, Params]] = [
    ("volume", {"period": 5}),
    ("volume", {"period": 50}),
    ("rsi", {"period": 2}),
    ("rsi", {"period": 14}),
    ("rsi", {"period": 25}),
    ("moving_average", {"type": "SMA", "period": 3}),
    ("moving_average", {"type": "SMA", "period": 200}),
    ("moving_average", {"type": "EMA", "period": 20}),
    ("moving_average", {"type": "EMA", "period": 200}),
    ("ma_crossover", {"type": "SMA", "short_period": 5, "long_period": 20}),
    ("ma_crossover", {"type": "EMA", "short_period": 50, "long_period": 200}),
    ("bollinger_bands", {"period": 20, "multiplier": Decimal("2.0")}),
    ("bollinger_bands", {"period": 50, "multiplier": Decimal("1.5")}),
    ("macd", {"fast": 12, "slow": 26, "signal_period": 9}),
    ("macd", {"fast": 5, "slow": 35, "signal_period": 5}),
]


def _ema(series: list[float], period: int) -> list[float]:
    found = [statistics.fmean(series[:period])]
    for value in series[period:]:
        found.append(found[-1] * (1 - 2 / (period + 1)) + value * 2 / (period + 1))
    return found


def _average(series: list[float], kind: str, period: int) -> float:
    return statistics.fmean(series[-period:]) if kind == "SMA" else _ema(series, period)[-1]


def _rsi(closes: list[float], period: int) -> float:
    ups = [max(b - a, 0.0) for a, b in pairwise(closes)]
    downs = [max(a - b, 0.0) for a, b in pairwise(closes)]
    up, down = statistics.fmean(ups[:period]), statistics.fmean(downs[:period])
    for more, less in zip(ups[period:], downs[period:], strict=True):
        up, down = up + (more - up) / period, down + (less - down) / period
    return 100 * up / (up + down)


def expected(kind: str, params: Params, closes: list[float], volumes: list[float]) -> dict[str, float]:
    """Compute an indicator the plain way, in floats."""
    if kind == "volume":
        average = statistics.fmean(volumes[-params["period"] - 1 : -1])
        return {"volume": volumes[-1], "avg_volume": average, "ratio": volumes[-1] / average}
    if kind == "rsi":
        return {"rsi": _rsi(closes, params["period"])}
    if kind == "moving_average":
        return {"value": _average(closes, params["type"], params["period"])}
    if kind == "ma_crossover":
        short, long = (_average(closes, params["type"], params[name]) for name in ("short_period", "long_period"))
        return {"ma_short": short, "ma_long": long}
    if kind == "bollinger_bands":
        window = closes[-params["period"] :]
        middle, width = statistics.fmean(window), float(params["multiplier"]) * statistics.pstdev(window)
        return {"bb_upper": middle + width, "bb_middle": middle, "bb_lower": middle - width}
    quick, slow = _ema(closes, params["fast"]), _ema(closes, params["slow"])
    line = [a - b for a, b in zip(quick[-len(slow) :], slow, strict=True)]
    signal = _ema(line, params["signal_period"])[-1]
    return {"macd": line[-1], "macd_signal": signal, "histogram": line[-1] - signal}


def _closed(of: Any, code: str, minutes: int, count: int) -> list[dict[str, Any]]:
    """Return the last `count` candles that are over, oldest first, as REST hands them out."""
    end = of.now_ms // (minutes * 60_000) * minutes * 60_000
    found: list[dict[str, Any]] = []
    to_ms = end
    while len(found) < count:
        page = of.candles(code, minutes, to_ms, min(200, count - len(found)))
        found += page
        to_ms = int(datetime.fromisoformat(page[-1]["candle_date_time_utc"] + "+00:00").timestamp() * 1000)
    return found[::-1]


@pytest.mark.parametrize(
    ("timeframe", "code"), [("5m", "KRW-BTC"), ("15m", "KRW-XRP"), ("60m", "KRW-ETH"), ("240m", "KRW-BTC")]
)
@pytest.mark.statement("P10.2")
def test_values_are_those_of_the_textbook(timeframe: str, code: str) -> None:
    minutes = FRAMES[timeframe]
    of = world(seed=8, rate=40, start_ms=START_MS // (240 * 60_000) * 240 * 60_000 - 400_000)
    keys = {of.indicators.watch(code, timeframe, kind, params): (kind, params) for kind, params in CASES}
    seen = set()
    for change in run(of, 1000, step_ms=100_000):
        if change.kind != "indicator" or change.ms // 1000 * 1000 % (minutes * 60_000):  # type: ignore[attr-defined]
            continue
        kind, params = keys[change.key]  # type: ignore[index]
        candles = _closed(of, code, minutes, 400)
        message = read(change)
        if message["candle_date_time_utc"] != candles[-1]["candle_date_time_utc"]:
            continue  # another candle has closed within this step
        seen.add(change.key)
        assert message["timestamp"] % (minutes * 60_000) == 0
        closes = [float(candle["trade_price"]) for candle in candles]
        volumes = [float(candle["candle_acc_trade_volume"]) for candle in candles]
        wanted = expected(kind, params, closes, volumes)
        assert message["value"].keys() == wanted.keys()
        scale = closes[-1] if kind == "macd" else 0.0
        for name, value in wanted.items():
            assert math.isclose(float(message["value"][name]), value, rel_tol=1e-9, abs_tol=1e-11 * scale + 1e-7), name
        assert message["indicator"] == kind
        assert message["params"] == params
    assert seen == set(keys)


SIGNALS: list[tuple[str, Params, str, Params]] = [
    ("volume", {"period": 10}, "volume_spike", {"multiplier": Decimal("2.0")}),
    ("rsi", {"period": 7}, "overbought", {"threshold": 70}),
    ("rsi", {"period": 7}, "oversold", {"threshold": 30}),
    ("moving_average", {"type": "SMA", "period": 5}, "price_cross_above", {}),
    ("moving_average", {"type": "EMA", "period": 5}, "price_cross_below", {}),
    ("ma_crossover", {"type": "EMA", "short_period": 5, "long_period": 20}, "golden_cross", {}),
    ("ma_crossover", {"type": "SMA", "short_period": 5, "long_period": 20}, "dead_cross", {}),
    ("bollinger_bands", {"period": 20, "multiplier": Decimal("1.5")}, "price_cross_above", {}),
    ("bollinger_bands", {"period": 20, "multiplier": Decimal("1.5")}, "price_cross_below", {}),
    ("macd", {"fast": 8, "slow": 17, "signal_period": 9}, "golden_cross", {}),
    ("macd", {"fast": 8, "slow": 17, "signal_period": 9}, "dead_cross", {}),
    ("macd", {"fast": 5, "slow": 35, "signal_period": 5}, "zero_cross_above", {}),
    ("macd", {"fast": 5, "slow": 35, "signal_period": 5}, "zero_cross_below", {}),
]


def _true(trigger: str, value: dict[str, Decimal], close: Decimal, event: Params) -> bool:
    quick, slow = value.get("ma_short", value.get("macd", close)), value.get("ma_long", value.get("macd_signal", close))
    macd, rsi = value.get("macd", Decimal(0)), value.get("rsi", Decimal(50))
    truths: dict[str, bool] = {
        "volume_spike": value.get("ratio", Decimal(0)) >= event.get("multiplier", 0),
        "overbought": rsi >= event.get("threshold", 0),
        "oversold": rsi <= event.get("threshold", 0),
        "price_cross_above": close > value.get("bb_upper", value.get("value", close)),
        "price_cross_below": close < value.get("bb_lower", value.get("value", close)),
        "golden_cross": quick > slow,
        "dead_cross": quick < slow,
        "zero_cross_above": macd > 0,
        "zero_cross_below": macd < 0,
    }
    return truths[trigger]


@pytest.mark.statement("P10.8")
def test_signals_fire_exactly_when_the_condition_becomes_true() -> None:
    of = world(seed=12, markets=1, rate=4)
    signals: dict[object, tuple[str, Params, str, Params]] = {}
    for kind, params, trigger, event in SIGNALS:
        of.indicators.watch("KRW-BTC", "5m", kind, params)
        key = of.indicators.watch("KRW-BTC", "5m", kind, params, trigger, event)
        signals[key] = (kind, params, trigger, event)
    values: dict[tuple[str, str], dict[str, dict[str, Decimal]]] = {}
    fired: dict[Any, list[str]] = {key: [] for key in signals}
    for change in run(of, 16 * 3600, step_ms=300_000):
        message = read(change) if change.kind.startswith("i") else {}
        if change.kind == "indicator":
            name = (message["indicator"], str(sorted(message["params"].items())))
            values.setdefault(name, {})[message["candle_date_time_utc"]] = message["value"]
        elif change.kind == "indicator_signal":
            assert message["trigger"] == signals[change.key][2]
            assert message["event_params"] == signals[change.key][3]
            fired[change.key].append(message["candle_date_time_utc"])
    closes = {candle["candle_date_time_utc"]: candle["trade_price"] for candle in of.candles("KRW-BTC", 5, None, 200)}
    for signal, (kind, params, trigger, event) in signals.items():
        series = values[kind, str(sorted(params.items()))]
        candles = list(series)
        assert len(candles) > 150
        truths = [_true(trigger, series[start], closes[start], event) for start in candles]
        wanted = [
            start for start, before, now in zip(candles[1:], truths, truths[1:], strict=False) if now and not before
        ]
        assert fired[signal] == wanted, (kind, trigger, "none with the first candle after a restart")
    assert sum(len(starts) for starts in fired.values()) > 40


@pytest.mark.statement("P10.1", "P10.8")
def test_daily_indicators_come_at_midnight_utc() -> None:
    midnight = (START_MS // DAY_MS + 1) * DAY_MS
    of = world(markets=2, rate=100, start_ms=midnight - 90_000)
    of.indicators.watch("KRW-BTC", "1d", "moving_average", {"type": "SMA", "period": 3})
    (message,) = [read(change) for change in run(of, 180) if change.kind == "indicator"]
    assert message["timestamp"] == midnight
    assert message["candle_date_time_utc"].endswith("T00:00:00")
    close = shown(of, "ticker", "KRW-BTC")["prev_closing_price"]
    days = of.candles("KRW-BTC", 240, midnight, 18)
    assert days[0]["trade_price"] == close
    wanted = sum(days[place]["trade_price"] for place in (0, 6, 12)) / 3
    assert abs(message["value"]["value"] - wanted) < Decimal("1e-7")


def test_equal_wishes_share_a_key_and_are_counted() -> None:
    board = world().indicators
    first = board.watch("KRW-BTC", "5m", "bollinger_bands", {"period": 20, "multiplier": 2})
    second = board.watch("KRW-BTC", "5m", "bollinger_bands", {"multiplier": Decimal("2.00"), "period": Decimal(20)})
    assert first == second
    assert len(board) == 1
    board.unwatch(first)
    assert len(board) == 1
    board.unwatch(second)
    assert len(board) == 0
    with pytest.raises(KeyError):
        board.unwatch(first)


def test_nothing_is_sent_that_nobody_watches() -> None:
    of = world(rate=50)
    key = of.indicators.watch("KRW-BTC", "5m", "rsi", {"period": 14})
    of.indicators.unwatch(key)
    assert not any(change.kind.startswith("indicator") for change in run(of, 700))


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("KRW-BTC", "7m", "rsi", {"period": 14}), ValueError),
        (("KRW-BTC", "5m", "stochastic", {"period": 14}), ValueError),
        (("KRW-BTC", "5m", "rsi", {}), ValueError),
        (("KRW-BTC", "5m", "rsi", {"period": 14}, "golden_cross"), ValueError),
        (("KRW-BTC", "5m", "rsi", {"period": 14}, "overbought", {}), ValueError),
        (("KRW-NOPE", "5m", "rsi", {"period": 14}), KeyError),
    ],
)
def test_nonsense_is_refused_and_leaves_nothing(arguments: tuple[Any, ...], error: type[Exception]) -> None:
    board = world().indicators
    with pytest.raises(error):
        board.watch(*arguments)
    assert len(board) == 0


def test_a_watch_that_comes_later_sees_the_same() -> None:
    early, late = world(seed=3, rate=5), world(seed=3, rate=5)
    params = {"fast": 12, "slow": 26, "signal_period": 9}
    frames = {}
    for of, wait in ((early, 0), (late, 3700)):
        if not wait:
            of.indicators.watch("KRW-BTC", "60m", "macd", params)
        list(run(of, 3700, step_ms=100_000))
        if wait:
            of.indicators.watch("KRW-BTC", "60m", "macd", params)
        found = [
            change.render("DEFAULT", "REALTIME")
            for change in run(of, 3600, step_ms=100_000)
            if change.kind == "indicator"
        ]
        frames[wait] = found
    assert frames[0] == frames[3700]
    assert len(frames[0]) == 1
