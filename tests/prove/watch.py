"""Those who see everything: a witness at the market itself, the diary of what the manager says, and consumers."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from upbit_ws_qt.connection.states import TRANSITIONS
from upbit_ws_qt.errors import BackpressureError
from upbit_ws_qt.events import CandleEvent, MyOrderEvent, TradeEvent
from upbit_ws_qt.manager import ManagerListener
from upbit_ws_qt.types import ConnectionState, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from tests.prove.network import End, Network
    from tests.prove.stage import Stage
    from upbit_ws_qt.backfill import GapReport
    from upbit_ws_qt.connection import GapEvent, StateChange
    from upbit_ws_qt.errors import WebSocketError
    from upbit_ws_qt.exchange.messages import Change
    from upbit_ws_qt.manager import ComponentSubscription
    from upbit_ws_qt.monitoring import Alert, HealthStatus
    from upbit_ws_qt.specs import SubscriptionSpec
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions import StreamStatus
    from upbit_ws_qt.types import GlobalManagerState

__all__ = ["Consumer", "Diary", "Seen", "Trade", "Witness"]


_ACCOUNT = {"myOrder": "order", "myAsset": "asset"}


class Trade(NamedTuple):
    """A trade as the market made it: its id, when it was traded (exchange's ms), when that was told (loop seconds)."""

    id: int
    ms: int
    at: float


class Witness:
    """Sees all that happens in the market, where it happens: no line of its own can be cut."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.trades: dict[str, list[Trade]] = defaultdict(list)
        self.candles: dict[tuple[str, str], dict[int, int]] = defaultdict(dict)  # the last price of each
        self.fills: dict[str, float] = {}  # of the account's orders: when each happened, loop seconds
        hub = stage.exchange._hub
        self._deliver = hub.deliver
        hub.deliver = self._see  # type: ignore[method-assign]

    def _see(self, changes: Iterable[Change]) -> bool:
        seen = list(changes)
        now = self._stage.loop.time()
        for change in seen:
            if change.kind == "trade":
                values: Any = change.values  # type: ignore[attr-defined]
                self.trades[change.code].append(Trade(values[5], values[3], now))
            elif change.kind.startswith("candle"):
                candle: Any = change.values  # type: ignore[attr-defined]
                self.candles[change.kind, change.code][candle[0] // 1000] = candle[4]
            elif change.kind == "myOrder":
                order: Any = change.order  # type: ignore[attr-defined]
                if order.state == "trade":
                    self.fills[order.trade_uuid] = now
        return self._deliver(seen)


class Toll:
    """Counts what leaves the computer against the exchange's limits, whatever the network does with it on its way.

    Attributes:
        too_many: what was more than the limits allow.
    """

    DIALS = MESSAGES = (5, 1.0)
    MESSAGES_A_MINUTE = (100, 60.0)

    def __init__(self, network: Network, host: str) -> None:
        self._loop = network.loop
        self._host = host
        self._dials: deque[float] = deque(maxlen=101)
        self._messages: dict[End, deque[float]] = {}
        self.too_many: list[str] = []
        network.on_sent = self._sent

    def _sent(self, end: End, data: bytes | bytearray | memoryview) -> None:
        if end.get_extra_info("sockname")[0] != self._host:
            return  # the exchange sends as much as it likes
        sent = self._messages.get(end)
        if sent is not None:
            if data[0] & 0x0F == 1:  # a frame of text; pings are free
                self._count("messages", sent, (self.MESSAGES, self.MESSAGES_A_MINUTE))
        elif bytes(data[:14]) == b"GET /websocket":
            self._messages[end] = deque(maxlen=101)
            self._count("dials", self._dials, (self.DIALS,))

    def _count(self, what: str, sent: deque[float], limits: tuple[tuple[int, float], ...]) -> None:
        now = self._loop.time()
        sent.append(now)
        for most, seconds in limits:
            if len(sent) > most and now - sent[-most - 1] < seconds:
                self.too_many.append(f"more than {most} {what} within {seconds:.0f} s left the computer")


class Seen(NamedTuple):
    """An event that a consumer was handed."""

    kind: str
    code: str
    id: int
    ms: int
    epoch: int
    recovered: bool
    snapshot: bool
    at: float


@dataclass(eq=False)
class Consumer:
    """A component that notes what it is handed.

    Attributes:
        raises: how many callbacks still raise.
        blocks: (how many callbacks still block, for how many seconds).
    """

    stage: Stage
    name: str
    specs: tuple[SubscriptionSpec, ...]
    subscription: ComponentSubscription | None = None
    closed_at: float | None = None
    raises: int = 0
    blocks: tuple[int, float] = (0, 0.0)

    def __post_init__(self) -> None:
        self.seen: list[Seen] = []
        self.opened_at = self.stage.loop.time()
        self.orders: dict[str, MyOrderEvent] = {}
        self.prices: dict[tuple[str, str, int], Decimal] = {}
        self.filled: dict[str, float] = {}  # the account's fills that it was told, and when
        self.orders_since: float | None = None  # when it was told of an order for the first time

    @property
    def was_quarantined(self) -> bool:
        """Whether it was ever put aside."""
        return self.name in self.stage.diary.put_aside

    def fills(self, kind: str) -> bool:
        """Whether its trades, candles, orders or balances are made good."""
        if kind in _ACCOUNT:
            return _ACCOUNT[kind] in self.stage.course.backfill
        kind = kind.partition(".")[0]
        wanted = [spec.backfill for spec in self.specs if spec.data_type.value.startswith(kind)]
        return any(kind in self.stage.course.backfill if each is None else each for each in wanted)

    def take(self, event: Any) -> None:
        """Be handed an event."""
        stage = self.stage
        if asyncio.current_task() is not None:
            stage.violated(f"{self.name} was called from inside a task")
        if self.closed_at is not None:
            stage.violated(f"{self.name} was handed something after it was closed")
        ws_type = event.websocket_type
        over_at = stage.diary.epoch_at.get((ws_type, event.epoch + 1))
        # Who waits for the past may be handed what came on the line before, if it came while that was the line.
        waited = over_at is not None and self.fills(event.type) and event.received_at <= over_at
        if not event.recovered and not event.is_snapshot and over_at is not None and not waited:
            stage.violated(f"{self.name} was handed an event of epoch {event.epoch}")
        key, ms = 0, event.timestamp
        if isinstance(event, TradeEvent):
            key, ms = event.sequential_id, event.trade_timestamp
        elif isinstance(event, CandleEvent):
            key = int(event.start.timestamp())
            self.prices[event.type, event.code, key] = event.trade_price
        elif isinstance(event, MyOrderEvent):
            self._take_order(event)
        seen = Seen(event.type, event.code, key, ms, event.epoch, event.recovered, event.is_snapshot, stage.loop.time())
        self.seen.append(seen)
        stage.note(f"{self.name} {seen.kind} {seen.code} {seen.id} {seen.ms} {seen.epoch} {seen.recovered}")
        count, seconds = self.blocks
        if count:
            self.blocks = (count - 1, seconds)
            stage.loop.pass_time(seconds)
        if self.raises:
            self.raises -= 1
            raise RuntimeError("a callback of the user's that raises")

    def _take_order(self, event: MyOrderEvent) -> None:
        """Note how it stands with an order, and that it goes forth and not back."""
        if self.orders_since is None:
            self.orders_since = self.stage.loop.time()
        known = self.orders.get(event.uuid)
        if known is not None and (event.trades_count, event.executed_volume) < (
            known.trades_count,
            known.executed_volume,
        ):
            self.stage.violated(f"{self.name}: an order went back from {known.executed_volume} filled")
        if event.trade_uuid is not None and event.is_fill:
            if event.trade_uuid in self.filled:
                self.stage.violated(f"{self.name}: a fill was told twice")
            self.filled[event.trade_uuid] = self.stage.loop.time()
        self.orders[event.uuid] = event


class Diary(ManagerListener):
    """Writes down what the manager says, and whether it may."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.gaps: list[GapEvent] = []
        self.gap_at: dict[tuple[WebSocketType, int], float] = {}
        self.resumed_at: dict[tuple[WebSocketType, int], float] = {}
        self.reports: list[GapReport] = []
        self.healed: list[tuple[float, GapReport]] = []  # the same, each with when it was told
        self.epochs: list[tuple[WebSocketType, int]] = []
        self.epoch_at: dict[tuple[WebSocketType, int], float] = {}
        stage.manager.wiring.epochs.add_listener(self._epoch_begins)
        self.refused: set[StreamKey] = set()
        self.put_aside: set[str] = set()
        self.alerts: dict[str, int] = defaultdict(int)
        self._line_states: dict[WebSocketType, ConnectionState] = dict.fromkeys(
            WebSocketType, ConnectionState.DISCONNECTED
        )

    def _note(self, text: str) -> None:
        if asyncio.current_task() is not None:
            self._stage.violated(f"told from inside a task: {text}")
        self._stage.note(text)

    def _epoch_begins(self, ws_type: WebSocketType, epoch: int) -> None:
        self.epoch_at[ws_type, epoch] = self._stage.loop.time()

    def on_state(self, state: GlobalManagerState) -> None:
        """Note it."""
        self._note(f"state {state.value}")

    def on_connection_state(self, ws_type: WebSocketType, change: StateChange) -> None:
        """Note it, and whether it follows on the one before."""
        self._note(f"{ws_type.value} {change.old.value} -> {change.new.value}: {change.cause}")
        before, self._line_states[ws_type] = self._line_states[ws_type], change.new
        if change.old is not before:
            self._stage.violated(f"{ws_type.value} went from {before.value}, and says {change.old.value}")
        if change.new not in TRANSITIONS[change.old]:
            self._stage.violated(f"{ws_type.value} went from {change.old.value} to {change.new.value}")

    def on_epoch(self, ws_type: WebSocketType, epoch: int) -> None:
        """Note it."""
        self._note(f"{ws_type.value} epoch {epoch}")
        self.epochs.append((ws_type, epoch))

    def on_gap(self, gap: GapEvent) -> None:
        """Note it."""
        self._note(f"{gap.ws_type.value} gap {gap.old}-{gap.new} {gap.cause} {len(gap.streams)} since {gap.since}")
        self.gaps.append(gap)
        self.gap_at[gap.ws_type, gap.new] = self._stage.loop.time()

    def on_resumed(self, ws_type: WebSocketType, epoch: int) -> None:
        """Note it."""
        self._note(f"{ws_type.value} resumed {epoch}")
        self.resumed_at[ws_type, epoch] = self._stage.loop.time()

    def on_gap_healed(self, report: GapReport) -> None:
        """Note it."""
        late = "" if all(stream.in_order for stream in report.streams) else " late"
        self._note(f"healed {report.old}-{report.new}: {report}{late}")
        self.reports.append(report)
        self.healed.append((self._stage.loop.time(), report))

    def on_error(self, error: WebSocketError) -> None:
        """Note it."""
        self._note(f"error {type(error).__name__}: {error}")

    def on_component_failed(self, component_id: str, error: Exception) -> None:
        """Note it."""
        self._note(f"{component_id} failed: {error!r}")
        if isinstance(error, BackpressureError):
            self.put_aside.add(component_id)

    def on_stream_status(self, stream: StreamKey, status: StreamStatus) -> None:
        """Note what the exchange refuses."""
        self._note(f"{stream} {status.value}")
        if status.is_failed:
            self.refused.add(stream)
        else:
            self.refused.discard(stream)

    def on_health(self, health: HealthStatus) -> None:
        """Note it."""
        self._note(f"health {health.level.value}")

    def on_alert(self, alert: Alert, *, raised: bool) -> None:
        """Note it, and whether it is raised and cleared in turns."""
        key = f"{alert.kind.value} {alert.ws_type} {alert.subject}"
        self._note(f"alert {key} {'raised' if raised else 'cleared'}")
        self.alerts[key] += 1 if raised else -1
        if self.alerts[key] not in (0, 1):
            self._stage.violated(f"alert {key} was raised twice, or cleared without having been raised")
