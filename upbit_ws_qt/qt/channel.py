"""Channels: one small object per stream, with typed signals that widgets connect to directly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast
from weakref import ref

from PyQt6 import sip
from PyQt6.QtCore import QMetaMethod, QObject, pyqtSignal

from upbit_ws_qt.events import (
    AnnouncementEvent,
    BaseWebSocketEvent,
    CandleEvent,
    IndicatorEvent,
    IndicatorSignalEvent,
    MyAssetEvent,
    MyOrderEvent,
    OrderbookEvent,
    TickerEvent,
    TradeEvent,
)
from upbit_ws_qt.types import DataType, Delivery

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt.qt.signals import SignalOf
    from upbit_ws_qt.specs import SubscriptionSpec

__all__ = [
    "AnnouncementChannel",
    "CandleChannel",
    "Channel",
    "IndicatorChannel",
    "IndicatorSignalChannel",
    "MyAssetChannel",
    "MyOrderChannel",
    "OrderbookChannel",
    "TickerChannel",
    "TradeChannel",
    "channel_class",
]

_SIGNALS = frozenset({b"received", b"frame"})


class Feed:
    """Where the events of a channel come in; for the service only.

    It is looked at for each event, and so it is an object of its own: a QObject with attributes takes many more places
    in memory, and those of a thousand channels are in no cache: with five channels on one stream that was a third of
    what a message cost.

    Attributes:
        latest: the newest event.
        is_stale: whether that may be out of date.
    """

    __slots__ = ("_channel", "_emit_frame", "_emit_received", "_fresh_from", "is_stale", "latest")

    def __init__(self, channel: Channel) -> None:
        self.latest: BaseWebSocketEvent | None = None
        self.is_stale = False
        self._fresh_from = 0  # epoch
        self._channel = ref(channel)  # which holds this object
        self._emit_received = channel.received.emit  # bound once: a bound signal costs more than an emission
        self._emit_frame = channel.frame.emit

    def deliver_received(self, event: BaseWebSocketEvent) -> None:
        """Hand an event to `received`."""
        self.latest = event
        if self.is_stale:
            self._refresh(event)
        emit = self._emit_received
        emit(event)

    def deliver_frame(self, event: BaseWebSocketEvent) -> None:
        """Hand an event to `frame`."""
        self.latest = event
        if self.is_stale:
            self._refresh(event)
        emit = self._emit_frame
        emit(event)

    def note_stale(self, stale: bool, fresh_from: int = 0) -> None:
        """Know whether what was last received is out of date; nothing of an epoch before `fresh_from` changes that."""
        self.is_stale = stale
        self._fresh_from = max(self._fresh_from, fresh_from)

    def _refresh(self, event: BaseWebSocketEvent) -> None:
        # What a lost line has still brought is handed out after its loss was told, and is as old as what was there.
        channel = self._channel()
        if channel is not None and event.epoch >= self._fresh_from:
            channel.set_stale(False)


class Channel(QObject):
    """The events of one stream; ask the service or a proxy for it, never make one. Keep the channel, not its signals.

    A proxy's channel is the proxy's own: the exchange is asked for the stream for as long as the proxy lasts, and all
    that was connected to the channel, lambdas too, is disconnected when the proxy ends.

    A service's channel is shared by all who ask for the same. The exchange is asked for the stream while something is
    connected to `received` or `frame`. A decorated slot (`pyqtSlot`) of a destroyed widget counts no more at once, any
    other bound method from the next event on; a lambda counts until it is disconnected.

    Signals of the classes below:
        received(event): each event.
        frame(event): the newest one, at most once per display frame.
    Signals of all:
        staleChanged(bool): what was last received is no longer, or is again, the present state; see `is_stale`.
        wholeChanged(bool): something was missed for good so far, or has been recovered; see `is_whole`.
    """

    staleChanged = cast("SignalOf[bool]", pyqtSignal(bool))
    wholeChanged = cast("SignalOf[bool]", pyqtSignal(bool))

    # Named here for what handles any channel; each class below has them with its own type of event.
    received: SignalOf[Any]
    frame: SignalOf[Any]

    def __init__(
        self,
        spec: SubscriptionSpec,
        component_id: str,
        on_listeners: Callable[[Channel], None],
        *,
        alive: Callable[[], bool] | None = None,
        on_close: Callable[[Channel], None] | None = None,
    ) -> None:
        super().__init__()
        self.spec = spec
        self.component_id = component_id
        self.alive = alive  # whether the owner lives; None where it is shared
        self._on_listeners = on_listeners
        self._on_close = on_close
        self._ended = False
        self._told_stale = False
        self._whole = True
        self.feed = Feed(self)

    def __repr__(self) -> str:
        state = "ended" if self._ended else "stale" if self.feed.is_stale else "fresh"
        return f"<{type(self).__name__} {' '.join((*self.spec.symbols, state))}>"

    @property
    def specs(self) -> tuple[SubscriptionSpec, ...]:
        """What is wanted by it, as of a subscription: its one spec."""
        return (self.spec,)

    @property
    def latest(self) -> Any:
        """The newest event that came while somebody listened; None before the first one."""
        return self.feed.latest

    @property
    def stale(self) -> bool:
        """Whether `latest` may not be the present state: the line is down, or no fresh event has come since it was.

        A stream that is known to be busy is stale too when nothing has come for a while. Silence of the types that
        speak only when something happens (orders, assets, announcements, indicators) is never staleness.
        """
        return self.feed.is_stale

    @property
    def is_stale(self) -> bool:
        """The same as `stale`: do not act on what may be out of date."""
        return self.feed.is_stale

    @property
    def is_whole(self) -> bool:
        """Whether nothing was missed since somebody listens, or all that was has been handed out by now.

        Of trades, candles, own orders and assets; of the other types the newest tells all, and they are always whole.
        What was missed is recovered where `ServiceConfig.backfill` says so, for who listens to `received`.
        """
        return self._whole

    @property
    def ended(self) -> bool:
        """Whether it was closed, by hand or with the proxy whose channel it is: nothing comes by it any more."""
        return self._ended

    @property
    def has_received_listeners(self) -> bool:
        """Whether something is connected to `received`."""
        return self.receivers(self.received) > 0

    @property
    def has_frame_listeners(self) -> bool:
        """Whether something is connected to `frame`."""
        return self.receivers(self.frame) > 0

    def wanted(self) -> set[Delivery]:
        """Return how the stream is wanted at present: by those who listen, or by the owner; for the service only."""
        wanted = set()
        if self.has_received_listeners:
            wanted.add(Delivery.EVERY)
        if self.has_frame_listeners or (self._on_close is not None and not wanted and not self._ended):
            wanted.add(Delivery.FRAME)
        return wanted

    def close(self) -> None:
        """End a proxy's channel: its wish now, and all connections that were made through it; idempotent.

        The object stays for whoever still refers to it, because PyQt crashes the interpreter where a signal of a
        deleted object is used. The service's channel, which others may listen to, goes on.
        """
        if self._on_close is None or self._ended or sip.isdeleted(self):
            return
        self._ended = self._told_stale = True
        self.feed.note_stale(True)
        self._on_close(self)
        for signal in (self.received, self.frame, self.staleChanged, self.wholeChanged):
            if self.receivers(signal):  # disconnecting what nothing is connected to is a TypeError
                signal.disconnect()

    def set_stale(self, stale: bool) -> None:
        """Say whether what was last received is out of date; for the service only."""
        self.feed.note_stale(stale)
        if stale is not self._told_stale:
            self._told_stale = stale
            self.staleChanged.emit(stale)

    def note_stale(self, stale: bool, fresh_from: int = 0) -> None:
        """Know whether what was last received is out of date, and say it with `tell_stale`; for the service only."""
        self.feed.note_stale(stale, fresh_from)

    def tell_stale(self) -> None:
        """Say what was noted, where it is not what was said last; for the service only."""
        self.set_stale(self.feed.is_stale)

    def note_whole(self, whole: bool) -> bool:
        """Know whether something is missing; return whether that is news, for `wholeChanged`; for the service only."""
        was, self._whole = self._whole, whole
        return was is not whole

    def connectNotify(self, signal: QMetaMethod) -> None:
        """Begin to want the stream with the first listener."""
        if signal.name().data() in _SIGNALS:
            self._on_listeners(self)

    def disconnectNotify(self, signal: QMetaMethod) -> None:
        """End the wish after the last listener."""
        if not sip.isdeleted(self) and (not signal.isValid() or signal.name().data() in _SIGNALS):
            self._on_listeners(self)


class TickerChannel(Channel):
    """Tickers of one market."""

    received: SignalOf[TickerEvent] = cast("SignalOf[TickerEvent]", pyqtSignal(TickerEvent))
    frame: SignalOf[TickerEvent] = cast("SignalOf[TickerEvent]", pyqtSignal(TickerEvent))

    if TYPE_CHECKING:

        @property
        def latest(self) -> TickerEvent | None:
            """The newest that came while somebody listened; None before the first one."""


class TradeChannel(Channel):
    """Trades of one market."""

    received: SignalOf[TradeEvent] = cast("SignalOf[TradeEvent]", pyqtSignal(TradeEvent))
    frame: SignalOf[TradeEvent] = cast("SignalOf[TradeEvent]", pyqtSignal(TradeEvent))

    if TYPE_CHECKING:

        @property
        def latest(self) -> TradeEvent | None:
            """The newest that came while somebody listened; None before the first one."""


class OrderbookChannel(Channel):
    """Order books of one market, at one grouping and depth."""

    received: SignalOf[OrderbookEvent] = cast("SignalOf[OrderbookEvent]", pyqtSignal(OrderbookEvent))
    frame: SignalOf[OrderbookEvent] = cast("SignalOf[OrderbookEvent]", pyqtSignal(OrderbookEvent))

    if TYPE_CHECKING:

        @property
        def latest(self) -> OrderbookEvent | None:
            """The newest that came while somebody listened; None before the first one."""


class CandleChannel(Channel):
    """Candles of one market and unit."""

    received: SignalOf[CandleEvent] = cast("SignalOf[CandleEvent]", pyqtSignal(CandleEvent))
    frame: SignalOf[CandleEvent] = cast("SignalOf[CandleEvent]", pyqtSignal(CandleEvent))

    if TYPE_CHECKING:

        @property
        def latest(self) -> CandleEvent | None:
            """The newest that came while somebody listened; None before the first one."""


class MyOrderChannel(Channel):
    """Own orders, of every market or of one."""

    received: SignalOf[MyOrderEvent] = cast("SignalOf[MyOrderEvent]", pyqtSignal(MyOrderEvent))
    frame: SignalOf[MyOrderEvent] = cast("SignalOf[MyOrderEvent]", pyqtSignal(MyOrderEvent))

    if TYPE_CHECKING:

        @property
        def latest(self) -> MyOrderEvent | None:
            """The newest that came while somebody listened; None before the first one."""


class MyAssetChannel(Channel):
    """Own assets."""

    received: SignalOf[MyAssetEvent] = cast("SignalOf[MyAssetEvent]", pyqtSignal(MyAssetEvent))
    frame: SignalOf[MyAssetEvent] = cast("SignalOf[MyAssetEvent]", pyqtSignal(MyAssetEvent))

    if TYPE_CHECKING:

        @property
        def latest(self) -> MyAssetEvent | None:
            """The newest that came while somebody listened; None before the first one."""


class AnnouncementChannel(Channel):
    """Announcements of the exchange."""

    received: SignalOf[AnnouncementEvent] = cast("SignalOf[AnnouncementEvent]", pyqtSignal(AnnouncementEvent))
    frame: SignalOf[AnnouncementEvent] = cast("SignalOf[AnnouncementEvent]", pyqtSignal(AnnouncementEvent))

    if TYPE_CHECKING:

        @property
        def latest(self) -> AnnouncementEvent | None:
            """The newest that came while somebody listened; None before the first one."""


class IndicatorChannel(Channel):
    """One indicator of one market and time frame."""

    received: SignalOf[IndicatorEvent] = cast("SignalOf[IndicatorEvent]", pyqtSignal(IndicatorEvent))
    frame: SignalOf[IndicatorEvent] = cast("SignalOf[IndicatorEvent]", pyqtSignal(IndicatorEvent))

    if TYPE_CHECKING:

        @property
        def latest(self) -> IndicatorEvent | None:
            """The newest that came while somebody listened; None before the first one."""


class IndicatorSignalChannel(Channel):
    """One condition on an indicator of one market and time frame."""

    received: SignalOf[IndicatorSignalEvent] = cast("SignalOf[IndicatorSignalEvent]", pyqtSignal(IndicatorSignalEvent))
    frame: SignalOf[IndicatorSignalEvent] = cast("SignalOf[IndicatorSignalEvent]", pyqtSignal(IndicatorSignalEvent))

    if TYPE_CHECKING:

        @property
        def latest(self) -> IndicatorSignalEvent | None:
            """The newest that came while somebody listened; None before the first one."""


_CLASSES: dict[DataType, type[Channel]] = {
    DataType.TICKER: TickerChannel,
    DataType.TRADE: TradeChannel,
    DataType.ORDERBOOK: OrderbookChannel,
    DataType.MY_ORDER: MyOrderChannel,
    DataType.MY_ASSET: MyAssetChannel,
    DataType.ANNOUNCEMENT: AnnouncementChannel,
    DataType.INDICATOR: IndicatorChannel,
    DataType.INDICATOR_SIGNAL: IndicatorSignalChannel,
}


def channel_class(data_type: DataType) -> type[Channel]:
    """Return the class whose signals carry the events of a data type."""
    return CandleChannel if data_type.is_candle else _CLASSES[data_type]
