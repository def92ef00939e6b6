"""The vocabulary: what there is to be had, in which state things are, and how consumers are served."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias

from upbit_ws_qt.errors import ConfigurationError, SubscriptionError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "FULL_DEPTH",
    "ORDERBOOK_DEPTHS",
    "BackpressureConfig",
    "BackpressureStrategy",
    "BookDepth",
    "CandleUnit",
    "ConnectionState",
    "DataFormat",
    "DataType",
    "Delivery",
    "GlobalManagerState",
    "IndependenceLevel",
    "Priority",
    "TimeFrame",
    "WebSocketType",
]


class WebSocketType(StrEnum):
    """The exchange's three endpoints; one line is held for each that is needed."""

    PUBLIC = "public"
    PRIVATE = "private"
    INFO = "info"


class DataType(StrEnum):
    """What can be subscribed to; the value is the name on the wire.

    What is true of a type is worked out once: it is asked several times for each stream of each request.
    """

    TICKER = "ticker"
    TRADE = "trade"
    ORDERBOOK = "orderbook"
    CANDLE_1S = "candle.1s"
    CANDLE_1M = "candle.1m"
    CANDLE_3M = "candle.3m"
    CANDLE_5M = "candle.5m"
    CANDLE_10M = "candle.10m"
    CANDLE_15M = "candle.15m"
    CANDLE_30M = "candle.30m"
    CANDLE_60M = "candle.60m"
    CANDLE_240M = "candle.240m"
    MY_ORDER = "myOrder"
    MY_ASSET = "myAsset"
    ANNOUNCEMENT = "announcement"
    INDICATOR = "indicator"
    INDICATOR_SIGNAL = "indicator_signal"

    @cached_property
    def websocket_type(self) -> WebSocketType:
        """The line that carries this type."""
        return _ENDPOINT.get(self, WebSocketType.PUBLIC)

    @cached_property
    def is_candle(self) -> bool:
        """Whether this is one of the candle units."""
        return self.value.startswith("candle.")

    @cached_property
    def is_indicator(self) -> bool:
        """Whether it is one of the two indicator types, of which a market has a stream for each set of parameters."""
        return self in _INDICATORS

    @cached_property
    def takes_codes(self) -> bool:
        """Whether a request may name markets; the account's assets and the announcements are about none."""
        return self not in _WITHOUT_CODES

    @cached_property
    def needs_codes(self) -> bool:
        """Whether a request must name markets; orders may also be asked for of all markets at once."""
        return self.takes_codes and self is not DataType.MY_ORDER

    @cached_property
    def has_snapshot(self) -> bool:
        """Whether the exchange sends the present state at once when asked (public types only)."""
        return self.websocket_type is WebSocketType.PUBLIC

    @cached_property
    def is_event_only(self) -> bool:
        """Whether silence is normal: these types speak only when something happens."""
        return self.websocket_type is not WebSocketType.PUBLIC

    @cached_property
    def newest_suffices(self) -> bool:
        """Whether a message that waits is worth nothing any more once a newer one of its stream has come."""
        return self in _STATES

    @cached_property
    def every_message_counts(self) -> bool:
        """Whether a message that was missed is missing for good; of the other types the newest one tells all."""
        return self in _OCCURRENCES

    @classmethod
    def candle(cls, unit: str) -> DataType:
        """Return the candle type of a unit such as "1m"; an unknown unit raises SubscriptionError."""
        try:
            return cls(f"candle.{unit}")
        except ValueError:
            raise SubscriptionError(
                f"unknown candle unit {unit!r}; expected one of {', '.join(CANDLE_UNITS)}"
            ) from None


CandleUnit: TypeAlias = Literal["1s", "1m", "3m", "5m", "10m", "15m", "30m", "60m", "240m"]
"""The units of candles on the line."""
BookDepth: TypeAlias = Literal[1, 5, 15, 30]
"""Rows of an order book that can be asked for."""
TimeFrame: TypeAlias = Literal["5m", "15m", "60m", "240m", "1d"]
"""The time frames of indicators."""

CANDLE_UNITS: tuple[str, ...] = tuple(
    t.value.removeprefix("candle.") for t in DataType if t.value.startswith("candle.")
)

_ENDPOINT: Mapping[DataType, WebSocketType] = MappingProxyType(
    {
        DataType.MY_ORDER: WebSocketType.PRIVATE,
        DataType.MY_ASSET: WebSocketType.PRIVATE,
        DataType.ANNOUNCEMENT: WebSocketType.PRIVATE,
        DataType.INDICATOR: WebSocketType.INFO,
        DataType.INDICATOR_SIGNAL: WebSocketType.INFO,
    }
)


_INDICATORS = frozenset({DataType.INDICATOR, DataType.INDICATOR_SIGNAL})
_WITHOUT_CODES = frozenset({DataType.MY_ASSET, DataType.ANNOUNCEMENT})
_STATES = frozenset({DataType.TICKER, DataType.ORDERBOOK})
_OCCURRENCES = frozenset({DataType.TRADE, DataType.MY_ORDER, DataType.MY_ASSET})

ORDERBOOK_DEPTHS: tuple[int, ...] = (1, 5, 15, 30)
"""Rows of an order book that can be asked for (protocol sheet, "Requests": none, or another number, gives the most)."""
FULL_DEPTH = ORDERBOOK_DEPTHS[-1]


