"""The newest event of every stream and as many earlier ones as wanted, for whoever pulls; the account by its events."""

from __future__ import annotations

import sys
from collections import deque
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from upbit_ws_qt.errors import ConfigurationError
from upbit_ws_qt.events import MyAssetEvent, MyOrderEvent
from upbit_ws_qt.streams import StreamKey
from upbit_ws_qt.types import DataType

if TYPE_CHECKING:
    from collections.abc import Iterable

    from upbit_ws_qt.events import BaseWebSocketEvent, MyAssetItem

__all__ = ["AccountView", "DataPoolManager", "PoolCell", "PoolStatistics", "size_of"]

_TRIM_TO = 0.9  # of the limit: then there is room for a while, and the work is not done for each event
_USUAL_SIZE = 1024  # bytes of an event, before one of its stream was measured
_NUMBER_SIZE = sys.getsizeof(Decimal(1))
_MEASURED_AT_ONCE = 64  # streams; a book takes 60 us


def size_of(event: BaseWebSocketEvent) -> int:
    """Return how many bytes an event takes, what it refers to included; shared short strings are not counted."""
    total = 0
    todo: list[object] = [event]
    while todo:
        item = todo.pop()
        if isinstance(item, msgspec.Struct):
            todo.extend(msgspec.structs.astuple(item))
        elif isinstance(item, tuple):
            todo.extend(item)
        elif item is None or isinstance(item, bool) or (isinstance(item, str) and len(item) < 16):
            continue
        # An unread number holds its frame and may be made at any time: it counts as what it becomes.
        total += _NUMBER_SIZE if isinstance(item, msgspec.Raw) else sys.getsizeof(item)
    return total


@dataclass(frozen=True, slots=True)
class PoolStatistics:
    """What the pool holds.

    Attributes:
        keys: streams with a value.
        events: newest ones and histories together.
        bytes: estimated from one event per stream; soon after many streams were added, from some of the streams.
        limit: bytes allowed.
        evicted: events thrown out to stay within the limit, so far.
        clients: with an interest.
    """

    keys: int
    events: int
    bytes: int
    limit: int
    evicted: int
    clients: int


class PoolCell:
    """The place of one stream.

    Attributes:
        latest: the newest event.
        history: earlier ones and the newest, oldest first; None where none are kept.
        wanted: how many clients are interested.
        is_live: whether the stream is being routed.
    """

    __slots__ = ("_pool", "_size", "history", "is_live", "latest", "wanted")

    def __init__(self, pool: DataPoolManager, length: int) -> None:
        self._pool = pool
        self._size = 0
        self.latest: BaseWebSocketEvent | None = None
        self.history: deque[BaseWebSocketEvent] | None = deque(maxlen=length) if length else None
        self.wanted = 0
        self.is_live = False

    def store(self, event: BaseWebSocketEvent) -> None:
        """Put in the newest event."""
        self.latest = event
        if self.history is not None:
            self.remember(event)

    def remember(self, event: BaseWebSocketEvent) -> None:
        """Put the newest event into the history too; only where there is one."""
        history = self.history
        assert history is not None
        if len(history) == history.maxlen:  # it takes the place of the oldest
            history.append(event)
            return
        history.append(event)
        if not self._size:
            self._size = size_of(event)
        self._pool.note_growth(self._size)

    @property
    def events(self) -> int:
        """How many events are here."""
        if self.history is not None:
            return len(self.history)
        return 0 if self.latest is None else 1

    @property
    def bytes(self) -> int:
        """Bytes taken, estimated from one event; 0 before it was measured."""
        return self._size * self.events

    @property
    def is_measured(self) -> bool:
        """Whether nothing is here that was never measured."""
        return self._size > 0 or self.latest is None

    def begin_routing(self) -> None:
        """Note that the stream is being routed."""
        self.is_live = True

    def end_routing(self) -> None:
        """Note that it is not any more."""
        self.is_live = False

    def add_client(self) -> None:
        """Note that one more client is interested."""
        self.wanted += 1

    def drop_client(self) -> None:
        """Note that one less is."""
        self.wanted -= 1

    def clear(self) -> None:
        """Forget all events."""
        self.latest = None
        if self.history is not None:
            self.history.clear()

    def measure(self) -> None:
        """Take the newest event for the measure of all of this stream."""
        if self.latest is not None:
            self._size = size_of(self.latest)

    def halve(self) -> int:
        """Throw out the older half of the history; return how many events that was."""
        if not self.history:
            return 0
        count = len(self.history) // 2
        for _ in range(count):
            self.history.popleft()
        return count


