"""Keeps the channels: a stream is wanted while somebody listens to its channel, and no longer."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from PyQt6 import sip
from PyQt6.QtCore import QMetaObject, QObject, pyqtSlot

from upbit_ws_qt.errors import SubscriptionError, WebSocketError
from upbit_ws_qt.manager.notify import CallQueue
from upbit_ws_qt.qt.channel import Channel, channel_class
from upbit_ws_qt.qt.ending import loop_lives
from upbit_ws_qt.silence import SilenceDetector
from upbit_ws_qt.streams import StreamKey, streams_of
from upbit_ws_qt.types import ConnectionState, DataType, Delivery, WebSocketType
from upbit_ws_qt.wire import check_spec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from upbit_ws_qt.backfill import StreamRecovery
    from upbit_ws_qt.connection import GapEvent
    from upbit_ws_qt.manager import ComponentSubscription, GlobalWebSocketManager
    from upbit_ws_qt.qt.stale_rows import StaleRow
    from upbit_ws_qt.specs import SubscriptionSpec
    from upbit_ws_qt.subscriptions import StreamStatus

__all__ = ["ChannelHub"]

_DOWN = frozenset({ConnectionState.RECONNECTING, ConnectionState.FAILED, ConnectionState.STOPPED})


class _Tap:
    """A channel whose stream is wanted: what it holds with the manager, and how busy it is.

    Attributes:
        channel: the channel.
        feed: where its events come in.
        stream: what it is about.
        is_public: whether that comes by the public line.
        handles: its wishes.
        fell_silent: told the newest event by each look, whether the silence of a busy stream has begun.
    """

    __slots__ = ("_gone", "channel", "feed", "fell_silent", "handles", "is_public", "stream")

    def __init__(self, channel: Channel, stream: StreamKey, gone: QMetaObject.Connection) -> None:
        self.channel = channel
        self.feed = channel.feed
        self.stream = stream
        self.is_public = stream.websocket_type is WebSocketType.PUBLIC
        self.handles: dict[Delivery, ComponentSubscription] = {}
        self.fell_silent: Callable[[object], bool] = SilenceDetector().look
        self._gone = gone

    @property
    def specs(self) -> Iterable[SubscriptionSpec]:
        """What it wants of the manager."""
        return (spec for handle in self.handles.values() for spec in handle.specs)

    def close(self) -> None:
        """End its wishes."""
        for handle in self.handles.values():
            handle.close()
        self.handles.clear()
        if not sip.isdeleted(self.channel):
            self.channel.destroyed.disconnect(self._gone)


class ChannelHub(QObject):
    """The channels of one service: one for each distinct wish that all who ask the service share, and those of owners.

    It is a QObject because of an object that dies only the bound methods of another one that lives on are sure to run.
    """

    def __init__(self, manager: GlobalWebSocketManager, on_error: Callable[[WebSocketError], None]) -> None:
        super().__init__()
        self._manager = manager
        self._on_error = on_error
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        # A look-up, not a lifetime: a shared channel lives while it is listened to or referred to, and leaves this
        # table by itself when it goes.
        self._shared: WeakValueDictionary[SubscriptionSpec, Channel] = WeakValueDictionary()
        self._taps: dict[Channel, _Tap] = {}
        self._by_stream: dict[StreamKey, dict[Channel, _Tap]] = {}
        self._rows: dict[StreamKey, dict[StaleRow, None]] = {}
        self._touched: dict[Channel, None] = {}
        self._calls = CallQueue(self._loop)
        self._timer: asyncio.TimerHandle | None = None
        self._look_interval = manager.config.busy_silence_timeout / SilenceDetector.QUIET_LOOKS
        self._closed = False

    def __len__(self) -> int:
        """Return how many channels have their stream wanted."""
        return len(self._taps)

    @property
    def watched(self) -> int:
        """How many streams of subscriptions are told whether they are out of date."""
        return sum(map(len, self._rows.values()))

    def channel(self, spec: SubscriptionSpec) -> Channel:
        """Return the shared channel of a wish; the same object for equal wishes while anybody refers to it.

        It is kept until the next turn of the loop at least: in `ticker(code).received.connect(…)` nothing else would
        keep it, because a bound signal does not, and connecting the signal of a deleted object crashes.
        """
        found = self._shared.get(spec)
        if found is None or sip.isdeleted(found):
            check_spec(spec, region=self._manager.config.region)
            name = f"channel {streams_of(spec)[0]}"
            found = self._shared[spec] = channel_class(spec.data_type)(spec, name, self._touch)
        self._touch(found)
        return found

    def own(self, spec: SubscriptionSpec, component_id: str, alive: Callable[[], bool]) -> Channel:
        """Make a channel for one owner, whose name its wishes have; it is wanted until it is closed.

        `alive` is asked whether the owner still lives, in case nobody says that it died.
        """
        check_spec(spec, region=self._manager.config.region)
        channel = channel_class(spec.data_type)(spec, component_id, self._touch, alive=alive, on_close=self._on_closed)
        self._touch(channel)
        return channel

    def _on_closed(self, channel: Channel) -> None:
        """End the wishes of an owner's channel at once."""
        if (tap := self._taps.get(channel)) is not None:
            self._drop(tap)
        self._touch(channel)  # looking for silence may be over

    def close(self) -> None:
        """End all wishes; the channels stay and say that they are stale."""
        self._closed = True
        self._touched.clear()
        for tap in tuple(self._taps.values()):
            self._drop(tap)
            if loop_lives(self._loop):
                self._loop.call_soon(tap.channel.set_stale, True)  # the caller may be a Task
        rows = [row for ws_type in WebSocketType for row in self._rows_on(ws_type)]
        self._rows.clear()
        if loop_lives(self._loop):
            self._loop.call_soon(partial(self._note_stale, rows, stale=True))
        self._stop_looking()

    # -- what the manager tells ---------------------------------------------------------------------------------------
    def on_connection_state(self, ws_type: WebSocketType, state: ConnectionState) -> None:
        """A line that is lost makes all its channels stale; one that is proved makes those fresh that it serves."""
        if state in _DOWN:
            self._note_stale(self._watched_on(ws_type), stale=True, fresh_from=self._next_epoch(ws_type))
        elif state is ConnectionState.CONNECTED:
            status = self._manager.wiring.stream_status
            served = [entry for entry in self._watched_on(ws_type) if status(entry.stream).is_served]
            self._note_stale(served, stale=False)

    def on_stream_status(self, stream: StreamKey, status: StreamStatus) -> None:
        """A stream that is not served is stale; one that is proved again is not, even where nothing new came of it."""
        connected = self._manager.connection_state(stream.websocket_type) is ConnectionState.CONNECTED
        if status.is_failed or (status.is_served and connected):
            self._note_stale([*self._taps_on(stream), *self._rows.get(stream, ())], stale=status.is_failed)

    def on_gap(self, gap: GapEvent) -> None:
        """What may have missed something is not whole any more."""
        self._note_whole(
            [tap for each in gap.ranges if each.may_have_missed for tap in self._taps_on(each.stream)], whole=False
        )

    def on_stream_healed(self, recovery: StreamRecovery) -> None:
        """What was recovered whole is whole again, for those who are handed it."""
        if recovery.is_whole:
            wants = self._manager.wiring.backfill.wants
            taps = [tap for tap in self._taps_on(recovery.stream) if any(map(wants, tap.specs))]
            self._note_whole(taps, whole=True)

    def _taps_on(self, stream: StreamKey) -> Iterable[_Tap]:
        if stream == StreamKey(DataType.MY_ORDER):  # brings the orders of single markets, too
            return [tap for tap in self._taps.values() if tap.stream.data_type is DataType.MY_ORDER]
        return self._by_stream.get(stream, {}).values()

    def _note_whole(self, taps: Iterable[_Tap], *, whole: bool) -> None:
        told = [tap.channel for tap in taps if tap.channel.note_whole(whole)]
        self._calls.send([partial(channel.wholeChanged.emit, whole) for channel in told])

    def _next_epoch(self, ws_type: WebSocketType) -> int:
        return self._manager.get_current_epoch(ws_type) + 1

    def _note_stale(self, watched: Iterable[_Tap | StaleRow], *, stale: bool, fresh_from: int = 0) -> None:
        """Have all channels know it before the first says it: a slot may open a dialog, and the line may come back."""
        each = [entry.channel if isinstance(entry, _Tap) else entry for entry in watched]
        for entry in each:
            entry.note_stale(stale, fresh_from)
        self._calls.send([entry.tell_stale for entry in each])

    # -- rows of subscriptions ----------------------------------------------------------------------------------------
    def watch(self, row: StaleRow) -> None:
        """Tell a row from now on whether its stream is out of date."""
        self._rows.setdefault(row.stream, {})[row] = None
        down = self._manager.connection_state(row.stream.websocket_type) in _DOWN
        stale = down or self._manager.wiring.stream_status(row.stream).is_failed
        row.note_stale(stale)
        self._loop.call_soon(row.tell_stale)  # the caller may be a Task
        self._look_on()

    def unwatch(self, row: StaleRow) -> None:
        """Tell a row nothing more; one that is not known is ignored."""
        rows = self._rows.get(row.stream)
        if rows is not None and row in rows:
            del rows[row]
            if not rows:
                del self._rows[row.stream]
        self._look_on()

    def _rows_on(self, ws_type: WebSocketType) -> Iterable[StaleRow]:
        return [row for stream, rows in self._rows.items() if stream.websocket_type is ws_type for row in rows]

    def _watched_on(self, ws_type: WebSocketType) -> Iterable[_Tap | StaleRow]:
        return [*self._taps_of(ws_type), *self._rows_on(ws_type)]

    # -- who listens --------------------------------------------------------------------------------------------------
    def _touch(self, channel: Channel) -> None:
        """Look after a channel in the next turn of the loop: Qt may hold its locks now, and this may be any thread."""
        if self._closed or not loop_lives(self._loop):
            return
        first = not self._touched
        self._touched[channel] = None
        if not first:
            return
        if threading.get_ident() == self._thread:
            self._loop.call_soon(self._review)
        else:
            self._loop.call_soon_threadsafe(self._review)

    def _review(self) -> None:
        touched, self._touched = self._touched, {}  # what is touched meanwhile, in a dialog too, is looked after anew
        self._calls.send([partial(self._look_after, channel) for channel in touched])

    def _look_after(self, channel: Channel) -> None:
        if self._closed:
            return
        try:
            if not sip.isdeleted(channel):
                self._adjust(channel)
        except WebSocketError as error:
            self._on_error(error)
        self._look_on()

    def _look_on(self) -> None:
        """Look for silence as long as there is somebody to tell of it."""
        if not (self._taps or self._rows):
            self._stop_looking()
        elif self._timer is None and not self._closed:
            self._timer = self._loop.call_later(self._look_interval, self._look)

    def _adjust(self, channel: Channel) -> None:
        """Make a channel's wishes those of its listeners."""
        wanted = channel.wanted()
        if wanted and channel.ended:
            raise SubscriptionError(
                f"nothing comes by this channel of {channel.spec} any more: its proxy has ended; make a new proxy",
                spec=channel.spec,
                component_id=channel.component_id,
            )
        tap = self._taps.get(channel)
        if not wanted:
            if tap is not None:
                self._drop(tap)
            return
        if tap is None:
            tap = self._add(channel)
        try:
            for delivery in wanted - tap.handles.keys():
                tap.handles[delivery] = self._register(channel, delivery)
        except WebSocketError:
            if not tap.handles:
                self._drop(tap)
            raise
        for delivery in tap.handles.keys() - wanted:
            tap.handles.pop(delivery).close()

    def _register(self, channel: Channel, delivery: Delivery) -> ComponentSubscription:
        feed = channel.feed
        callback = feed.deliver_received if delivery is Delivery.EVERY else feed.deliver_frame
        return self._manager.register_component(
            channel.component_id,
            _with_delivery(channel.spec, delivery),
            callback,
            alive=channel.alive,
            restorable=False,  # who listens decides what is wanted
        )

    def _add(self, channel: Channel) -> _Tap:
        stream = streams_of(channel.spec)[0]
        tap = self._taps[channel] = _Tap(channel, stream, channel.destroyed.connect(self._on_channel_destroyed))
        self._by_stream.setdefault(stream, {})[channel] = tap
        channel.note_whole(True)
        channel.set_stale(self._manager.connection_state(stream.websocket_type) in _DOWN)
        return tap

    def _drop(self, tap: _Tap) -> None:
        if loop_lives(self._loop) and not sip.isdeleted(self):  # else the program ends, and nobody is left to be told
            tap.close()
        del self._taps[tap.channel]
        others = self._by_stream[tap.stream]
        del others[tap.channel]
        if not others:
            del self._by_stream[tap.stream]

    @pyqtSlot()
    def _on_channel_destroyed(self) -> None:
        """Drop a channel that somebody deleted, at once: emitting a signal of a deleted object crashes."""
        for tap in tuple(self._taps.values()):
            if sip.isdeleted(tap.channel):
                self._drop(tap)

    def _taps_of(self, ws_type: WebSocketType) -> tuple[_Tap, ...]:
        return tuple(tap for tap in self._taps.values() if tap.stream.websocket_type is ws_type)

    # -- age --------------------------------------------------------------------------------------------------------
    def _look(self) -> None:
        self._timer = self._loop.call_later(self._look_interval, self._look)
        public = WebSocketType.PUBLIC
        silent = [row for row in self._rows_on(public) if row.has_fallen_silent()]
        # One call for each channel, of which there may be a thousand, and that once a second.
        quiet = [tap for tap in self._taps.values() if tap.is_public and tap.fell_silent(tap.feed.latest)]
        self._note_stale([*quiet, *silent], stale=True)
        if self._manager.connection_state(public) not in _DOWN:
            # A channel knows by itself that something came; the callback of a subscription is none of its signals.
            self._note_stale([row for row in self._rows_on(public) if row.has_news()], stale=False)

    def _stop_looking(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _with_delivery(spec: SubscriptionSpec, delivery: Delivery) -> SubscriptionSpec:
    return spec if spec.delivery is delivery else replace(spec, delivery=delivery)
