"""Order and uniqueness per stream: never older after newer, nothing twice, whatever line it came on."""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum
from operator import attrgetter
from typing import TYPE_CHECKING, Generic, TypeVar

from upbit_ws_qt.events import MyOrderEvent, TradeEvent
from upbit_ws_qt.events.names import OrderState

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from upbit_ws_qt.events import BaseWebSocketEvent

__all__ = ["AccountOrder", "RecentSet", "StreamOrder", "TradeOrder", "Verdict", "content_of"]

OVERLAP = 1.0
"""Seconds by which an event of a new line may have been received after the old line's last one and still be overlap.

Make-before-break hears everything on both lines for a while. What the new line brought in that time with an older
timestamp than the last event handed out has been handed out already. An older timestamp received later means that the
exchange's clock went back: then the epoch decides, and the stream goes on.
"""
TRADE_WINDOW = 256
"""Ids of a market's trades that are always remembered."""
TRADE_SECONDS = 30.0
"""Ids of trades received within so many seconds are remembered too: two lines overlap for at most half of that."""
MOST_TRADES = 4096
"""More ids than twice this are not remembered, however fast the trades come."""
ACCOUNT_WINDOW = 1024
_MOST_SAME = 63  # events of one millisecond that are compared, besides the latest
_NOT_CONTENT = frozenset({"stream_type", "epoch", "received_at"})

_K = TypeVar("_K", bound="Hashable")

_contents: dict[type, Callable[[BaseWebSocketEvent], tuple[object, ...]]] = {}


class Verdict(IntEnum):
    """What the guard says about an event."""

    NEWS = 0
    STALE = 1
    """Older than what was handed out."""
    DUPLICATE = 2
    """Handed out before."""
    HELD = 3
    """News that some of the consumers have to wait for; said by a gate (stream_gate.py), never by a guard."""
    WAITING = 4
    """Not judged yet: it waits before the guard (account_hold.py), which will be asked again."""


_NEWS = Verdict.NEWS  # looking a member up in its class takes longer than the whole comparison


def content_of(event: BaseWebSocketEvent) -> tuple[object, ...]:
    """Return what an event says, without how and when it came: equal for the same message on two lines."""
    getter = _contents.get(type(event))
    if getter is None:
        names = [name for name in event.__struct_fields__ if name not in _NOT_CONTENT]
        getter = _contents[type(event)] = attrgetter(*names)
    return getter(event)


class RecentSet(Generic[_K]):
    """Remembers at least the last `size` keys, and at most twice as many.

    Keys are kept in two halves; when the newer half is full, the older one is forgotten.
    """

    __slots__ = ("_new", "_old", "_size")

    def __init__(self, size: int) -> None:
        self._size = size
        self._new: set[_K] = set()
        self._old: set[_K] = set()

    def __len__(self) -> int:
        return len(self._new) + len(self._old)

    def __contains__(self, key: object) -> bool:
        return key in self._new or key in self._old

    def add(self, key: _K) -> bool:
        """Remember a key; return False where it is known already."""
        if key in self._new or key in self._old:
            return False
        self._new.add(key)
        if len(self._new) >= self._size:
            self._forget_old()
        return True

    def known(self) -> frozenset[_K]:
        """Return all keys that are remembered."""
        return frozenset(self._new | self._old)

    def _forget_old(self) -> None:
        self._old, self._new = self._new, set()


class RecentTrades(RecentSet[int]):
    """The ids of a market's trades: the last 256, and those of the last 30 s unless they are more than 4,096.

    Attributes:
        now: when the trade that is being added was received, loop clock.
    """

    __slots__ = ("_begun", "now")

    def __init__(self) -> None:
        super().__init__(TRADE_WINDOW)
        self.now = self._begun = 0.0

    def _forget_old(self) -> None:
        # The newer half stays young for as long as the two lines of a renewal may bring the same trades.
        if self.now - self._begun >= TRADE_SECONDS or len(self._new) >= MOST_TRADES:
            self._begun = self.now
            super()._forget_old()


class StreamOrder:
    """The guard of one market stream: by epoch, then by timestamp, then by content within a millisecond.

    Attributes:
        epoch: of the last event let through.
        timestamp: of the last event let through, ms.
        by_object: whether what is in order are objects (an order, an announcement), not the stream.
    """

    by_object = False
    __slots__ = ("_latest", "_same", "epoch", "timestamp")

    def __init__(self) -> None:
        self.epoch = -1
        self.timestamp = -1
        self._latest: BaseWebSocketEvent | None = None
        self._same: list[BaseWebSocketEvent] | None = None  # earlier ones of the latest's millisecond

    def judge(self, event: BaseWebSocketEvent) -> Verdict:
        """Decide about one event and remember it when it is news."""
        timestamp = event.timestamp
        if event.epoch == self.epoch:
            if timestamp > self.timestamp:
                self.timestamp = timestamp
                self._latest = event
                if self._same is not None:
                    self._same = None
                return _NEWS
            if timestamp < self.timestamp:
                return Verdict.STALE
        # The old line may bring something after the new one has begun: only of the overlap is that certainly known.
        elif event.epoch < self.epoch or (timestamp < self.timestamp and self._is_overlap(event)):
            return Verdict.STALE
        return self._judge_rest(event)

    def _judge_rest(self, event: BaseWebSocketEvent) -> Verdict:
        """Decide about the same millisecond, or a new epoch."""
        if event.timestamp == self.timestamp:
            if self._was_seen(event):
                return Verdict.DUPLICATE
            if self._latest is not None:
                self._same = [*(self._same or ())[-_MOST_SAME:], self._latest]
        else:
            self._same = None
        self.epoch = event.epoch
        self.timestamp = event.timestamp
        self._latest = event
        return Verdict.NEWS

    def _is_overlap(self, event: BaseWebSocketEvent) -> bool:
        return self._latest is not None and event.received_at <= self._latest.received_at + OVERLAP

    def _was_seen(self, event: BaseWebSocketEvent) -> bool:
        content = content_of(event)
        if self._latest is not None and content_of(self._latest) == content:
            return True
        return any(content_of(earlier) == content for earlier in self._same or ())


