"""The newest event of every stream, and as many earlier ones as wanted, for whoever pulls instead of being called."""

from __future__ import annotations

import sys
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from upbit_ws_qt.routing.account_view import AccountView
from upbit_ws_qt.streams import StreamKey

if TYPE_CHECKING:
    from collections.abc import Iterable

    from upbit_ws_qt.events import BaseWebSocketEvent
    from upbit_ws_qt.types import DataType

__all__ = ["DataPoolManager", "PoolCell", "PoolStatistics", "size_of"]

_TRIM_EVERY = 1024  # events put into histories between two looks at the bound
_TRIM_TO = 0.9
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
        total += sys.getsizeof(item)
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
        assert self.history is not None
        self.history.append(event)
        self._pool.note_stored()

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
        self._stored = 0

    # -- for the engine ---------------------------------------------------------------------------------------------
    def cell(self, key: StreamKey) -> PoolCell:
        """Return the place of a stream, made where it is new."""
        found = self._cells.get(key)
        if found is None:
            found = self._cells[key] = PoolCell(self, self._history_length)
            self.note_stored()
        return found

    def release(self, key: StreamKey) -> None:
        """Note that a stream is no longer routed; what is known of it stays, a place where nothing is does not."""
        found = self._cells.get(key)
        if found is not None:
            found.is_live = False
            self._drop_if_empty(key, found)

    def _drop_if_empty(self, key: StreamKey, cell: PoolCell) -> None:
        """Names that nothing ever came for cost no bytes that the bound would see: they must not pile up."""
        if cell.latest is None and not (cell.is_live or cell.wanted):
            del self._cells[key]

    def note_stored(self) -> None:
        """Count something that made the pool larger, and look at the bound now and then."""
        self._stored += 1
        if not self._stored % _TRIM_EVERY:
            self.trim()

    def trim(self) -> int:
        """Throw out what exceeds the bound; return how many events that was."""
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
    async def register_client_interest(self, client_id: str, streams: Iterable[StreamKey]) -> None:
        """Set what a client is interested in, in place of what it was before; nothing ends the interest."""
        wanted = frozenset(streams)
        for key in wanted:
            self.cell(key).wanted += 1
        for key in self._interests.pop(client_id, frozenset()):
            cell = self.cell(key)
            cell.wanted -= 1
            self._drop_if_empty(key, cell)
        if wanted:
            self._interests[client_id] = wanted

    def client_interest(self, client_id: str) -> frozenset[StreamKey]:
        """Return what a client is interested in."""
        return self._interests.get(client_id, frozenset())

    def get_latest_data(self, data_type: DataType, symbol: str = "", variant: str = "") -> BaseWebSocketEvent | None:
        """Return the newest event of a stream, None where nothing is known; its `received_at` tells its age."""
        cell = self._cells.get(StreamKey(data_type, symbol, variant))
        return None if cell is None else cell.latest

    def get_multiple_data(
        self, data_type: DataType, symbols: Iterable[str], variant: str = ""
    ) -> dict[str, BaseWebSocketEvent]:
        """Return the newest event of each symbol that something is known of."""
        found = ((symbol, self.get_latest_data(data_type, symbol, variant)) for symbol in symbols)
        return {symbol: event for symbol, event in found if event is not None}

    def get_history(
        self, data_type: DataType, symbol: str = "", variant: str = "", *, limit: int | None = None
    ) -> tuple[BaseWebSocketEvent, ...]:
        """Return earlier events and the newest, oldest first, at most `limit`; the newest alone without a history."""
        cell = self._cells.get(StreamKey(data_type, symbol, variant))
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
            cell.latest = None
            if cell.history is not None:
                cell.history.clear()
        self.account.clear()
