"""Who wants what: from a frame's first bytes, or an event, to its consumers by one lookup."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from upbit_ws_qt.events import IndicatorEvent, IndicatorSignalEvent, OrderbookEvent
from upbit_ws_qt.routing.ordering import AccountOrder, StreamOrder, TradeOrder
from upbit_ws_qt.streams import ALL_SYMBOLS, StreamKey, key_of_event, level_variant
from upbit_ws_qt.types import DataType, Delivery, WebSocketType

if TYPE_CHECKING:
    from upbit_ws_qt.connection.inbox import RawFrame
    from upbit_ws_qt.events import BaseWebSocketEvent
    from upbit_ws_qt.routing.data_pool import PoolCell
    from upbit_ws_qt.routing.lane import Lane
    from upbit_ws_qt.routing.route import Route
    from upbit_ws_qt.routing.stream_gate import StreamGate

__all__ = ["FanoutHub", "Group", "Topic"]

_MOST_HEADS = 8192
_LONGEST_HEAD = 96
_ACCOUNT_TYPES = tuple(t for t in DataType if t.websocket_type is WebSocketType.PRIVATE)


def _is_snapshot(data: bytes | str) -> bool:
    """Whether a frame says of itself that it is a snapshot."""
    return "SNAPSHOT" in data if isinstance(data, str) else b"SNAPSHOT" in data


class Topic:
    """One stream that somebody wants.

    Attributes:
        key: the stream.
        routes: its consumers, first come first.
        order: its guard; one for the whole type where objects, not streams, have an order.
        events: let through since the first consumer came.
        latest: the newest of them.
        cell: its place in the data pool; None where there is no pool.
        judge: of the guard.
        single: the only consumer, where events can go to it without further thought.
        lane: the short way to several consumers; None where there is none.
        may_have_lane: whether there may be one if somebody tries; nobody has since the consumers changed.
        gate: what stands before the guard after a gap; None for most of the time.
        every: how many consumers want every event, not the newest by the display frame or a batch.
        unskippable: how many must not lose any to a newer one, or want the snapshot alone.
        realtime: how many do not want the snapshot.
    """

    __slots__ = (
        "cell",
        "events",
        "every",
        "gate",
        "judge",
        "key",
        "lane",
        "latest",
        "may_have_lane",
        "order",
        "realtime",
        "routes",
        "single",
        "unskippable",
    )

    def __init__(self, key: StreamKey, order: StreamOrder | AccountOrder) -> None:
        self.key = key
        self.order = order
        self.judge = order.judge
        self.single: Route | None = None
        self.lane: Lane | None = None
        self.may_have_lane = False
        self.routes: tuple[Route, ...] = ()
        self.events = 0
        self.latest: BaseWebSocketEvent | None = None
        self.cell: PoolCell | None = None
        self.gate: StreamGate | None = None
        self.every = self.unskippable = self.realtime = 0

    def add(self, route: Route) -> None:
        """Let a route have the stream's events."""
        self.routes = (*self.routes, route)
        self._count(route, 1)

    def remove(self, route: Route) -> None:
        """Let a route have them no more."""
        place = self.routes.index(route)
        self.routes = self.routes[:place] + self.routes[place + 1 :]
        self._count(route, -1)

    def note_delivery(self, before: Delivery, now: Delivery) -> None:
        """Count anew a consumer that is served otherwise."""
        self.every += (now is Delivery.EVERY) - (before is Delivery.EVERY)

    def _count(self, route: Route, by: int) -> None:
        # Counted as they come and go: a thousand components that want the same streams come one after the other.
        spec = route.spec
        self.every += by * (spec.delivery is Delivery.EVERY)
        self.unskippable += by * (route.is_lossless or spec.only_snapshot)
        self.realtime += by * spec.only_realtime

    def begin_anew(self, order: StreamOrder | AccountOrder) -> None:
        """Forget what was let through: the next event is judged by a guard that knows of none."""
        self.order = order
        self.judge = order.judge
        self.latest = None
        self.gate = None
        if self.cell is not None:
            self.cell.clear()

    def reconsider_lane(self) -> None:
        """Use no lane until somebody has tried to make one, because consumers changed."""
        if self.lane is not None:
            self.lane.end()
        self.lane = None
        # Objects of the account have an order and consumers of their own.
        self.may_have_lane = len(self.routes) > 1 and not self.order.by_object

    def slot_seconds(self) -> float:
        """Return the seconds that the consumers' callbacks have taken so far."""
        return sum([route.busy_time for route in self.routes]) if self.lane is None else self.lane.seconds