class ConnectionState(StrEnum):
    """The life of one line.

    Attributes:
        DISCONNECTED: nothing wants it.
        CONNECTING: first dial under way.
        SYNCING: line up, subscriptions sent and being proved.
        CONNECTED: everything wanted is proved, or reported unserved.
        RECONNECTING: lost without being asked; dialling again.
        STOPPED: closed by us for good.
        FAILED: given up (key refused, certificate wrong); tried again only when asked.
    """

    DISCONNECTED = "disconnected"
    CONNECTING = "connecting"
    SYNCING = "syncing"
    CONNECTED = "connected"
    RECONNECTING = "reconnecting"
    STOPPED = "stopped"
    FAILED = "failed"


class GlobalManagerState(StrEnum):
    """The life of the whole service.

    Attributes:
        IDLE: started; nothing is wanted.
        ACTIVE: every line that is wanted is up and proved.
        DEGRADED: some line is failed, or some wish is not served.
        RECOVERING: some line is being dialled or proved.
        ERROR: no line that is wanted can work.
    """

    INITIALIZING = "initializing"
    IDLE = "idle"
    ACTIVE = "active"
    DEGRADED = "degraded"
    RECOVERING = "recovering"
    STOPPING = "stopping"
    STOPPED = "stopped"
    ERROR = "error"


class IndependenceLevel(StrEnum):
    """How much the lines are kept apart.

    Attributes:
        BASIC: one loop, one drain budget for all.
        ENHANCED: one loop; each line has its own share of the drain.
        ISOLATED: each line has a thread and loop of its own.
    """

    BASIC = "basic"
    ENHANCED = "enhanced"
    ISOLATED = "isolated"


class BackpressureStrategy(StrEnum):
    """What happens when a consumer is slower than its data.

    Attributes:
        DROP_OLDEST: a full queue loses its oldest.
        COALESCE_BY_SYMBOL: keep only the newest per symbol.
        THROTTLE: hand out of each symbol at most `max_rate` a second, the newest.
        BLOCK: keep everything for up to `deadline` seconds, then fail the consumer; nothing is dropped before.
    """

    DROP_OLDEST = "drop_oldest"
    COALESCE_BY_SYMBOL = "coalesce_by_symbol"
    THROTTLE = "throttle"
    BLOCK = "block"


class Delivery(StrEnum):
    """Which events a consumer is handed.

    Attributes:
        EVERY: each event. While more than 512 frames wait, a ticker or order book that a newer one has replaced is
            left out: counted as `conflated` and `skipped` of the component, and told by an alert.
            BackpressureStrategy.BLOCK prevents it.
        FRAME: the newest per key, at most once per display frame.
        BATCH: all that changed since the last call, in one call with a tuple of events: `rate` times a second at
            most, or once per display frame. It has the newest of each key, but each trade, and the last state of each
            candle.
    """

    EVERY = "every"
    FRAME = "frame"
    BATCH = "batch"


class Priority(IntEnum):
    """Who is served first after a drop and spared last under load; smaller is more urgent."""

    CRITICAL = 0
    HIGH = 1
    NORMAL = 2
    LOW = 3


class DataFormat(StrEnum):
    """How the exchange spells its frames.

    Attributes:
        AUTO: SIMPLE, until frames of what is subscribed have been measured; then DEFAULT if SIMPLE saves less than 5
            %. It changes with a request that is sent anyway; `SubscriptionStatistics.format_reason` says what was
            found.
    """

    DEFAULT = "DEFAULT"
    SIMPLE = "SIMPLE"
    JSON_LIST = "JSON_LIST"
    SIMPLE_LIST = "SIMPLE_LIST"
    AUTO = "AUTO"


@dataclass(frozen=True, slots=True)
class BackpressureConfig:
    """How one consumer's queue behaves.

    Attributes:
        strategy: what happens when the queue is full.
        max_queue_size: events, at least 1.
        warning_threshold: share of the queue (0 to 1) from which on a warning is raised.
        max_rate: events a second of each symbol, for THROTTLE.
        deadline: seconds that BLOCK waits for room.
    """

    strategy: BackpressureStrategy = BackpressureStrategy.DROP_OLDEST
    max_queue_size: int = 10_000
    warning_threshold: float = 0.8
    max_rate: float = 60.0
    deadline: float = 5.0

    def __post_init__(self) -> None:
        if not isinstance(self.strategy, BackpressureStrategy):
            raise ConfigurationError("strategy", self.strategy, f"one of {', '.join(BackpressureStrategy)}")
        if not (_is_number(self.max_queue_size, int) and 1 <= self.max_queue_size <= 10_000_000):
            raise ConfigurationError("max_queue_size", self.max_queue_size, "a whole number, 1 to 10,000,000 events")
        if not (_is_number(self.warning_threshold) and 0 < self.warning_threshold <= 1):
            raise ConfigurationError("warning_threshold", self.warning_threshold, "a share above 0, up to 1")
        if not (_is_number(self.max_rate) and 0 < self.max_rate <= 100_000):
            raise ConfigurationError("max_rate", self.max_rate, "events a second above 0, up to 100,000")
        if not (_is_number(self.deadline) and 0 < self.deadline <= 3600):
            raise ConfigurationError("deadline", self.deadline, "seconds above 0, up to 3600")


def _is_number(value: object, *kinds: type) -> bool:
    return isinstance(value, kinds or (int, float)) and not isinstance(value, bool)
