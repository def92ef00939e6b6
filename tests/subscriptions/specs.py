"""Short ways to say what is wanted."""

from __future__ import annotations

from typing import Any

from upbit_ws_qt.specs import IndicatorSpec, SubscriptionSpec
from upbit_ws_qt.streams import StreamKey
from upbit_ws_qt.types import DataType


def ticker(*codes: str, **options: Any) -> SubscriptionSpec:
    return SubscriptionSpec(DataType.TICKER, codes, **options)


def trade(*codes: str, **options: Any) -> SubscriptionSpec:
    return SubscriptionSpec(DataType.TRADE, codes, **options)


def book(*codes: str, **options: Any) -> SubscriptionSpec:
    return SubscriptionSpec(DataType.ORDERBOOK, codes, **options)


def orders(*codes: str) -> SubscriptionSpec:
    return SubscriptionSpec(DataType.MY_ORDER, codes)


ASSETS = SubscriptionSpec(DataType.MY_ASSET)


def news(*categories: str, **options: Any) -> SubscriptionSpec:
    return SubscriptionSpec(DataType.ANNOUNCEMENT, categories=categories, **options)


def rsi(*codes: str, periods: tuple[int, ...] = (14,), timeframe: str = "5m") -> SubscriptionSpec:
    entries = [IndicatorSpec.of("rsi", {"period": period}) for period in periods]
    return SubscriptionSpec(DataType.INDICATOR, codes, timeframe=timeframe, indicators=entries)


def key(data_type: DataType, symbol: str = "", variant: str = "") -> StreamKey:
    return StreamKey(data_type, symbol, variant)


def tickers(*codes: str) -> frozenset[StreamKey]:
    return frozenset(StreamKey(DataType.TICKER, code) for code in codes)


def codes(count: int) -> list[str]:
    return [f"KRW-C{number}" for number in range(count)]
