"""What a widget asks for data with; everything it wanted ends with the widget."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Literal, Self, Unpack, cast, overload

from PyQt6 import sip
from PyQt6.QtCore import QObject, pyqtBoundSignal

from upbit_ws_qt.errors import SubscriptionError
from upbit_ws_qt.event_source import EventSource
from upbit_ws_qt.qt.channel_source import ChannelSource
from upbit_ws_qt.qt.ownership import Lifetime, StreamEnd
from upbit_ws_qt.qt.service import WebSocketService
from upbit_ws_qt.qt.subscription import Subscription
from upbit_ws_qt.specs import IndicatorSpec, SubscriptionSpec
from upbit_ws_qt.types import (
    ConnectionState,
    DataType,
    Delivery,
    GlobalManagerState,
    Priority,
    WebSocketType,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from decimal import Decimal
    from types import TracebackType

    from upbit_ws_qt.events import (
        AnnouncementEvent,
        CandleEvent,
        IndicatorEvent,
        IndicatorSignalEvent,
        MyAssetEvent,
        MyOrderEvent,
        OrderbookEvent,
        TickerEvent,
        TradeEvent,
    )
    from upbit_ws_qt.manager import EventStream, GlobalWebSocketManager
    from upbit_ws_qt.qt.channel import Channel
    from upbit_ws_qt.specs import HowAsked, HowContinued, HowDelivered, HowQueued, HowRecovered, HowWanted
    from upbit_ws_qt.types import BookDepth, CandleUnit, TimeFrame

__all__ = ["WebSocketClientProxy"]


class WebSocketClientProxy(ChannelSource, EventSource):
    """One component's access to the service.

    It ends, and with it all its subscriptions, its channels and every connection that was made through these, when
    `owner` is destroyed (in whatever way), by `cleanup()` or at the end of `async with`. Without an owner a proxy that
    is merely dropped goes on: its callbacks are wanted.

    A callback is a function, bound method, coroutine function, partial, or a pyqtSignal (or its emit). The owner's own
    methods are held weakly. A lambda that mentions the owner keeps it alive where only Python references do; the
    subscription ends all the same when Qt destroys it.

    Example:
        >>> proxy = WebSocketClientProxy("prices", owner=window)
        >>> prices = proxy.subscribe_ticker("KRW-BTC", lambda event: label.setText(f"{event.trade_price:,}"))
        >>> (await prices).state
        <SubscriptionState.ACTIVE: 'active'>
        >>> books = await proxy.get_orderbook_snapshot(["KRW-BTC", "KRW-ETH"], depth=5)
        >>> await proxy.cleanup()

    Args:
        component_id: the name in statistics and errors; widgets of one class may share it, but then they also share
            one quarantine.
        owner: the widget (or other QObject) that all this is for.
        service: WebSocketService.instance() by default.
        priority: of all wishes that name no other.
    """

    def __init__(
        self,
        component_id: str,
        owner: QObject | None = None,
        *,
        service: WebSocketService | None = None,
        priority: Priority = Priority.NORMAL,
    ) -> None:
        if not component_id or not isinstance(component_id, str):
            raise TypeError(f"component_id must be a non-empty text, not {component_id!r:.80}")
        _require_living(owner)
        self.component_id = component_id
        self.priority = priority
        self._service = service or WebSocketService.instance()
        self._service.require_thread("WebSocketClientProxy")
        self._lifetime = Lifetime(owner, self._service)
        # Not emptied at the end: PyQt crashes where somebody still uses a signal of a channel that is gone.
        self._channels: dict[SubscriptionSpec, Channel] = {}

    def __repr__(self) -> str:
        state = "ended" if self.ended else f"{len(self._lifetime)} wishes"
        return f"<WebSocketClientProxy {self.component_id!r} {state}>"

    @property
    def service(self) -> WebSocketService:
        """The service it asks."""
        return self._service

    @property
    def ended(self) -> bool:
        """Whether it has ended; an ended proxy stays ended."""
        return self._lifetime.ended

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        """What it has subscribed to and not closed, oldest first."""
        return tuple(member for member in self._lifetime if isinstance(member, Subscription))

    @property
    def is_public_available(self) -> bool:
        """Whether public data can be had now: its line is up, or nothing has wanted it yet."""
        return self._is_available(WebSocketType.PUBLIC)

    @property
    def is_private_available(self) -> bool:
        """The same for private data, for which there must be credentials."""
        return self._service.config.credentials is not None and self._is_available(WebSocketType.PRIVATE)

    @property
    def is_quarantined(self) -> bool:
        """Whether its callbacks failed or blocked too often: nothing is wanted or handed out until `resume()`."""
        return self.component_id in self._service.quarantined()

    def resume(self) -> bool:
        """Have it served again after a quarantine; False where it is in none."""
        self._service.require_thread("resume")
        return self._service.resume(self.component_id)

    # -- subscribing --------------------------------------------------------------------------------------------------
    @overload
    def subscribe_ticker(
        self,
        symbols: str | Iterable[str],
        callback: Callable[[tuple[TickerEvent, ...]], object] | pyqtBoundSignal | None = None,
        *,
        delivery: Literal[Delivery.BATCH],
        rate: float | None = None,
        **how: Unpack[HowAsked],
    ) -> Subscription: ...
    @overload
    def subscribe_ticker(
        self,
        symbols: str | Iterable[str],
        callback: Callable[[TickerEvent], object] | pyqtBoundSignal | None = None,
        **how: Unpack[HowWanted],
    ) -> Subscription: ...
    def subscribe_ticker(
        self,
        symbols: str | Iterable[str],
        callback: Callable[[Any], object] | pyqtBoundSignal | None = None,
        **how: Unpack[HowWanted],
    ) -> Subscription:
        """Have a callback called with the tickers of some markets.

        A malformed code raises SubscriptionError at once. A plain call may be made before the line is up; `await` the
        result to wait until the exchange serves all of it. Without a callback the events come by
        `subscription.received`. The other subscribe_ methods behave the same.
        """
        return self._subscribe(callback, DataType.TICKER, symbols, **how)

    @overload
    def subscribe_trade(
        self,
        symbols: str | Iterable[str],
        callback: Callable[[tuple[TradeEvent, ...]], object] | pyqtBoundSignal | None = None,
        *,
        delivery: Literal[Delivery.BATCH],
        rate: float | None = None,
        **how: Unpack[HowContinued],
    ) -> Subscription: ...
    @overload
    def subscribe_trade(
        self,
        symbols: str | Iterable[str],
        callback: Callable[[TradeEvent], object] | pyqtBoundSignal | None = None,
        **how: Unpack[HowRecovered],
    ) -> Subscription: ...
    def subscribe_trade(
        self,
        symbols: str | Iterable[str],
        callback: Callable[[Any], object] | pyqtBoundSignal | None = None,
        **how: Unpack[HowRecovered],
    ) -> Subscription:
        """Have a callback called with the trades of some markets."""
        return self._subscribe(callback, DataType.TRADE, symbols, **how)

    @overload
    def subscribe_orderbook(
        self,
        symbols: str | Iterable[str],
        callback: Callable[[tuple[OrderbookEvent, ...]], object] | pyqtBoundSignal | None = None,
        *,
        level: Decimal | int | str = 0,
        depth: BookDepth = 30,
        delivery: Literal[Delivery.BATCH],
        rate: float | None = None,
        **how: Unpack[HowAsked],
    ) -> Subscription: ...
    @overload
    def subscribe_orderbook(
        self,
        symbols: str | Iterable[str],
        callback: Callable[[OrderbookEvent], object] | pyqtBoundSignal | None = None,
        *,
        level: Decimal | int | str = 0,
        depth: BookDepth = 30,
        **how: Unpack[HowWanted],
    ) -> Subscription: ...
    def subscribe_orderbook(
        self,
        symbols: str | Iterable[str],
        callback: Callable[[Any], object] | pyqtBoundSignal | None = None,
        *,
        level: Decimal | int | str = 0,
        depth: BookDepth = 30,
        **how: Unpack[HowWanted],
    ) -> Subscription:
        """Have a callback called with the order books of some markets.

        Args:
            symbols: the markets.
            callback: called with each book.
            level: price grouping in KRW, 0 for none.
            depth: units per side: 1, 5, 15 or 30.
            **how: see HowWanted.
        """
        return self._subscribe(callback, DataType.ORDERBOOK, symbols, level=level, depth=depth, **how)

    @overload
    def subscribe_candle(
        self,
        symbols: str | Iterable[str],
        callback: Callable[[tuple[CandleEvent, ...]], object] | pyqtBoundSignal | None = None,
        *,
        unit: CandleUnit,
        delivery: Literal[Delivery.BATCH],
        rate: float | None = None,
        **how: Unpack[HowContinued],
    ) -> Subscription: ...
    @overload
    def subscribe_candle(
        self,
        symbols: str | Iterable[str],
        callback: Callable[[CandleEvent], object] | pyqtBoundSignal | None = None,
        *,
        unit: CandleUnit,
        **how: Unpack[HowRecovered],
    ) -> Subscription: ...
    def subscribe_candle(
        self,
        symbols: str | Iterable[str],
        callback: Callable[[Any], object] | pyqtBoundSignal | None = None,
        *,
        unit: CandleUnit,
        **how: Unpack[HowRecovered],
    ) -> Subscription:
        """Have a callback called with the candles of some markets, of a unit such as "1m"."""
        return self._subscribe(callback, DataType.candle(unit), symbols, **how)

    @overload
    def subscribe_my_order(
        self,
        callback: Callable[[tuple[MyOrderEvent, ...]], object] | pyqtBoundSignal | None = None,
        symbols: str | Iterable[str] = (),
        *,
        delivery: Literal[Delivery.BATCH],
        rate: float | None = None,
        **how: Unpack[HowQueued],
    ) -> Subscription: ...
    @overload
    def subscribe_my_order(
        self,
        callback: Callable[[MyOrderEvent], object] | pyqtBoundSignal | None = None,
        symbols: str | Iterable[str] = (),
        **how: Unpack[HowDelivered],
    ) -> Subscription: ...
    def subscribe_my_order(
        self,
        callback: Callable[[Any], object] | pyqtBoundSignal | None = None,
        symbols: str | Iterable[str] = (),
        **how: Unpack[HowDelivered],
    ) -> Subscription:
        """Have a callback called with what becomes of own orders, in every market or in some."""
        return self._subscribe(callback, DataType.MY_ORDER, symbols, **how)

    @overload
    def subscribe_my_asset(
        self,
        callback: Callable[[tuple[MyAssetEvent, ...]], object] | pyqtBoundSignal | None = None,
        *,
        delivery: Literal[Delivery.BATCH],
        rate: float | None = None,
        **how: Unpack[HowQueued],
    ) -> Subscription: ...
    @overload
    def subscribe_my_asset(
        self,
        callback: Callable[[MyAssetEvent], object] | pyqtBoundSignal | None = None,
        **how: Unpack[HowDelivered],
    ) -> Subscription: ...
    def subscribe_my_asset(
        self,
        callback: Callable[[Any], object] | pyqtBoundSignal | None = None,
        **how: Unpack[HowDelivered],
    ) -> Subscription:
        """Have a callback called with changes of own assets."""
        return self._subscribe(callback, DataType.MY_ASSET, (), **how)

    @overload
    def subscribe_announcement(
        self,
        callback: Callable[[tuple[AnnouncementEvent, ...]], object] | pyqtBoundSignal | None = None,
        *,
        categories: str | Iterable[str] = (),
        include_body: bool = False,
        delivery: Literal[Delivery.BATCH],
        rate: float | None = None,
        **how: Unpack[HowQueued],
    ) -> Subscription: ...
    @overload
    def subscribe_announcement(
        self,
        callback: Callable[[AnnouncementEvent], object] | pyqtBoundSignal | None = None,
        *,
        categories: str | Iterable[str] = (),
        include_body: bool = False,
        **how: Unpack[HowDelivered],
    ) -> Subscription: ...
    def subscribe_announcement(
        self,
        callback: Callable[[Any], object] | pyqtBoundSignal | None = None,
        *,
        categories: str | Iterable[str] = (),
        include_body: bool = False,
        **how: Unpack[HowDelivered],
    ) -> Subscription:
        """Have a callback called with announcements of some categories, or of all, with their text or without."""
        return self._subscribe(
            callback, DataType.ANNOUNCEMENT, (), categories=categories, include_body=include_body, **how
        )

    @overload
    def subscribe_indicator(
        self,
        symbols: str | Iterable[str],
        callback: Callable[[tuple[IndicatorEvent, ...]], object] | pyqtBoundSignal | None = None,
        *,
        timeframe: TimeFrame,
        indicators: IndicatorSpec | Iterable[IndicatorSpec],
        delivery: Literal[Delivery.BATCH],
        rate: float | None = None,
        **how: Unpack[HowQueued],
    ) -> Subscription: ...
    @overload
    def subscribe_indicator(
        self,
        symbols: str | Iterable[str],
        callback: Callable[[IndicatorEvent], object] | pyqtBoundSignal | None = None,
        *,
        timeframe: TimeFrame,
        indicators: IndicatorSpec | Iterable[IndicatorSpec],
        **how: Unpack[HowDelivered],
    ) -> Subscription: ...
    def subscribe_indicator(
        self,
        symbols: str | Iterable[str],
        callback: Callable[[Any], object] | pyqtBoundSignal | None = None,
        *,
        timeframe: TimeFrame,
        indicators: IndicatorSpec | Iterable[IndicatorSpec],
        **how: Unpack[HowDelivered],
    ) -> Subscription:
        """Have a callback called with indicators of some KRW markets, at the close of each candle of `timeframe`."""
        return self._subscribe(
            callback, DataType.INDICATOR, symbols, timeframe=timeframe, indicators=_listed(indicators), **how
        )

    @overload
    def subscribe_indicator_signal(
        self,
        symbols: str | Iterable[str],
        callback: Callable[[tuple[IndicatorSignalEvent, ...]], object] | pyqtBoundSignal | None = None,
        *,
        timeframe: TimeFrame,
        indicators: IndicatorSpec | Iterable[IndicatorSpec],
        delivery: Literal[Delivery.BATCH],
        rate: float | None = None,
        **how: Unpack[HowQueued],
    ) -> Subscription: ...
    @overload
    def subscribe_indicator_signal(
        self,
        symbols: str | Iterable[str],
        callback: Callable[[IndicatorSignalEvent], object] | pyqtBoundSignal | None = None,
        *,
        timeframe: TimeFrame,
        indicators: IndicatorSpec | Iterable[IndicatorSpec],
        **how: Unpack[HowDelivered],
    ) -> Subscription: ...
    def subscribe_indicator_signal(
        self,
        symbols: str | Iterable[str],
        callback: Callable[[Any], object] | pyqtBoundSignal | None = None,
        *,
        timeframe: TimeFrame,
        indicators: IndicatorSpec | Iterable[IndicatorSpec],
        **how: Unpack[HowDelivered],
    ) -> Subscription:
        """Have a callback called when a condition on an indicator becomes true; each indicator names its trigger."""
        return self._subscribe(
            callback, DataType.INDICATOR_SIGNAL, symbols, timeframe=timeframe, indicators=_listed(indicators), **how
        )

    def unsubscribe(self, subscription: Subscription) -> None:
        """Close one of the subscriptions."""
        subscription.close()

    # -- async for -----------------------------------------------------------------------------------------------------
    def events(self, spec: SubscriptionSpec) -> EventStream[Any]:
        """Return what a wish is about, for `async for`; how it is delivered is up to who takes the events."""
        from upbit_ws_qt.manager import EventStream  # loaded with the manager, which this needs anyway

        self._check_usable("events")
        alive = self._lifetime.is_alive
        stream: EventStream[Any] = EventStream(self._started_manager, self.component_id, spec, alive=alive)
        self._lifetime.add(StreamEnd(stream, self._lifetime.discard))
        return stream

    def my_orders(self, symbols: str | Iterable[str] = (), **how: Unpack[HowQueued]) -> EventStream[MyOrderEvent]:
        """Return what becomes of own orders, in every market or in some; needs credentials."""
        return self.events(SubscriptionSpec(DataType.MY_ORDER, symbols, **how))

    def my_assets(self, **how: Unpack[HowQueued]) -> EventStream[MyAssetEvent]:
        """Return changes of own assets; needs credentials."""
        return self.events(SubscriptionSpec(DataType.MY_ASSET, **how))

    def announcements(
        self, *, categories: str | Iterable[str] = (), include_body: bool = False, **how: Unpack[HowQueued]
    ) -> EventStream[AnnouncementEvent]:
        """Return announcements of some categories, or of all; needs credentials."""
        spec = SubscriptionSpec(DataType.ANNOUNCEMENT, categories=categories, include_body=include_body, **how)
        return self.events(spec)

    def indicators(
        self,
        symbols: str | Iterable[str],
        indicators: IndicatorSpec | Iterable[IndicatorSpec],
        *,
        timeframe: TimeFrame,
        **how: Unpack[HowQueued],
    ) -> EventStream[IndicatorEvent]:
        """Return indicators of some KRW markets, at the close of each candle of `timeframe`; needs credentials."""
        wanted = _listed(indicators)
        return self.events(SubscriptionSpec(DataType.INDICATOR, symbols, timeframe=timeframe, indicators=wanted, **how))

    def indicator_signals(
        self,
        symbols: str | Iterable[str],
        indicators: IndicatorSpec | Iterable[IndicatorSpec],
        *,
        timeframe: TimeFrame,
        **how: Unpack[HowQueued],
    ) -> EventStream[IndicatorSignalEvent]:
        """Return when conditions on indicators become true; each indicator names its trigger; needs credentials."""
        wanted = _listed(indicators)
        return self.events(
            SubscriptionSpec(DataType.INDICATOR_SIGNAL, symbols, timeframe=timeframe, indicators=wanted, **how)
        )

    async def _started_manager(self) -> GlobalWebSocketManager:
        await self._service.start()
        return self._service.manager

    # -- present state ------------------------------------------------------------------------------------------------
    async def get_ticker_snapshot(
        self, symbols: str | Iterable[str], *, timeout: float = 5.0
    ) -> dict[str, TickerEvent]:
        """Fetch the present tickers once, without a subscription; running streams are not disturbed.

        Returns one event per market; one that the exchange does not know is missing.

        Args:
            symbols: the markets.
            timeout: seconds; what has not come by then, although the line is up, is missing too.

        Raises:
            ConnectionLostError: the line is not up within `timeout`.
            WebSocketError: what the line was given up for; nobody dials then, unless asked.
        """
        return cast("dict[str, TickerEvent]", await self._snapshot(DataType.TICKER, symbols, timeout))

    async def get_trade_snapshot(self, symbols: str | Iterable[str], *, timeout: float = 5.0) -> dict[str, TradeEvent]:
        """Fetch the latest trades once; see get_ticker_snapshot."""
        return cast("dict[str, TradeEvent]", await self._snapshot(DataType.TRADE, symbols, timeout))

    async def get_orderbook_snapshot(
        self,
        symbols: str | Iterable[str],
        *,
        level: Decimal | int | str = 0,
        depth: BookDepth = 30,
        timeout: float = 5.0,
    ) -> dict[str, OrderbookEvent]:
        """Fetch the present order books once; see get_ticker_snapshot and subscribe_orderbook."""
        found = await self._snapshot(DataType.ORDERBOOK, symbols, timeout, level=level, depth=depth)
        return cast("dict[str, OrderbookEvent]", found)

    async def get_candle_snapshot(
        self, symbols: str | Iterable[str], *, unit: CandleUnit, timeout: float = 5.0
    ) -> dict[str, CandleEvent]:
        """Fetch the latest candles once; see get_ticker_snapshot."""
        return cast("dict[str, CandleEvent]", await self._snapshot(DataType.candle(unit), symbols, timeout))

    # -- the end ------------------------------------------------------------------------------------------------------
    async def cleanup(self) -> None:
        """End all subscriptions and channels of this proxy; may be called more than once."""
        self._service.require_thread("cleanup")
        self._lifetime.end()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.cleanup()

    # -- inside -------------------------------------------------------------------------------------------------------
    def _channel(self, spec: SubscriptionSpec) -> Channel:
        self._check_usable("channel")
        wish = spec if spec.priority is self.priority else dataclasses.replace(spec, priority=self.priority)
        channel = self._channels.get(wish)
        if channel is not None and (channel.ended or sip.isdeleted(channel)):
            self._lifetime.discard(channel)
            channel = None
        if channel is None:
            channel = self._service.own_channel(wish, self.component_id, self._lifetime.is_alive)
            self._lifetime.add(channel)
            self._channels[wish] = channel
        return channel

    def _subscribe(
        self,
        callback: Callable[..., object] | pyqtBoundSignal | None,
        data_type: DataType,
        symbols: str | Iterable[str],
        **wanted: Any,
    ) -> Subscription:
        self._check_usable("subscribe")
        wanted.setdefault("priority", self.priority)
        return Subscription(
            self._service,
            self.component_id,
            SubscriptionSpec(data_type, symbols, **wanted),
            callback,
            lifetime=self._lifetime,
        )

    async def _snapshot(
        self, data_type: DataType, symbols: str | Iterable[str], timeout: float, **wanted: Any
    ) -> dict[str, Any]:
        self._check_usable("snapshot")
        spec = SubscriptionSpec(data_type, symbols, only_snapshot=True, priority=self.priority, **wanted)
        await self._service.start()
        return dict(await self._service.manager.fetch_snapshot(spec, timeout))

    def _check_usable(self, what: str) -> None:
        self._service.require_thread(what)
        if self._lifetime.ended:
            raise SubscriptionError(
                "the proxy has ended with its owner; make a new one", component_id=self.component_id
            )

    def _is_available(self, ws_type: WebSocketType) -> bool:
        state = self._service.connection_state(ws_type)
        if state is ConnectionState.DISCONNECTED:
            return self._service.state not in (
                GlobalManagerState.INITIALIZING,
                GlobalManagerState.STOPPING,
                GlobalManagerState.STOPPED,
            )
        return state in (ConnectionState.SYNCING, ConnectionState.CONNECTED)


def _require_living(owner: object) -> None:
    if isinstance(owner, WebSocketService):
        raise TypeError("the owner is a service; name it where one is meant: service=…")
    if type(owner).__module__.startswith(("PySide6", "PySide2", "PyQt5")):
        raise TypeError(f"the owner is of {type(owner).__module__.partition('.')[0]}; it must be a QObject of PyQt6")
    if owner is not None and (not isinstance(owner, QObject) or sip.isdeleted(owner)):
        raise TypeError(f"owner must be a living QObject or None, not {owner!r:.80}")


def _listed(indicators: IndicatorSpec | Iterable[IndicatorSpec]) -> tuple[IndicatorSpec, ...]:
    return (indicators,) if isinstance(indicators, IndicatorSpec) else tuple(indicators)
