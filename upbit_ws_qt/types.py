"""The vocabulary: what can be wanted, in which state things are, and what a wish looks like."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import Enum, IntEnum, StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Any, TypeVar

from upbit_ws_qt.errors import ConfigurationError, SubscriptionError

_E = TypeVar("_E", bound=Enum)

__all__ = [
    "FULL_DEPTH",
    "ORDERBOOK_DEPTHS",
    "BackpressureConfig",
    "BackpressureStrategy",
    "ConnectionState",
    "DataFormat",
    "DataType",
    "Delivery",
    "GlobalManagerState",
    "IndependenceLevel",
    "IndicatorSpec",
    "Priority",
    "SubscriptionSpec",
    "WebSocketType",
    "is_market_code",
    "normalize_symbols",
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
    """The life of one line."""

    DISCONNECTED = "disconnected"
    """Nothing wants it."""
    CONNECTING = "connecting"
    """First dial under way."""
    SYNCING = "syncing"
    """Line up, subscriptions sent and being proved."""
    CONNECTED = "connected"
    """Everything wanted is proved, or reported unserved."""
    RECONNECTING = "reconnecting"
    """Lost without being asked; dialling again."""
    STOPPED = "stopped"
    """Closed by us for good."""
    FAILED = "failed"
    """Given up (key refused, certificate wrong); tried again only when asked."""


class GlobalManagerState(StrEnum):
    """The life of the whole service."""

    INITIALIZING = "initializing"
    IDLE = "idle"
    """Started; nothing is wanted."""
    ACTIVE = "active"
    """Every line that is wanted is up and proved."""
    DEGRADED = "degraded"
    """Some line is failed, or some wish is not served."""
    RECOVERING = "recovering"
    """Some line is being dialled or proved."""
    STOPPING = "stopping"
    STOPPED = "stopped"
    ERROR = "error"
    """No line that is wanted can work."""


class IndependenceLevel(StrEnum):
    """How much the lines are kept apart."""

    BASIC = "basic"
    """One loop, one drain budget for all."""
    ENHANCED = "enhanced"
    """One loop; each line has its own share of the drain."""
    ISOLATED = "isolated"
    """Each line has a thread and loop of its own."""


class BackpressureStrategy(StrEnum):
    """What happens when a consumer is slower than its data."""

    DROP_OLDEST = "drop_oldest"
    COALESCE_BY_SYMBOL = "coalesce_by_symbol"
    """Keep only the newest per symbol."""
    THROTTLE = "throttle"
    """Hand out at most `max_rate` a second, the newest per symbol."""
    BLOCK = "block"
    """Keep everything for up to `deadline` seconds, then fail the consumer; nothing is dropped before."""


class Delivery(StrEnum):
    """Which events a consumer is handed."""

    EVERY = "every"
    """Each event. While more than 512 frames wait, a ticker or order book that a newer one has replaced is left out:
    counted as `conflated` and `skipped` of the component, and told by an alert. BackpressureStrategy.BLOCK prevents it.
    """
    FRAME = "frame"
    """The newest per key, at most once per display frame."""


class Priority(IntEnum):
    """Who is served first after a drop and spared last under load; smaller is more urgent."""

    CRITICAL = 0
    HIGH = 1
    NORMAL = 2
    LOW = 3


class DataFormat(StrEnum):
    """How the exchange spells its frames."""

    DEFAULT = "DEFAULT"
    SIMPLE = "SIMPLE"
    JSON_LIST = "JSON_LIST"
    SIMPLE_LIST = "SIMPLE_LIST"
    AUTO = "AUTO"
    """SIMPLE, until frames of what is subscribed have been measured; then DEFAULT if SIMPLE saves less than 5 %.

    It changes with a request that is sent anyway; `SubscriptionStatistics.format_reason` says what was found.
    """


@dataclass(frozen=True, slots=True)
class BackpressureConfig:
    """How one consumer's queue behaves.

    Attributes:
        strategy: what happens when the queue is full.
        max_queue_size: events, at least 1.
        warning_threshold: share of the queue (0 to 1) from which on a warning is raised.
        max_rate: events a second for THROTTLE.
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