class Group:
    """All topics of one (type, code): what the first bytes of a frame can tell.

    Attributes:
        name: the type on the wire.
        code: the market; "" where the type has none, or every market is wanted.
        only: the topic, where there can be but one; None for books by level, indicators and orders.
        conflatable: whether a newer frame of these bytes makes an older one superfluous: ticker or book, of one
            variant, and nobody asked for BLOCK, or for the snapshot alone.
        is_lazy: whether its frames can wait undecoded for the next display frame: conflatable, and every consumer
            wants just that.
        is_sampled: whether a sample of the latencies will do: public data.
        frame_size: bytes of a frame, the recent ones weighing most; 0 before the first.
        superseded: frames that newer ones replaced undecoded and that are not in the books of their consumers yet.
    """

    __slots__ = (
        "_by_level",
        "_consumers",
        "_may_wait",
        "_snapshots",
        "_tells_snapshots",
        "code",
        "conflatable",
        "data_type",
        "frame_size",
        "is_lazy",
        "is_sampled",
        "name",
        "only",
        "superseded",
        "topics",
    )

    def __init__(self, data_type: DataType, code: str, *, may_wait: bool) -> None:
        self.data_type = data_type
        self.name = data_type.value
        self.code = code
        self.topics: dict[str, Topic] = {}
        self.only: Topic | None = None
        self.conflatable = False
        self.is_lazy = False
        self._may_wait = may_wait
        self.is_sampled = data_type.websocket_type is WebSocketType.PUBLIC
        self.frame_size = 0.0
        self._by_level: dict[Decimal, Topic | None] = {}
        self._consumers: tuple[Route, ...] = ()  # where the group is conflatable
        self._tells_snapshots = False
        self.superseded = self._snapshots = 0

    def refresh(self) -> None:
        """Work out anew what follows from the topics and their consumers."""
        self.settle()
        plain = self.data_type is not DataType.ORDERBOOK and not self.data_type.is_indicator
        topics = tuple(self.topics.values())
        self.only = topics[0] if topics and plain and self.data_type is not DataType.MY_ORDER else None
        self.conflatable = self.data_type.newest_suffices and len(topics) == 1 and not topics[0].unskippable
        self._consumers = topics[0].routes if self.conflatable else ()
        self._tells_snapshots = self.conflatable and topics[0].realtime > 0
        self.is_lazy = self._may_wait and self.conflatable and not topics[0].every
        self._by_level.clear()

    def note_size(self, size: int) -> None:
        """Take in the size of one frame, in bytes."""
        self.frame_size = self.frame_size + (size - self.frame_size) / 8 if self.frame_size else float(size)

    def count_superseded(self, frame: RawFrame) -> None:
        """Count a frame that a newer one replaced undecoded; for settle(), since it happens with nearly every frame."""
        self.superseded += 1
        if self._tells_snapshots and _is_snapshot(frame.data):
            self._snapshots += 1

    def settle(self) -> None:
        """Put the frames that were replaced into the books of all that wanted them."""
        count, snapshots = self.superseded, self._snapshots
        if not count:
            return
        self.superseded = self._snapshots = 0
        for route in self._consumers:
            route.count_lost(count - snapshots if route.spec.only_realtime else count, superseded=True)

    def slot_seconds(self) -> float:
        """Return the seconds that the consumers' callbacks have taken so far."""
        return sum([topic.slot_seconds() for topic in self.topics.values()])

    def topic_for(self, event: BaseWebSocketEvent) -> Topic | None:
        """Return the topic of an event of this group, None where nobody wants its variant."""
        if self.only is not None:
            return self.only
        if isinstance(event, OrderbookEvent):
            level = event.level
            if level in self._by_level:
                return self._by_level[level]
            key = key_of_event(event)
            topic = None if key is None else self.topics.get(key.variant)
            if topic is not None:  # levels that nobody wants are not remembered: the wire could send any number
                self._by_level[level] = topic
            return topic
        if isinstance(event, (IndicatorEvent, IndicatorSignalEvent)):
            key = key_of_event(event)
            return None if key is None else self.topics.get(key.variant)
        return self.topics.get("")


