"""What a wish asks of each of its streams, and the union of several such demands on one stream."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from upbit_ws_qt.streams import ALL_SYMBOLS, StreamKey, indicator_variant, level_variant, streams_of
from upbit_ws_qt.types import DataType, IndicatorSpec, Priority, SubscriptionSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["DEPTHS", "Demand", "carrier_of", "demands_of", "depth_of_symbol", "merge", "merge_all", "same_request"]

# Protocol sheet, "Requests": none or an unsupported number gives 30.
DEPTHS = (1, 5, 15, 30)
_FULL_DEPTH = 30


class Demand(NamedTuple):
    """How one stream is wanted.

    Attributes:
        realtime: the stream, not only its present state.
        snapshot: the present state first (or only).
        depth: orderbook units per side.
        priority: of the most urgent wish.
        level: orderbook grouping in KRW.
        categories: of announcements, empty for all.
        include_body: announcements with their text.
        timeframe: of an indicator.
        indicator: which one.
    """

    realtime: bool = True
    snapshot: bool = True
    depth: int = _FULL_DEPTH
    priority: Priority = Priority.NORMAL
    level: Decimal = Decimal(0)
    categories: tuple[str, ...] = ()
    include_body: bool = False
    timeframe: str | None = None
    indicator: IndicatorSpec | None = None

    def covers(self, other: Demand) -> bool:
        """Whether a consumer with the demand `other` finds all it needs on a stream asked for as `self`."""
        return self is other or merge(self, other)._replace(priority=self.priority) == self


def merge(one: Demand, other: Demand) -> Demand:
    """Return the least demand that serves both; level, time frame and indicator are part of the stream's name."""
    if one is other or one == other:
        return one
    return one._replace(
        realtime=one.realtime or other.realtime,
        snapshot=one.snapshot or other.snapshot,
        depth=max(one.depth, other.depth),
        priority=min(one.priority, other.priority),
        categories=_united(one.categories, other.categories),
        include_body=one.include_body or other.include_body,
    )


def merge_all(demands: Iterable[Demand]) -> Demand:
    """Return the least demand that serves all; there must be at least one."""
    distinct = iter(dict.fromkeys(demands))
    result = next(distinct)
    for demand in distinct:
        result = merge(result, demand)
    return result


def same_request(asked: Mapping[StreamKey, Demand], wanted: Mapping[StreamKey, Demand]) -> bool:
    """Whether the exchange would be asked for the same streams in the same way, whoever wants them."""
    if asked.keys() != wanted.keys():
        return False
    return all(known is wanted[stream] or _same_way(known, wanted[stream]) for stream, known in asked.items())


def demands_of(spec: SubscriptionSpec) -> dict[StreamKey, Demand]:
    """Return what a wish asks of each of its streams."""
    demand = _shared(
        realtime=not spec.only_snapshot,
        snapshot=not spec.only_realtime,
        depth=_served_depth(spec.depth) if spec.data_type is DataType.ORDERBOOK else _FULL_DEPTH,
        priority=spec.priority,
        level=spec.level if spec.data_type is DataType.ORDERBOOK else Decimal(0),
        categories=spec.categories,
        include_body=spec.include_body,
        timeframe=spec.timeframe,
    )
    if spec.data_type is DataType.ORDERBOOK:
        return _book_demands(spec, demand)
    if spec.data_type in (DataType.INDICATOR, DataType.INDICATOR_SIGNAL):
        return {
            StreamKey(spec.data_type, code, indicator_variant(spec.timeframe or "", entry)): demand._replace(
                indicator=entry
            )
            for code in spec.symbols
            for entry in spec.indicators
        }
    return dict.fromkeys(streams_of(spec), demand)


def depth_of_symbol(symbol: str, depth: int) -> tuple[str, int]:
    """Split "KRW-BTC.15" into market and depth; a symbol without a suffix has the depth given."""
    code, dot, suffix = symbol.partition(".")
    return (code, _served_depth(int(suffix))) if dot else (code, _served_depth(depth))


def carrier_of(stream: StreamKey) -> StreamKey | None:
    """Return the wider stream that would bring this one too (myOrder for every market), None where there is none."""
    if stream.data_type is DataType.MY_ORDER and stream.symbol:
        return StreamKey(DataType.MY_ORDER, ALL_SYMBOLS)
    return None


def _same_way(asked: Demand, wanted: Demand) -> bool:
    if wanted.snapshot and not asked.snapshot:
        return False
    return (asked.realtime, asked.depth, asked.categories, asked.include_body) == (
        wanted.realtime,
        wanted.depth,
        wanted.categories,
        wanted.include_body,
    )


@lru_cache(maxsize=1024)
def _shared(**values: object) -> Demand:
    """Return one object for equal demands, so that most comparisons end at identity."""
    return Demand(**values)  # type: ignore[arg-type]  # the one caller names the fields


def _book_demands(spec: SubscriptionSpec, demand: Demand) -> dict[StreamKey, Demand]:
    variant = level_variant(spec.level)
    found: dict[StreamKey, Demand] = {}
    for symbol in spec.symbols:
        own = demand
        if "." in symbol:
            symbol, depth = depth_of_symbol(symbol, spec.depth)
            own = demand._replace(depth=depth)
        key = StreamKey(DataType.ORDERBOOK, symbol, variant)
        found[key] = merge(found[key], own) if key in found else own
    return found


def _served_depth(depth: int) -> int:
    return depth if depth in DEPTHS else _FULL_DEPTH


def _united(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    if one == other:
        return one
    return tuple(sorted({*one, *other})) if one and other else ()
