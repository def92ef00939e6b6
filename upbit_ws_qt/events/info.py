"""Events of the INFO line: indicator values and signals."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal  # noqa: TC003 - msgspec reads the annotations
from typing import ClassVar

import msgspec

from upbit_ws_qt.events.base import BaseWebSocketEvent
from upbit_ws_qt.types import WebSocketType

__all__ = ["IndicatorEvent", "IndicatorParams", "IndicatorSignalEvent", "IndicatorValue", "SignalEventParams"]


class IndicatorParams(msgspec.Struct, frozen=True, gc=False):
    """With which parameters an indicator was computed; None where the indicator has no such parameter."""

    period: int | None = None
    type: str | None = None
    short_period: int | None = None
    long_period: int | None = None
    multiplier: Decimal | None = None
    fast: int | None = None
    slow: int | None = None
    signal_period: int | None = None


class IndicatorValue(msgspec.Struct, frozen=True, gc=False):
    """What an indicator says; None where the indicator has no such value."""

    volume: Decimal | None = None
    avg_volume: Decimal | None = None
    ratio: Decimal | None = None
    rsi: Decimal | None = None
    value: Decimal | None = None
    ma_short: Decimal | None = None
    ma_long: Decimal | None = None
    bb_upper: Decimal | None = None
    bb_middle: Decimal | None = None
    bb_lower: Decimal | None = None
    macd: Decimal | None = None
    macd_signal: Decimal | None = None
    histogram: Decimal | None = None


class SignalEventParams(msgspec.Struct, frozen=True, gc=False):
    """With which limit a trigger fired; None where the trigger has no such limit."""

    threshold: int | None = None
    multiplier: Decimal | None = None


class IndicatorEvent(BaseWebSocketEvent, frozen=True, gc=False):
    """An indicator at the close of a candle.

    Attributes:
        timeframe: "5m", "15m", "60m", "240m" or "1d".
        indicator: see IndicatorType; a new one passes through, with those of its values that have a known name.
        candle_date_time_utc: start of the candle; the decoder vouches that it can be parsed.
    """

    websocket_type: ClassVar[WebSocketType] = WebSocketType.INFO

    timeframe: str
    indicator: str
    params: IndicatorParams
    value: IndicatorValue
    candle_date_time_utc: str

    @property
    def start(self) -> datetime:
        """Start of the candle, aware, in UTC."""
        return datetime.fromisoformat(self.candle_date_time_utc).replace(tzinfo=UTC)


class IndicatorSignalEvent(BaseWebSocketEvent, frozen=True, gc=False):
    """A condition on an indicator has just become true.

    Attributes:
        timeframe: "5m", "15m", "60m", "240m" or "1d".
        indicator: see IndicatorType.
        trigger: see Trigger.
        candle_date_time_utc: start of the candle; the decoder vouches that it can be parsed.
        event_params: the trigger's limit, empty where it takes none.
    """

    websocket_type: ClassVar[WebSocketType] = WebSocketType.INFO

    timeframe: str
    indicator: str
    params: IndicatorParams
    trigger: str
    value: IndicatorValue
    candle_date_time_utc: str
    event_params: SignalEventParams = SignalEventParams()

    @property
    def start(self) -> datetime:
        """Start of the candle, aware, in UTC."""
        return datetime.fromisoformat(self.candle_date_time_utc).replace(tzinfo=UTC)