class DataPoolManager:
    """Newest event per stream, an optional ring of earlier ones, interests per client; bounded by bytes.

    Whatever is routed is stored. When the bound is reached, streams that are neither routed nor wanted by a client go
    first, the least recently received ones before others; then the longest histories are halved.
    """

    def __init__(self, *, history_length: int = 0, limit: int = 64 * 1024 * 1024) -> None:
        self.account = AccountView()
        self._history_length = history_length
        self._limit = limit
        self._cells: dict[StreamKey, PoolCell] = {}
        self._interests: dict[str, frozenset[StreamKey]] = {}
        self._evicted = 0
        self._held = 0  # bytes as of the last look, and what was added since
        self._look_at = limit

    # -- for the engine ---------------------------------------------------------------------------------------------
    def cell(self, key: StreamKey) -> PoolCell:
        """Return the place of a stream, made where it is new."""
        found = self._cells.get(key)
        if found is None:
            self.note_growth(_USUAL_SIZE)  # before there is a new place, which would be thrown out as the emptiest
            found = self._cells[key] = PoolCell(self, self._history_length)
        return found

    def begin_routing(self, key: StreamKey) -> PoolCell:
        """Return the place of a stream that is routed from now on, until `release`."""
        found = self.cell(key)
        found.begin_routing()
        return found

    def release(self, key: StreamKey) -> None:
        """Note that a stream is no longer routed; what is known of it stays, a place where nothing is does not."""
        found = self._cells.get(key)
        if found is not None:
            found.end_routing()
            self._drop_if_empty(key, found)

    def _drop_if_empty(self, key: StreamKey, cell: PoolCell) -> None:
        """Names that nothing ever came for cost no bytes that the bound would see: they must not pile up."""
        if cell.latest is None and not (cell.is_live or cell.wanted):
            del self._cells[key]

    def forget(self) -> None:
        """Forget all events; who is interested in what stays known."""
        self.account = AccountView()
        for cell in self._cells.values():
            cell.clear()

    def note_growth(self, size: int) -> None:
        """Count bytes that were added, and make room where that is too much."""
        self._held += size
        if self._held > self._look_at:
            self.trim()

    def trim(self) -> int:
        """Throw out what exceeds the bound; return how many events that was."""
        thrown_out = self._throw_out()
        self._held = self._bytes()
        # The newest events of what is routed stay whatever they take: looking again for each event would not help.
        room = int(self._limit * (1 - _TRIM_TO))
        self._look_at = self._limit if self._held <= self._limit else self._held + room
        return thrown_out

    def _throw_out(self) -> int:
        if self._bytes() <= self._limit:
            return 0
        while not all(cell.is_measured for cell in self._cells.values()):
            self._bytes()  # what is thrown out has to be known exactly
        taken = self._bytes()
        if taken <= self._limit:
            return 0
        goal = int(self._limit * _TRIM_TO)
        before = self._evicted
        idle = [(key, cell) for key, cell in self._cells.items() if not (cell.is_live or cell.wanted)]
        idle.sort(key=lambda item: item[1].latest.received_at if item[1].latest is not None else 0.0)
        for key, cell in idle:
            if taken <= goal:
                break
            taken -= cell.bytes
            self._evicted += cell.events
            del self._cells[key]
        while taken > goal:
            longest = max(self._cells.values(), key=lambda cell: cell.bytes, default=None)
            if longest is None or longest.events < 2:
                break
            size = longest.bytes
            self._evicted += longest.halve()
            taken -= size - longest.bytes
        return self._evicted - before

    def _bytes(self) -> int:
        """Return what all streams take, as far as it is known; measures a few more of them in each call.

        Measuring a thousand at once would hold the loop up. Those that wait for it count like the average one.
        """
        waiting = [cell for cell in self._cells.values() if not cell.is_measured]
        for cell in waiting[:_MEASURED_AT_ONCE]:
            cell.measure()
        known = sum(cell.bytes for cell in self._cells.values())
        unknown = sum(cell.events for cell in waiting[_MEASURED_AT_ONCE:])
        events = sum(cell.events for cell in self._cells.values()) - unknown
        return known + (known // events * unknown if unknown else 0)

    # -- for clients ------------------------------------------------------------------------------------------------
    async def register_client_interest(
        self,
        client_id: str,
        symbols: str | Iterable[str] = (),
        data_types: DataType | str | Iterable[DataType | str] = (),
        *,
        streams: Iterable[StreamKey] = (),
    ) -> None:
        """Set what a client is interested in, in place of what it was before; nothing ends the interest.

        Args:
            client_id: whose interest it is.
            symbols: market codes, each wanted in all `data_types`; none for types that have no markets.
            data_types: such as DataType.TICKER or "ticker".
            streams: single streams, besides; for books by level and indicators.

        Raises:
            ConfigurationError: symbols and types changed places, or one of them is none.
        """
        codes = [_code_of(each) for each in ([symbols] if isinstance(symbols, str) else symbols)] or [""]
        types = [_type_of(each) for each in ([data_types] if isinstance(data_types, str) else data_types)]
        wanted = frozenset([*streams, *(StreamKey(data_type, code) for data_type in types for code in codes)])
        for key in wanted:
            self.cell(key).add_client()
        for key in self._interests.pop(client_id, frozenset()):
            cell = self.cell(key)
            cell.drop_client()
            self._drop_if_empty(key, cell)
        if wanted:
            self._interests[client_id] = wanted

    def get_latest_data(
        self, symbol: str = "", data_type: DataType | str | None = None, variant: str = ""
    ) -> BaseWebSocketEvent | None:
        """Return the newest event of a stream, None where nothing is known; its `received_at` tells its age.

        Args:
            symbol: market code; "" for types that have no markets.
            data_type: such as DataType.TICKER or "ticker".
            variant: of the stream, see StreamKey.

        Raises:
            ConfigurationError: symbol and type changed places, or one of them is none.
        """
        cell = self._cells.get(StreamKey(_type_of(data_type), _code_of(symbol), variant))
        return None if cell is None else cell.latest

    def get_multiple_data(
        self, requests: Iterable[tuple[str, DataType | str]]
    ) -> dict[tuple[str, DataType], BaseWebSocketEvent]:
        """Return the newest event of each (symbol, data type) that something is known of, by (symbol, data type).

        Raises:
            ConfigurationError: as get_latest_data().
        """
        found: dict[tuple[str, DataType], BaseWebSocketEvent] = {}
        for symbol, data_type in requests:
            event = self.get_latest_data(symbol, data_type)
            if event is not None:
                found[symbol, _type_of(data_type)] = event
        return found

    def get_history(
        self, symbol: str = "", data_type: DataType | str | None = None, variant: str = "", *, limit: int | None = None
    ) -> tuple[BaseWebSocketEvent, ...]:
        """Return earlier events and the newest, oldest first, at most `limit`; the newest alone without a history.

        Raises:
            ConfigurationError: as get_latest_data().
        """
        cell = self._cells.get(StreamKey(_type_of(data_type), _code_of(symbol), variant))
        if cell is None or cell.latest is None:
            return ()
        events = tuple(cell.history) if cell.history is not None else (cell.latest,)
        if limit is None:
            return events
        return events[-limit:] if limit > 0 else ()

    def statistics(self) -> PoolStatistics:
        """Return what the pool holds."""
        held = [cell for cell in self._cells.values() if cell.latest is not None]
        return PoolStatistics(
            keys=len(held),
            events=sum(cell.events for cell in held),
            bytes=self._bytes(),
            limit=self._limit,
            evicted=self._evicted,
            clients=len(self._interests),
        )

    def clear(self) -> None:
        """Forget all values; interests and streams stay."""
        for cell in self._cells.values():
            cell.clear()
        self.account.clear()
        self._held = 0


def _type_of(data_type: object) -> DataType:
    try:
        return DataType(str(data_type))
    except ValueError:
        wanted = "a DataType, or its name on the wire, behind the symbol"
        raise ConfigurationError("data_type", data_type, wanted) from None


def _code_of(symbol: object) -> str:
    if not isinstance(symbol, str) or isinstance(symbol, DataType):
        raise ConfigurationError("symbol", symbol, "a market code, before the data type")
    return symbol


MOST_ORDERS = 1000
MOST_CURRENCIES = 2000


class AccountView:
    """Built from events only: orders that were placed before and have not changed since are not known here.

    Attributes:
        forgotten: orders thrown out to stay within the bound, finished ones first, so far.
    """

    def __init__(self) -> None:
        self._orders: dict[str, MyOrderEvent] = {}
        self._assets: dict[str, MyAssetItem] = {}
        self.forgotten = 0

    def store(self, event: BaseWebSocketEvent) -> None:
        """Take in one event of the private line; others are none of its business."""
        if isinstance(event, MyOrderEvent):
            self._orders.pop(event.uuid, None)
            self._orders[event.uuid] = event
            if len(self._orders) > MOST_ORDERS:
                self._forget_one()
        elif isinstance(event, MyAssetEvent):
            for item in event.assets:
                if item.currency in self._assets or len(self._assets) < MOST_CURRENCIES:
                    self._assets[item.currency] = item

    def orders(self, code: str | None = None, *, open_only: bool = False) -> tuple[MyOrderEvent, ...]:
        """Return the newest event of each order, least recently changed first."""
        return tuple(
            order
            for order in self._orders.values()
            if (code is None or order.code == code) and not (open_only and order.is_final)
        )

    def assets(self) -> dict[str, MyAssetItem]:
        """Return the newest balance of each currency that was reported."""
        return dict(self._assets)

    def clear(self) -> None:
        """Forget everything."""
        self._orders.clear()
        self._assets.clear()

    def _forget_one(self) -> None:
        done = next((uuid for uuid, order in self._orders.items() if order.is_final), None)
        del self._orders[done if done is not None else next(iter(self._orders))]
        self.forgotten += 1
