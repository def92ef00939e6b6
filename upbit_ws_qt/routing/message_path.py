"""The hot path: from a raw frame to the consumers of its event, checked, decoded once, in order and counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import force_setattr

from upbit_ws_qt.connection.inbox import stream_of
from upbit_ws_qt.errors import DecodeError
from upbit_ws_qt.events import BaseWebSocketEvent, stamp
from upbit_ws_qt.routing.display import MessageHold
from upbit_ws_qt.routing.fanout import FanoutHub
from upbit_ws_qt.routing.lane import Lane
from upbit_ws_qt.routing.ordering import Verdict
from upbit_ws_qt.routing.statistics import RoutingCounters
from upbit_ws_qt.streams import key_of_event
from upbit_ws_qt.tasks import inside_task
from upbit_ws_qt.types import DataType
from upbit_ws_qt.wire import CODE_BEGINS, decode, decode_late, peek

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from upbit_ws_qt.config import ServiceConfig
    from upbit_ws_qt.connection.inbox import LostStream, RawFrame
    from upbit_ws_qt.routing.components import Dispatcher
    from upbit_ws_qt.routing.data_pool import DataPoolManager
    from upbit_ws_qt.routing.fanout import Group, Topic
    from upbit_ws_qt.routing.route import Route
    from upbit_ws_qt.types import WebSocketType
    from upbit_ws_qt.wire import WebSocketMessage

__all__ = ["MessagePath"]

_BACKLOG_EVERY = 63  # the backlog is looked at once in so many frames plus one
_SAMPLE = 15  # latencies of one public frame in sixteen; of every private one


class _Unknown:
    """Stands for a group that only decoding can tell; its frames are no basis for figures."""

    is_sampled = True
    conflatable = False


_UNKNOWN: Any = _Unknown()
_HELD = Verdict.HELD


class MessagePath:
    """Takes messages and events and offers them to the consumers in the hub.

    Attributes:
        hub: who wants what.
        meter: counts what happens on the way.
        hold: tickers and books that wait undecoded.
        on_announcement: called with each announcement, before its consumers.
        on_account: called with each event of the private line, before its consumers.
        on_unreadable: called with what a frame that could not be read says of itself.
    """

    def __init__(
        self,
        config: ServiceConfig,
        *,
        dispatcher: Dispatcher,
        is_current_epoch: Callable[[WebSocketType, int], bool],
        on_decode_error: Callable[[WebSocketType, DecodeError], None],
        on_control: Callable[[WebSocketType, WebSocketMessage], None],
        pool: DataPoolManager | None,
        backlog: Callable[[], int] | None,
    ) -> None:
        self._dispatcher = dispatcher
        self._beat = dispatcher.beat
        self._loop = dispatcher.loop
        self._clock = dispatcher.clock
        self._thread_time = dispatcher.computer.thread_time
        self._debug = dispatcher.debug
        self._is_current_epoch = is_current_epoch
        self._on_decode_error = on_decode_error
        self._on_control = on_control
        self._pool = pool
        self._backlog = backlog
        self.hub = FanoutHub(direct=not dispatcher.debug, may_wait=not config.history_length)
        self._heads = self.hub.heads
        self.meter = RoutingCounters(dispatcher.clock)
        self.hold = MessageHold(
            self._loop,
            1.0 / config.frame_rate,
            config.drain_budget,
            self._route_held,
            dispatcher.frames.expect,
            dispatcher.stopwatch,
        )
        self._unfinished: list[tuple[BaseWebSocketEvent, Iterable[Route]]] = []
        self.on_announcement: Callable[[BaseWebSocketEvent], None] | None = None
        self.on_account: Callable[[BaseWebSocketEvent], None] | None = None
        self.on_unreadable: Callable[[LostStream], None] | None = None

    def route_frame(self, frame: RawFrame) -> None:
        """Take one raw frame from the drain; never from inside a Task."""
        data = frame.data
        meter = self.meter
        meter.frames = count = meter.frames + 1
        is_current = self._is_current_epoch  # as in Route: an attribute that is called takes longer to be found
        if not is_current(frame.ws_type, frame.epoch):
            meter.old_epoch += 1
            return
        # The first bytes tell type and market, and a look into a dict by them costs little beside decoding.
        head = data[: data.find(b",", CODE_BEGINS)] if type(data) is bytes else b""
        group = self._heads.get(head, _UNKNOWN)
        if group is _UNKNOWN:
            group = self._find_group(head, data)
        if group is None:
            meter.unwanted += 1
            return
        if not count & _BACKLOG_EVERY and self._backlog is not None:
            self.hold.note_backlog(self._backlog())
        if group.conflatable and (group.is_lazy or self.hold.in_use) and self.hold.take(group, frame):
            return
        if count & _SAMPLE and group.is_sampled:
            event: Any = decode_late(data, head)  # type: ignore[arg-type]  # text has no head, and none is known
            if event is not None:  # as nearly always: the short way of what _decode does
                force_setattr(event, "epoch", frame.epoch)
                force_setattr(event, "received_at", frame.received_at)
                self._accept(group, event)
                return
        self._decode(frame, group, head)

    def route_event(self, event: BaseWebSocketEvent) -> int:
        """Hand out one stamped event, order guard included; return to how many consumers it was offered."""
        group = self.hub.group(event.type, event.code)
        if group is None:
            self.meter.unrouted += 1
            return 0
        return self._accept(group, event)

    def _find_group(self, head: bytes, data: bytes | str) -> Group | None:
        """Return who wants a frame whose first bytes are new; _UNKNOWN where only decoding can tell."""
        name = peek(data)
        if name is None:
            return _UNKNOWN  # type: ignore[no-any-return]
        group = self.hub.group(*name)
        # A head must reach up to the end of the code, or it says too little; one of a list could hide further messages.
        if name[1] and head.startswith(b"{") and head.endswith(f'"{name[1]}"'.encode()) and b"," in head:
            self.hub.learn(head, group)
            if group is not None:
                group.note_size(len(data))
        return group

    def _route_held(self, frame: RawFrame) -> None:
        """Route a frame that was held back; who wants it may have changed meanwhile, and so may the line."""
        if not self._is_current_epoch(frame.ws_type, frame.epoch):
            self.meter.old_epoch += 1
            return
        data = frame.data
        head = data[: data.find(b",", CODE_BEGINS)] if type(data) is bytes else b""
        group = self._find_group(b"", data)
        if group is None:
            self.meter.unwanted += 1
            return
        self._decode(frame, group, head)

    def _decode(self, frame: RawFrame, group: Group, head: bytes) -> None:
        """Make the event of a frame and hand it out; `head` are its bytes before the comma behind the code."""
        data: Any = frame.data
        meter = self.meter
        began = 0.0 if meter.frames & _SAMPLE and group.is_sampled else self._clock()
        cpu_began = self._thread_time() if began else 0.0
        event: Any = decode_late(data, head)
        if event is None:
            try:
                messages = decode(data)
            except DecodeError as error:
                self._note_unreadable(frame, error)
                return
            if group is _UNKNOWN:
                self._route_unknown(frame, messages, began, cpu_began)
                return
            event = messages[0]  # peek has vouched for one event of this type and code
        force_setattr(event, "epoch", frame.epoch)
        force_setattr(event, "received_at", frame.received_at)
        if not began:
            self._accept(group, event)
            return
        self._accept_measured(group, event, began, cpu_began, len(data))

    def _note_unreadable(self, frame: RawFrame, error: DecodeError) -> None:
        self.meter.decode_errors_on[frame.ws_type] += 1
        self._on_decode_error(frame.ws_type, error)
        stream = stream_of(frame.data)
        if stream is not None and self.on_unreadable is not None:
            self.on_unreadable(stream)

    def _accept_measured(
        self, group: Group, event: BaseWebSocketEvent, began: float, cpu_began: float, size: int
    ) -> None:
        """Hand out an event and note what it took: one public frame in sixteen, and every private one."""
        decoded_at, cpu_decoded = self._clock(), self._thread_time()
        group.note_size(size)
        in_slots, beats = group.slot_seconds(), self._beat.count
        self._accept(group, event)
        # A consumer that ran a nested event loop is no work of ours.
        slots = group.slot_seconds() - in_slots if self._beat.count == beats else None
        weight = _SAMPLE + 1 if group.is_sampled else 1
        cpu = (cpu_decoded - cpu_began, self._thread_time() - cpu_decoded)
        self.meter.sample(event, began=began, decoded_at=decoded_at, cpu=cpu, slots=slots, weight=weight)

    def _route_unknown(
        self, frame: RawFrame, messages: tuple[WebSocketMessage, ...], began: float, cpu_began: float
    ) -> None:
        """Route what only decoding could tell: events with another order of keys, lists, and what is no event."""
        size = len(frame.data) // len(messages)
        for message in messages:
            if not isinstance(message, BaseWebSocketEvent):
                self.meter.control += 1
                self._on_control(frame.ws_type, message)
                continue
            stamp(message, frame.epoch, frame.received_at)
            group = self.hub.group(message.type, message.code) if began else None
            if group is None:
                self.route_event(message)
            else:
                self._accept_measured(group, message, began, cpu_began, size)

    def _accept(self, group: Group, event: BaseWebSocketEvent) -> int:
        """Judge an event and hand it out; return to how many consumers."""
        topic = group.only
        if topic is None:
            topic = group.topic_for(event)
            if topic is None:
                self.meter.unrouted += 1
                return 0
        judge = topic.judge
        verdict = judge(event)
        if verdict and verdict is not _HELD:
            return self._refuse(topic, event, verdict)
        self.meter.events += 1
        topic.events += 1
        topic.latest = event
        cell = topic.cell
        if cell is not None:
            cell.latest = event
            if cell.history is not None:
                cell.remember(event)
        single = topic.single
        if verdict or self._unfinished or self._beat.idle:
            routes = self._routes_of(topic, event)
            if verdict and topic.gate is not None:
                routes = topic.gate.others(routes)
            return self.fan_out(routes, event)
        if single is not None:
            offer = single.offer
            offer(event)
            return 1
        if topic.may_have_lane:
            self._make_lane(topic)
        if topic.lane is None:
            return self.fan_out(self._routes_of(topic, event), event)
        return self._hand_by(topic.lane, event)

    def _routes_of(self, topic: Topic, event: BaseWebSocketEvent) -> tuple[Route, ...]:
        """Return the consumers of an event; one of the account is noted in the pool on the way."""
        if not topic.order.by_object:
            return topic.routes
        if self.on_announcement is not None and event.type == DataType.ANNOUNCEMENT:
            self.on_announcement(event)
        if self.on_account is not None:
            self.on_account(event)
        if self._pool is not None:
            self._pool.account.store(event)
            key = key_of_event(event)
            if key is not None and key not in self.hub.topics:  # an order of a market wanted with all others
                self._pool.cell(key).store(event)
        return self.hub.routes_for(topic, event)

    def fan_out(self, routes: tuple[Route, ...], event: BaseWebSocketEvent) -> int:
        """Offer an event to its consumers.

        A consumer may run a nested event loop, in which further events come in. Then what is unfinished out here is
        finished first, so that nobody behind that consumer has to wait, or sees a newer event before an older one.
        """
        if self._debug:
            assert not inside_task(self._loop), "events are routed from the drain, never inside a Task"
        if self._beat.idle:
            self._beat.keep()
        unfinished = self._unfinished
        unfinished.append((event, iter(routes)))
        try:
            for other, rest in tuple(unfinished):
                for route in rest:
                    offer = route.offer
                    offer(other)
        finally:
            unfinished.pop()
        return len(routes)

    def _make_lane(self, topic: Topic) -> None:
        """Make a lane for a topic where each of its consumers takes every event as it comes."""
        topic.may_have_lane = False
        calls = [call for route in topic.routes if (call := route.direct_call) is not None]
        if len(calls) == len(topic.routes):
            lane = topic.lane = Lane(self._dispatcher, topic.routes, tuple(calls), topic.reconsider_lane)
            for route in topic.routes:
                route.use(lane)

    def _hand_by(self, lane: Lane, event: BaseWebSocketEvent) -> int:
        """Hand an event to all consumers of a lane; see `fan_out`."""
        if self._debug:
            assert not inside_task(self._loop), "events are routed from the drain, never inside a Task"
        unfinished = self._unfinished
        unfinished.append((event, lane))
        try:
            lane.hand(event)
        finally:
            unfinished.pop()
        return len(lane.routes)

    def _refuse(self, topic: Topic, event: BaseWebSocketEvent, verdict: Verdict) -> int:
        """Count what is no news; a snapshot still goes to those that asked for nothing else."""
        if verdict is Verdict.WAITING:
            return 0
        self.meter.refuse(event.websocket_type, stale=verdict is Verdict.STALE)
        if not event.is_snapshot:
            return 0
        return self.fan_out(tuple(route for route in topic.routes if route.spec.only_snapshot), event)
