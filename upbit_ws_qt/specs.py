"""What is wanted, as a program writes it: a data type, some markets, and how their events are to be served."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any, TypedDict, TypeVar

from upbit_ws_qt.errors import SubscriptionError
from upbit_ws_qt.types import FULL_DEPTH, BackpressureConfig, BackpressureStrategy, DataType, Delivery, Priority

__all__ = [
    "HowAsked",
    "HowContinued",
    "HowDelivered",
    "HowQueued",
    "HowRecovered",
    "HowWanted",
    "IndicatorSpec",
    "SubscriptionSpec",
    "is_market_code",
    "normalize_symbols",
]

_E = TypeVar("_E", bound=Enum)

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
_HIGHEST_RATE = 1000
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


def _check_since(data_type: DataType, since: object) -> None:
    if data_type is not DataType.TRADE and not data_type.is_candle:
        raise SubscriptionError(f"since is for trades and candles; {data_type.value} has no past that can be asked for")
    if isinstance(since, datetime):
        if since.tzinfo is None:
            raise SubscriptionError("since must say its time zone: datetime.now(UTC), say")
    elif data_type is not DataType.TRADE or not isinstance(since, int) or isinstance(since, bool) or since < 0:
        raise SubscriptionError(f"since must be an aware datetime, or of trades a sequential_id; not {since!r:.60}")


def _check_batch(delivery: object, rate: object, backpressure: BackpressureConfig | None) -> None:
    if delivery != Delivery.BATCH:
        raise SubscriptionError("rate is for Delivery.BATCH; BackpressureStrategy.THROTTLE slows single calls down")
    is_number = isinstance(rate, (int, float)) and not isinstance(rate, bool)
    if rate is not None and not (is_number and 0 < rate <= _HIGHEST_RATE):  # type: ignore[operator]
        raise SubscriptionError(f"rate must be calls a second above 0, up to {_HIGHEST_RATE:,}, not {rate!r:.60}")
    if isinstance(backpressure, BackpressureConfig) and backpressure.strategy is not BackpressureStrategy.DROP_OLDEST:
        raise SubscriptionError("Delivery.BATCH has a rate of its own and keeps the newest; leave the strategy out")


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
        delivery: each event, the newest per display frame, or all that changed in one call.
        rate: calls a second at most (above 0, up to 1,000) for Delivery.BATCH; None for one per display frame.
        only_snapshot: the present state once, no stream.
        only_realtime: the stream without the present state first.
        categories: announcement categories, none for all.
        include_body: whether announcements come with their text.
        timeframe: of indicators: "5m", "15m", "60m", "240m" or "1d".
        indicators: of indicator and indicator_signal.
        backpressure: the consumer's queue; None for the default of the data type.
        backfill: whether what is missed while the line is down is asked for by REST; None for
            `ServiceConfig.backfill`. Only where each event is wanted.
        since: of trades and candles: begin with the past, from this time (aware) or behind this trade
            (`sequential_id`) on, and go on live; None begins with the present.
    """

    data_type: DataType
    symbols: tuple[str, ...]
    priority: Priority
    level: Decimal
    depth: int
    delivery: Delivery
    rate: float | None
    only_snapshot: bool
    only_realtime: bool
    categories: tuple[str, ...]
    include_body: bool
    timeframe: str | None
    indicators: tuple[IndicatorSpec, ...]
    backpressure: BackpressureConfig | None
    backfill: bool | None
    since: datetime | int | None

    def __init__(
        self,
        data_type: DataType | str,
        symbols: str | Iterable[str] = (),
        *,
        priority: Priority = Priority.NORMAL,
        level: Decimal | int | str = 0,
        depth: int = FULL_DEPTH,
        delivery: Delivery = Delivery.EVERY,
        rate: float | None = None,
        only_snapshot: bool = False,
        only_realtime: bool = False,
        categories: str | Iterable[str] = (),
        include_body: bool = False,
        timeframe: str | None = None,
        indicators: Iterable[IndicatorSpec] = (),
        backpressure: BackpressureConfig | None = None,
        backfill: bool | None = None,
        since: datetime | int | None = None,
    ) -> None:
        if rate is not None or delivery == Delivery.BATCH:
            _check_batch(delivery, rate, backpressure)
        if timeframe is not None:
            _checked("timeframe", timeframe, str)
        if backpressure is not None:
            _checked("backpressure", backpressure, BackpressureConfig)
        if backfill is not None:
            _checked("backfill", backfill, bool)
        if since is not None:
            _check_since(_member(DataType, "data type", data_type), since)
        # Frozen after it was made: equal specs are one wish, whoever has them, so a spec is a key of dictionaries.
        for name, value in (
            ("data_type", _member(DataType, "data type", data_type)),
            ("symbols", normalize_symbols(symbols)),
            ("priority", _member(Priority, "priority", priority)),
            ("level", _level(level)),
            ("depth", _checked("depth", depth, int)),
            ("delivery", _member(Delivery, "delivery", delivery)),
            ("rate", rate),
            ("only_snapshot", _checked("only_snapshot", only_snapshot, bool)),
            ("only_realtime", _checked("only_realtime", only_realtime, bool)),
            ("categories", tuple(sorted(set(_all("categories", categories, str))))),
            ("include_body", _checked("include_body", include_body, bool)),
            ("timeframe", timeframe),
            ("indicators", _all("indicators", indicators, IndicatorSpec)),
            ("backpressure", backpressure),
            ("backfill", backfill),
            ("since", since),
        ):
            object.__setattr__(self, name, value)

    def __str__(self) -> str:
        if not self.symbols:
            return self.data_type.value
        shown = ", ".join(self.symbols[:5]) + (f" and {len(self.symbols) - 5} more" if len(self.symbols) > 5 else "")
        return f"{self.data_type.value}({shown})"


class HowQueued(TypedDict, total=False):
    """How the events of a wish wait where they have to.

    Attributes:
        priority: who is served first after a drop; the proxy's by default.
        backpressure: the queue of a consumer that is slower than its data.
    """

    priority: Priority
    backpressure: BackpressureConfig | None


class HowDelivered(HowQueued, total=False):
    """How the events of a wish are handed out.

    Attributes:
        delivery: each event (the default), the newest per symbol and display frame, or, for tables, all that changed
            in one call, whose callback takes a tuple of events.
        rate: with Delivery.BATCH, calls a second at most; one per display frame by default.
    """

    delivery: Delivery
    rate: float | None


class HowAsked(HowQueued, total=False):
    """How public data are asked for, which the exchange can send as present state, as news, or both (the default).

    Attributes:
        only_snapshot: the present state once, no stream.
        only_realtime: the stream without the present state first.
    """

    only_snapshot: bool
    only_realtime: bool


class HowWanted(HowDelivered, HowAsked, total=False):
    """Both, for tickers and order books."""


class HowContinued(HowAsked, total=False):
    """How data are asked for whose past can be had: trades and candles.

    Attributes:
        backfill: whether what is missed while the line is down is asked for and handed out, marked `recovered`; None
            for `ServiceConfig.backfill`. With Delivery.FRAME, which is about the newest, nothing is.
        since: begin with the past from this time (an aware datetime) on, or behind this trade (`sequential_id`), and go
            on live without a seam.
    """

    backfill: bool | None
    since: datetime | int | None


class HowRecovered(HowWanted, HowContinued, total=False):
    """All of it, for trades and candles."""