# "KRW-BTC", with an optional depth suffix as the exchange writes it: "KRW-BTC.15". Generous about names: a market that
# is listed tomorrow must not need another version of this library.
_CODE = re.compile(r"[A-Z0-9]{2,10}-[A-Z0-9]{1,20}(\.[0-9]{1,3})?")


def is_market_code(text: str) -> bool:
    """Whether a text can be the code of a market, such as "KRW-BTC"; whether the exchange has it is another thing."""
    return "." not in text and _CODE.fullmatch(text) is not None


def normalize_symbols(symbols: str | Iterable[str]) -> tuple[str, ...]:
    """Return the codes upper-cased, each once, in the order given.

    A code that cannot be a market ("KRWBTC", "", 7) raises SubscriptionError. A well-formed code that the
    exchange does not know is no error here: the exchange is silent about it and it is reported unserved.
    """
    codes: dict[str, None] = {}
    given = _several("a market code is text like 'KRW-BTC'", symbols)
    for symbol in given:
        if not isinstance(symbol, str):
            raise SubscriptionError(f"a market code is text like 'KRW-BTC', not {symbol!r:.60}")
        code = symbol.strip().upper()
        if not _CODE.fullmatch(code):
            raise SubscriptionError(f"{symbol!r:.60} is not a market code; expected text like 'KRW-BTC'")
        codes[code] = None
    return tuple(codes)


def _several(expected: str, given: object) -> tuple[Any, ...]:
    """Return what was given alone or in any iterable; SubscriptionError for what is neither."""
    if isinstance(given, (str, IndicatorSpec)):
        return (given,)
    if not isinstance(given, Iterable):
        raise SubscriptionError(f"{expected}, alone or in a list; not {given!r:.60}")
    return tuple(given)


def _frozen(params: Mapping[str, Any] | None) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted((params or {}).items()))


@dataclass(frozen=True, slots=True)
class IndicatorSpec:
    """One entry of an indicator or indicator_signal wish; which there are, INDICATOR_RULES tells.

    Example:
        >>> IndicatorSpec.of("rsi", {"period": 14}).to_wire()
        {'type': 'rsi', 'params': {'period': 14}}

    Attributes:
        type: "rsi", "macd", … as in the protocol's table.
        params: sorted (name, value) pairs; `of` takes them as a mapping.
        trigger: for indicator_signal: "overbought", "golden_cross", …
        event_params: for indicator_signal, where the trigger takes any.
    """

    type: str
    params: tuple[tuple[str, Any], ...] = ()
    trigger: str | None = None
    event_params: tuple[tuple[str, Any], ...] = ()

    def __post_init__(self) -> None:
        try:
            hash(self)
        except TypeError:
            raise SubscriptionError(
                "params are pairs of a name and a number or text; IndicatorSpec.of() makes them of a mapping"
            ) from None

    @classmethod
    def of(
        cls,
        type: str,
        params: Mapping[str, Any] | None = None,
        *,
        trigger: str | None = None,
        event_params: Mapping[str, Any] | None = None,
    ) -> IndicatorSpec:
        """Make a spec from plain mappings; values that are no numbers or texts raise SubscriptionError."""
        return cls(type, _frozen(params), trigger, _frozen(event_params))

    def to_wire(self) -> dict[str, Any]:
        """Return the object that a request carries."""
        entry: dict[str, Any] = {"type": self.type, "params": dict(self.params)}
        if self.trigger is not None:
            entry["trigger"] = self.trigger
            if self.event_params:
                entry["event_params"] = dict(self.event_params)
        return entry


def _member(enumeration: type[_E], name: str, value: object) -> _E:
    try:
        return enumeration(value)
    except ValueError:
        raise SubscriptionError(f"unknown {name} {value!r:.60}") from None


def _level(value: Decimal | int | str) -> Decimal:
    try:
        level = Decimal(str(value))
    except InvalidOperation:
        level = Decimal("NaN")
    if not level.is_finite() or not 0 <= level < _MOST_KRW:
        raise SubscriptionError(f"level must be a number of 0 or more, not {value!r:.60}")
    return level