class TradeOrder(StreamOrder):
    """The guard of one market's trades: each `sequential_id` once in a bounded window, across epochs too.

    A trade is no state that a newer one replaces: one with a new id is handed out whatever its timestamp, since
    nowhere is it promised that timestamps only rise. `timestamp` is the highest one handed out.
    """

    __slots__ = ("_ids",)

    def __init__(self) -> None:
        super().__init__()
        self._ids = RecentTrades()

    @property
    def known_ids(self) -> frozenset[int]:
        """The ids that are remembered: of the last trades that were handed out."""
        return self._ids.known()

    @property
    def highest_id(self) -> int:
        """The highest id handed out lately, 0 where there was none; worked out when asked, not for each trade."""
        return max(self._ids.known(), default=0)

    def note_ids(self, ids: Iterable[int]) -> None:
        """Remember trades that were handed out without coming by the line, so that it does not bring them again."""
        for each in ids:
            self._ids.add(each)

    def judge(self, event: BaseWebSocketEvent) -> Verdict:
        """Decide about one trade and remember it."""
        assert isinstance(event, TradeEvent)
        if event.epoch < self.epoch:
            return Verdict.STALE
        ids = self._ids
        ids.now = event.received_at
        # By the id alone: a line that replaces another brings the last trades again, with the same timestamps or not.
        if not ids.add(event.sequential_id):
            return Verdict.DUPLICATE
        self.epoch = event.epoch
        if event.timestamp > self.timestamp:
            self.timestamp = event.timestamp
        return _NEWS


class AccountOrder:
    """The guard of orders, assets and announcements: each content once, each object in the order of its timestamps.

    An order may change twice within a millisecond: both updates are handed out, in the order in which they came.
    What REST was asked for may be ahead of the line: a fill that was told, an end that was told, and a state that an
    order is past already, are not told again. After a gap live events may have to wait before it (`hold`).
    """

    by_object = True
    __slots__ = ("_contents", "_fills", "_objects", "_reached", "_take")

    def __init__(self) -> None:
        self._contents: RecentSet[int] = RecentSet(ACCOUNT_WINDOW)
        self._fills: RecentSet[str] = RecentSet(ACCOUNT_WINDOW)
        self._objects: dict[str, tuple[int, int]] = {}
        self._reached: dict[str, _Reached] = {}  # how far REST has told of an order
        self._take: Callable[[BaseWebSocketEvent], bool] | None = None

    def hold(self, take: Callable[[BaseWebSocketEvent], bool] | None) -> None:
        """Have `take` asked whether it keeps a live event before it is judged; None for judging at once."""
        self._take = take

    def judge(self, event: BaseWebSocketEvent) -> Verdict:
        """Decide about one event and remember it."""
        if self._take is not None and not event.recovered and self._take(event):
            return Verdict.WAITING
        # What was asked for is news by its own book, which knows who has begun to listen since the same was told.
        if not self._contents.add(hash(content_of(event))) and not event.recovered:
            return Verdict.DUPLICATE
        identity: str = getattr(event, "uuid", "") or getattr(event, "asset_uuid", "")
        now = (event.epoch, event.timestamp)
        known = self._objects.pop(identity, None)
        if known is not None and now < known and not event.recovered:
            self._objects[identity] = known
            return Verdict.STALE
        self._objects[identity] = now if known is None else max(known, now)
        if len(self._objects) > ACCOUNT_WINDOW:
            oldest = next(iter(self._objects))
            del self._objects[oldest]
            self._reached.pop(oldest, None)
        return self._judge_order(event) if isinstance(event, MyOrderEvent) else Verdict.NEWS

    def _judge_order(self, event: MyOrderEvent) -> Verdict:
        """Refuse what the line brings of a fill, an end or a state that REST has told already."""
        told = _reached(event)
        if event.recovered:
            self._reached[event.uuid] = told
            if event.trade_uuid is not None:
                self._fills.add(event.trade_uuid)
            return Verdict.NEWS
        if event.is_fill:
            return Verdict.DUPLICATE if event.trade_uuid in self._fills else Verdict.NEWS
        reached = self._reached.get(event.uuid)
        if reached is None:
            return Verdict.NEWS
        if told == reached and (event.is_final or event.state == OrderState.WAIT):
            return Verdict.DUPLICATE
        return Verdict.STALE if told < reached else Verdict.NEWS


_Reached = tuple[int, int, Decimal]


def _reached(event: MyOrderEvent) -> _Reached:
    """Return how far an order has come: reserved, open or closed, with how many fills of how much in all."""
    stage = 2 if event.is_final else 0 if event.state == OrderState.WATCH else 1
    return stage, event.trades_count, event.executed_volume
