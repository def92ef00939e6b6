"""SimpleWebSocketClient: values to look at whenever one likes, instead of callbacks; no Qt."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakSet

from upbit_ws_qt.errors import AuthenticationError, ConfigurationError, ConnectionLostError, SubscriptionError
from upbit_ws_qt.event_source import EventSource
from upbit_ws_qt.events import BaseWebSocketEvent, CandleEvent, OrderbookEvent, TickerEvent, TradeEvent
from upbit_ws_qt.manager import EventStream, GlobalWebSocketManager
from upbit_ws_qt.specs import SubscriptionSpec, normalize_symbols
from upbit_ws_qt.streams import StreamKey, streams_of
from upbit_ws_qt.types import ConnectionState, DataType

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable
    from datetime import datetime
    from types import TracebackType
    from typing import Self

    from upbit_ws_qt.events import MyAssetItem, MyOrderEvent
    from upbit_ws_qt.manager import ComponentSubscription
    from upbit_ws_qt.rest import RestCandle, RestTrade
    from upbit_ws_qt.routing import DataPoolManager

__all__ = ["SimpleWebSocketClient"]

_E = TypeVar("_E", bound=BaseWebSocketEvent)


class SimpleWebSocketClient(EventSource):
    """Says once what is of interest and then reads the newest value whenever it is needed.

    Every getter returns None (or leaves the symbol out) for what is not known yet; asking for an unknown symbol is no
    error. How old a value is, and whether more of it can be expected, `age` and `is_stale` tell.

    Example:
        >>> client = SimpleWebSocketClient("strategy")
        >>> await client.register_interests(["KRW-BTC", "KRW-ETH"], DataType.TICKER, timeout=60.0)
        True
        >>> client.get_ticker("KRW-BTC").code
        'KRW-BTC'
        >>> client.is_stale("KRW-BTC", DataType.TICKER)
        False
        >>> async for trade in client.trades("KRW-BTC"):
        ...     break
        >>> await client.close()

    Args:
        client_id: shown in figures and errors.
        manager: which manager to use; None takes, and starts, the program's one, which is that of its WebSocketService
            too.
    """

    def __init__(self, client_id: str, manager: GlobalWebSocketManager | None = None) -> None:
        self.client_id = client_id
        self._manager = manager
        self._handles: list[ComponentSubscription] = []
        self._streams: WeakSet[EventStream[Any]] = WeakSet()

    def __repr__(self) -> str:
        return f"<SimpleWebSocketClient {self.client_id!r} {len(self._handles)} interests>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def register_interests(
        self,
        symbols: str | Iterable[str],
        data_types: DataType | str | Iterable[DataType | str],
        *,
        timeout: float = 10.0,
    ) -> bool:
        """Keep the newest values of some symbols from now on, besides what was asked for before.

        Args:
            symbols: market codes; not used for myOrder, myAsset and announcements.
            data_types: what of them; their names on the wire, such as "ticker", will do.
            timeout: seconds to wait for the exchange.

        Returns:
            True as soon as the exchange serves all of it, and what it has sent so far can be read; False where it
            refuses, does not know, or does not answer within `timeout`. What it does serve can be read in either case.

        Raises:
            SubscriptionError: a malformed code, or private data without credentials.
            ConfigurationError: the data pool is switched off, or the manager was stopped.
        """
        manager = await self._ready()
        types = (data_types,) if isinstance(data_types, str) else tuple(data_types)
        codes = normalize_symbols(symbols)
        kinds = [SubscriptionSpec(kind).data_type for kind in types]  # refuses an unknown one in words
        specs = [SubscriptionSpec(kind, codes if kind.needs_codes else ()) for kind in kinds]
        # A callback is what keeps a stream subscribed; this one does nothing, since routing fills the pool on the way.
        handle = manager.register_component(self.client_id, specs, _kept_in_the_pool)
        self._handles.append(handle)
        await self._note_interest(manager)
        try:
            async with asyncio.timeout(timeout):
                await handle.wait_served()
                # It is served as soon as its first frame has come, and can be read when that was handed out.
                for ws_type in {spec.data_type.websocket_type for spec in handle.specs}:
                    await manager.wiring.endpoints[ws_type].handed_out()
        except (SubscriptionError, ConnectionLostError, AuthenticationError, TimeoutError):
            return False
        return True

    def events(self, spec: SubscriptionSpec) -> EventStream[Any]:
        """Return what a wish is about, for `async for`, of any type: SubscriptionSpec("myOrder"), say."""
        stream: EventStream[Any] = EventStream(self._started, self.client_id, spec)
        self._streams.add(stream)
        return stream

    def get_ticker(self, symbol: str) -> TickerEvent | None:
        """Return a market's newest ticker."""
        return self._latest(TickerEvent, DataType.TICKER, symbol)

    def get_trade(self, symbol: str) -> TradeEvent | None:
        """Return a market's newest trade."""
        return self._latest(TradeEvent, DataType.TRADE, symbol)

    def get_orderbook(self, symbol: str) -> OrderbookEvent | None:
        """Return a market's newest order book."""
        return self._latest(OrderbookEvent, DataType.ORDERBOOK, symbol)

    def get_candle(self, symbol: str, unit: str = "1m") -> CandleEvent | None:
        """Return a market's newest candle; an unknown unit raises SubscriptionError."""
        return self._latest(CandleEvent, DataType.candle(unit), symbol)

    def get_multiple_tickers(self, symbols: Iterable[str]) -> dict[str, TickerEvent]:
        """Return the newest tickers of those symbols that one is known of."""
        pool = self._pool
        if pool is None:
            return {}
        names = {_code(symbol): symbol for symbol in symbols}
        found = pool.get_multiple_data((code, DataType.TICKER) for code in names)
        return {names[code]: event for (code, _), event in found.items() if isinstance(event, TickerEvent)}

    def get_history(self, symbol: str, data_type: DataType, limit: int = 100) -> tuple[BaseWebSocketEvent, ...]:
        """Return the newest events, oldest first, at most `limit`.

        As many are kept as `ServiceConfig.history_length` says; with 0, the default, it is the newest alone.
        """
        pool = self._pool
        return () if pool is None else pool.get_history(_code(symbol), data_type, limit=limit)

    async def history(
        self, symbol: str, data_type: DataType | str, limit: int = 200, *, since: datetime | None = None
    ) -> tuple[RestTrade | RestCandle, ...]:
        """Ask the exchange's REST interface for what was before now; oldest first, the newest `limit`.

        It needs no interest, and reaches as far back as the exchange does (trades: today and seven UTC days). What
        came over the line while there was an interest, `get_history` tells without asking anybody.

        Args:
            symbol: a market code.
            data_type: DataType.TRADE, or a kind of candle; their names on the wire will do.
            limit: how many at most, above 0.
            since: aware; none before this time.

        Raises:
            RestError: the exchange refuses, or does not answer.
            SubscriptionError: a malformed code, or a data type that has no history.
            ValueError: a limit that is none, or a time without a zone.
        """
        kind = SubscriptionSpec(data_type, (symbol,)).data_type
        if limit < 1:
            raise ValueError(f"limit: {limit} is not above 0")
        if self._manager is None:
            self._manager = await GlobalWebSocketManager.get_instance()
        rest = self._manager.rest
        pages: AsyncGenerator[tuple[RestTrade | RestCandle, ...], None]
        if kind is DataType.TRADE:
            pages = rest.trade_pages(_code(symbol), since)
        elif kind.is_candle:
            pages = rest.candle_pages(_code(symbol), kind.value, since=since)
        else:
            raise SubscriptionError("only trades and candles have a history", spec=kind.value)
        found: list[RestTrade | RestCandle] = []
        async with aclosing(pages):
            async for page in pages:
                found += page
                if len(found) >= limit:
                    break
        return tuple(reversed(found[:limit]))

    def my_orders(self, symbol: str | None = None, *, open_only: bool = False) -> tuple[MyOrderEvent, ...]:
        """Return the newest state of each order that was reported, of one market or all."""
        pool = self._pool
        return () if pool is None else pool.account.orders(symbol and _code(symbol), open_only=open_only)

    def my_assets(self) -> dict[str, MyAssetItem]:
        """Return the newest balance of each currency that was reported, by currency."""
        pool = self._pool
        return {} if pool is None else pool.account.assets()

    def age(self, symbol: str, data_type: DataType) -> float | None:
        """Return the seconds since the newest value was received; None where nothing is known."""
        event = self._event(data_type, symbol)
        if event is None or self._manager is None:
            return None
        now = asyncio.get_running_loop().time() - self._manager.wiring.routing.received_offset
        return max(0.0, now - event.received_at)

    def is_stale(self, symbol: str, data_type: DataType) -> bool:
        """Whether the newest value may be out of date: nothing known, line down, or not heard of since it came back.

        A market in which nothing happens is not stale, however old its last value is.
        """
        event = self._event(data_type, symbol)
        manager = self._manager
        if event is None or manager is None:
            return True
        ws_type = data_type.websocket_type
        # A line's epoch begins when it is up, before all is proved: what has come on it since is fresh.
        up = manager.connection_state(ws_type) in (ConnectionState.SYNCING, ConnectionState.CONNECTED)
        return not (up and manager.is_current_epoch(ws_type, event.epoch))

    def is_whole(self, symbol: str, data_type: DataType) -> bool:
        """Whether no line was lost while this is wanted, or all that was missed has been recovered.

        Of trades and candles, and of own orders and assets; of the others the newest value is all there is to have.
        """
        manager = self._manager
        return manager is None or manager.wiring.wholeness.is_whole(StreamKey(data_type, _code(symbol)))

    async def close(self) -> None:
        """End the interests and streams; what was read stays with whoever holds it. Idempotent; the manager goes on."""
        for stream in tuple(self._streams):
            stream.close()
        handles, self._handles = self._handles, []
        for handle in handles:
            handle.close()
        if self._manager is not None and handles:
            await self._note_interest(self._manager)

    async def _ready(self) -> GlobalWebSocketManager:
        manager = await self._started()
        if manager.wiring.pool is None:
            raise ConfigurationError("data_pool", False, "true; the pull interface reads from the pool")
        return manager

    async def _started(self) -> GlobalWebSocketManager:
        if self._manager is None:
            self._manager = await GlobalWebSocketManager.get_instance()
        await self._manager.start()
        return self._manager

    async def _note_interest(self, manager: GlobalWebSocketManager) -> None:
        if manager.wiring.pool is not None:
            wanted = {stream for handle in self._handles for spec in handle.specs for stream in streams_of(spec)}
            await manager.wiring.pool.register_client_interest(self.client_id, streams=wanted)

    @property
    def _pool(self) -> DataPoolManager | None:
        return None if self._manager is None else self._manager.wiring.pool

    def _event(self, data_type: DataType, symbol: str) -> BaseWebSocketEvent | None:
        pool = self._pool
        return None if pool is None else pool.get_latest_data(_code(symbol), data_type)

    def _latest(self, kind: type[_E], data_type: DataType, symbol: str) -> _E | None:
        event = self._event(data_type, symbol)
        return event if isinstance(event, kind) else None


def _code(symbol: str) -> str:
    return symbol.strip().upper()


def _kept_in_the_pool(event: BaseWebSocketEvent) -> None:
    """Events of interest need no callback: routing puts them into the pool."""