_MOST_KRW = 10**15  # no price comes near it, and arithmetic with an exponent from anywhere would not end
_KINDS: Mapping[type, str] = {
    bool: "True or False",
    int: "a whole number",
    str: "text",
    IndicatorSpec: "an IndicatorSpec",
    BackpressureConfig: "a BackpressureConfig or None",
}


def _checked(name: str, value: object, kind: type) -> Any:
    if not isinstance(value, kind):
        raise SubscriptionError(f"{name} must be {_KINDS[kind]}, not {value!r:.60}")
    return value


def _all(name: str, values: object, kind: type) -> tuple[Any, ...]:
    return tuple(_checked(name, value, kind) for value in _several(f"{name}: {_KINDS[kind]}", values))


@dataclass(frozen=True, slots=True, init=False)
class SubscriptionSpec:
    """One wish: a data type for some symbols, and how its owner wants it.

    Codes are upper-cased; malformed ones, and arguments of a wrong type, raise SubscriptionError at once. What else
    the exchange would refuse (see INDICATOR_RULES, TIMEFRAMES) raises it where the wish is registered.

    Example:
        >>> str(SubscriptionSpec("orderbook", ["krw-btc", "KRW-ETH"], depth=5, delivery=Delivery.FRAME))
        'orderbook(KRW-BTC, KRW-ETH)'

    Attributes:
        data_type: what.
        symbols: market codes; a string or any iterable may be given. Empty means every market for myOrder.
        priority: who is served first after a drop.
        level: orderbook grouping in KRW, 0 for none.
        depth: orderbook units per side: 1, 5, 15 or 30.
        delivery: each event, or the newest per display frame.
        only_snapshot: the present state once, no stream.
        only_realtime: the stream without the present state first.
        categories: announcement categories, none for all.
        include_body: whether announcements come with their text.
        timeframe: of indicators: "5m", "15m", "60m", "240m" or "1d".
        indicators: of indicator and indicator_signal.
        backpressure: the consumer's queue; None for the default of the data type.
    """

    data_type: DataType
    symbols: tuple[str, ...]
    priority: Priority
    level: Decimal
    depth: int
    delivery: Delivery
    only_snapshot: bool
    only_realtime: bool
    categories: tuple[str, ...]
    include_body: bool
    timeframe: str | None
    indicators: tuple[IndicatorSpec, ...]
    backpressure: BackpressureConfig | None

    def __init__(
        self,
        data_type: DataType | str,
        symbols: str | Iterable[str] = (),
        *,
        priority: Priority = Priority.NORMAL,
        level: Decimal | int | str = 0,
        depth: int = FULL_DEPTH,
        delivery: Delivery = Delivery.EVERY,
        only_snapshot: bool = False,
        only_realtime: bool = False,
        categories: str | Iterable[str] = (),
        include_body: bool = False,
        timeframe: str | None = None,
        indicators: Iterable[IndicatorSpec] = (),
        backpressure: BackpressureConfig | None = None,
    ) -> None:
        if timeframe is not None:
            _checked("timeframe", timeframe, str)
        if backpressure is not None:
            _checked("backpressure", backpressure, BackpressureConfig)
        # Frozen after it was made: equal specs are one wish, whoever has them, so a spec is a key of dictionaries.
        for name, value in (
            ("data_type", _member(DataType, "data type", data_type)),
            ("symbols", normalize_symbols(symbols)),
            ("priority", _member(Priority, "priority", priority)),
            ("level", _level(level)),
            ("depth", _checked("depth", depth, int)),
            ("delivery", _member(Delivery, "delivery", delivery)),
            ("only_snapshot", _checked("only_snapshot", only_snapshot, bool)),
            ("only_realtime", _checked("only_realtime", only_realtime, bool)),
            ("categories", tuple(sorted(set(_all("categories", categories, str))))),
            ("include_body", _checked("include_body", include_body, bool)),
            ("timeframe", timeframe),
            ("indicators", _all("indicators", indicators, IndicatorSpec)),
            ("backpressure", backpressure),
        ):
            object.__setattr__(self, name, value)

    def __str__(self) -> str:
        shown = ", ".join(self.symbols[:5]) + (f" and {len(self.symbols) - 5} more" if len(self.symbols) > 5 else "")
        return f"{self.data_type.value}({shown})"