class FanoutHub:
    """The consumers of every stream.

    Args:
        direct: whether a lone consumer may be named in Topic.single.
        may_wait: whether frames may wait undecoded where all consumers want display frames only; not where a history
            is kept.

    Attributes:
        topics: by stream.
        heads: first bytes of frames seen before, with their group; None where nobody wants it.
    """

    def __init__(self, *, direct: bool = True, may_wait: bool = True) -> None:
        self._direct = direct
        self._may_wait = may_wait
        self.topics: dict[StreamKey, Topic] = {}
        self.heads: dict[bytes, Group | None] = {}
        self._groups: dict[tuple[str, str], Group] = {}
        self._account = {data_type: AccountOrder() for data_type in _ACCOUNT_TYPES}

    def account_order(self, data_type: DataType) -> AccountOrder:
        """Return the one guard of a type of the private line."""
        return self._account[data_type]

    def forget(self) -> None:
        """Forget what was let through; consumers stay."""
        self._account = {data_type: AccountOrder() for data_type in _ACCOUNT_TYPES}
        for key, topic in self.topics.items():
            topic.begin_anew(self._make_order(key))

    def add(self, route: Route) -> tuple[Topic, ...]:
        """Let a route have the events of its streams; return the topics that are new."""
        made: list[Topic] = []
        for key in route.keys:
            topic = self.topics.get(key)
            if topic is None:
                topic = self._make(key)
                made.append(topic)
            topic.add(route)
            self._note_routes(topic)
            self._groups[key.data_type.value, key.symbol].refresh()
        return tuple(made)

    def remove(self, route: Route) -> tuple[Topic, ...]:
        """Let a route have nothing any more; return the topics that nobody wants now."""
        gone: list[Topic] = []
        for key in route.keys:
            topic = self.topics.get(key)
            if topic is None or route not in topic.routes:
                continue
            topic.remove(route)
            self._note_routes(topic)
            group = self._groups[key.data_type.value, key.symbol]
            if not topic.routes:
                gone.append(topic)
                del self.topics[key], group.topics[key.variant]
                # A head leads to a group that may be gone now, or be nobody's.
                self.heads.clear()
            if group.topics:
                group.refresh()
            else:
                del self._groups[key.data_type.value, key.symbol]
        return tuple(gone)

    def settle(self, route: Route) -> None:
        """Bring the books of a route up to date."""
        for key in route.keys:
            group = self._groups.get((key.data_type.value, key.symbol))
            if group is not None and group.superseded:
                group.settle()

    def refresh(self, route: Route, before: Delivery | None = None) -> None:
        """Work out anew what follows from how a route is served; `before` is its former delivery, if it had another."""
        for key in route.keys:
            topic = self.topics.get(key)
            if topic is not None:
                if before is not None and route in topic.routes:
                    topic.note_delivery(before, route.spec.delivery)
                topic.reconsider_lane()
                self._groups[key.data_type.value, key.symbol].refresh()

    def group(self, name: str, code: str) -> Group | None:
        """Return who wants a type and code, None where nobody does."""
        found = self._groups.get((name, code))
        if found is None and name == DataType.MY_ORDER:
            found = self._groups.get((name, ALL_SYMBOLS))
        return found

    def frame_size(self, key: StreamKey) -> float:
        """Return the bytes of a frame of a stream, 0 before the first."""
        group = self._groups.get((key.data_type.value, key.symbol))
        return 0.0 if group is None else group.frame_size

    def learn(self, head: bytes, group: Group | None) -> None:
        """Remember to which group the first bytes of a frame lead."""
        if len(head) > _LONGEST_HEAD:
            return
        # Text from outside, so it is bounded; all are learnt again by one look at a frame each.
        if len(self.heads) >= _MOST_HEADS:
            self.heads.clear()
        self.heads[head] = group

    def routes_for(self, topic: Topic | None, event: BaseWebSocketEvent) -> tuple[Route, ...]:
        """Return an event's consumers: for an order also those that want every market."""
        routes = () if topic is None else topic.routes
        if event.type != DataType.MY_ORDER:
            return routes
        everywhere = self.topics.get(StreamKey(DataType.MY_ORDER, ALL_SYMBOLS))
        if everywhere is None or everywhere is topic:
            return routes
        return tuple(dict.fromkeys((*routes, *everywhere.routes)))

    def routes_of_frame(self, name: str, code: str, level: bytes) -> tuple[Route, ...]:
        """Return who wants a frame of which no more is known than what it says of itself.

        Args:
            name: its type.
            code: its market.
            level: as it stands in a book, b"0" where it does not, and for other types.
        """
        group = self.group(name, code)
        if group is None:
            return ()
        only = len(group.topics) == 1
        topic = next(iter(group.topics.values())) if only else group.topics.get(level_variant(Decimal(level.decode())))
        routes = () if topic is None else topic.routes
        everywhere = self.topics.get(StreamKey(DataType.MY_ORDER, ALL_SYMBOLS)) if name == DataType.MY_ORDER else None
        return routes if everywhere is None else tuple(dict.fromkeys((*routes, *everywhere.routes)))

    def _make_order(self, key: StreamKey) -> StreamOrder | AccountOrder:
        if key.data_type in self._account:
            return self._account[key.data_type]
        return TradeOrder() if key.data_type is DataType.TRADE else StreamOrder()

    def _note_routes(self, topic: Topic) -> None:
        routes = topic.routes
        topic.reconsider_lane()
        topic.single = routes[0] if self._direct and len(routes) == 1 and not topic.order.by_object else None

    def _make(self, key: StreamKey) -> Topic:
        topic = self.topics[key] = Topic(key, self._make_order(key))
        place = (key.data_type.value, key.symbol)
        group = self._groups.get(place)
        if group is None:
            group = self._groups[place] = Group(key.data_type, key.symbol, may_wait=self._may_wait)
        group.topics[key.variant] = topic
        self.heads.clear()
        return topic
