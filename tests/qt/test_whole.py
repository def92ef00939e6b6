"""A channel says whether something is missing: until it was recovered, for those who are handed it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.qt.serving import served
from tests.waiting import until

if TYPE_CHECKING:
    from upbit_ws_qt.events import BaseWebSocketEvent
    from upbit_ws_qt.exchange import EmbeddedExchange
    from upbit_ws_qt.qt import WebSocketService


@served(backfill=frozenset({"trade"}))
async def test_a_channel_is_whole_again_once_its_gap_is_healed(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    got: list[BaseWebSocketEvent] = []
    told: list[tuple[str, bool]] = []
    trades, ticker = service.trade("KRW-BTC"), service.ticker("KRW-BTC")
    newest = service.trade("KRW-ETH")
    trades.received.connect(got.append)
    ticker.received.connect(got.append)
    newest.frame.connect(got.append)
    for name, channel in (("trades", trades), ("ticker", ticker), ("newest", newest)):
        channel.wholeChanged.connect(lambda whole, name=name: told.append((name, whole)))
    await until(lambda: {event.type for event in got} == {"trade", "ticker"})
    assert trades.is_whole
    assert not trades.is_stale
    exchange.faults.inject("drop", endpoint="public", times=1)
    await until(lambda: ("trades", True) in told)
    assert trades.is_whole
    assert ticker.is_whole, "of a ticker the newest tells all"
    assert [whole for name, whole in told if name == "trades"] == [False, True]
    assert ("newest", True) not in told, "display frames are not given what was missed"
    assert [name for name, _ in told if name == "ticker"] == []


@served(backfill=frozenset({"candle"}))
async def test_candles_that_had_not_begun_to_come_miss_nothing(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    came: list[BaseWebSocketEvent] = []
    told: list[bool] = []
    resumed: list[int] = []
    service.ticker("KRW-BTC").received.connect(came.append)
    exchange.faults.inject("mute", codes=["KRW-ETH"])
    candles = service.candle("KRW-ETH", "1m")
    candles.received.connect(came.append)
    candles.wholeChanged.connect(told.append)
    service.feedResumed.connect(lambda _, epoch: resumed.append(epoch))
    await until(lambda: bool(came))
    exchange.faults.inject("drop", endpoint="public", times=1)
    await until(lambda: bool(resumed))
    exchange.faults.clear()
    await until(lambda: any(event.type == "candle.1m" for event in came))
    assert candles.is_whole
    assert told == []
