"""The union of all wishes as the fewest type objects, with snapshots only where they are new."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from upbit_ws_qt.subscriptions.demand import DEPTHS
from upbit_ws_qt.types import DataType, Priority, SubscriptionSpec

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions.demand import Demand
    from upbit_ws_qt.types import IndicatorSpec

__all__ = ["Effort", "IntelligentSubscriptionOptimizer", "OptimizationResult", "SplitTrust", "urgent_part"]

_WITH_SNAPSHOT = frozenset(data_type for data_type in DataType if data_type.has_snapshot)
_INDICATORS = (DataType.INDICATOR, DataType.INDICATOR_SIGNAL)

# A first request of its own for the urgent streams pays where they would stand in a much longer queue of snapshots.
_STAGE_FROM = 50
_STAGE_SHARE = 0.25


class SplitTrust(StrEnum):
    """Whether the exchange takes one type both with snapshot and realtime-only in one request."""

    UNKNOWN = "unknown"
    PROVED = "proved"
    BROKEN = "broken"
    """It does not: for the rest of the session a type with anything new in it is asked for plainly."""


class _Mode(StrEnum):
    PLAIN = "plain"
    REALTIME = "realtime"
    SNAPSHOT = "snapshot"


@dataclass(frozen=True, slots=True)
class OptimizationResult:
    """One request that holds the whole union.

    Attributes:
        specs: what the request holds, most urgent first; empty where nothing is wanted (there is no such request).
        union: the streams that flow after it, each with what was asked of it.
        snapshots: the streams that the exchange sends the present state of.
        split_types: types that stand in it both plainly and realtime-only.
        mixed_types: types that stand in it in two ways of any kind, snapshot-only being one.
    """

    specs: tuple[SubscriptionSpec, ...]
    union: Mapping[StreamKey, Demand]
    snapshots: frozenset[StreamKey]
    split_types: frozenset[DataType]
    mixed_types: frozenset[DataType]


@dataclass(slots=True)
class Effort:
    """What was spent on subscribing, and the least that would have done.

    Attributes:
        requests: messages sent, LIST_SUBSCRIPTIONS included; `least_requests` of them were needed.
        bytes_sent: size of these messages; `least_bytes` without repetitions.
        snapshots: snapshots asked for; `least_snapshots` were of streams that did not flow yet.
    """

    requests: int = 0
    least_requests: int = 0
    bytes_sent: int = 0
    least_bytes: int = 0
    snapshots: int = 0
    least_snapshots: int = 0


@dataclass(slots=True)
class _Group:
    """Streams that fit into one type object."""

    data_type: DataType
    mode: _Mode
    demand: Demand
    symbols: list[str] = field(default_factory=list)
    priority: Priority = Priority.LOW
    indicators: tuple[IndicatorSpec, ...] = ()


class IntelligentSubscriptionOptimizer:
    """Plans requests.

    Attributes:
        split: what is known about asking for one type in both ways; remembered for the session.
    """

    def __init__(self) -> None:
        self.split = SplitTrust.UNKNOWN

    def optimize_subscriptions(
        self,
        demand: Mapping[StreamKey, Demand],
        *,
        flowing: Mapping[StreamKey, Demand] | None = None,
        refresh: Collection[StreamKey] = (),
        once: Mapping[StreamKey, Demand] | None = None,
        plainly: bool = False,
    ) -> OptimizationResult:
        """Return the one request that turns the line's table into `demand`.

        Args:
            demand: everything that is wanted; entries for the snapshot alone are taken from `once` only.
            flowing: what the line already brings, as it was asked for: wanted realtime only.
            refresh: flowing streams whose present state is wanted anew.
            once: streams of which the present state alone is wanted now.
            plainly: ask as though one type in two ways were not taken, unless it is known to be.
        """
        plainly = self.split is SplitTrust.BROKEN or (plainly and self.split is SplitTrust.UNKNOWN)
        union = {stream: wanted for stream, wanted in demand.items() if wanted.realtime}
        extra = {stream: wanted for stream, wanted in (once or {}).items() if stream not in union}
        if plainly:
            # Snapshot-only beside a stream of the same type is one type in two ways as well: such a code flows
            # until the next request, which leaves it out.
            flowing_types = {stream.data_type for stream in union}
            joined = {stream: wanted for stream, wanted in extra.items() if stream.data_type in flowing_types}
            union |= {stream: wanted._replace(realtime=True) for stream, wanted in joined.items()}
            extra = {stream: wanted for stream, wanted in extra.items() if stream not in joined}
        modes = _modes(union, flowing or {}, refresh, plainly=plainly)
        groups = _grouped(union, modes) + _grouped(extra, dict.fromkeys(extra, _Mode.SNAPSHOT))
        groups.sort(key=lambda group: group.priority)
        plain = frozenset(s for s, mode in modes.items() if mode is _Mode.PLAIN and s[0] in _WITH_SNAPSHOT)
        return OptimizationResult(
            specs=tuple(_spec(group) for group in groups),
            union=union,
            snapshots=plain | extra.keys(),
            split_types=_types_asked(groups, _Mode.PLAIN) & _types_asked(groups, _Mode.REALTIME),
            mixed_types=_mixed_types(groups),
        )

    def calculate_efficiency_score(self, effort: Effort) -> float:
        """Return 0 to 100: the least requests, bytes and snapshots possible as a share of those spent, averaged."""
        shares = [
            min(1.0, least / spent) if spent else 1.0
            for least, spent in (
                (effort.least_requests, effort.requests),
                (effort.least_bytes, effort.bytes_sent),
                (effort.least_snapshots, effort.snapshots),
            )
        ]
        return 100.0 * sum(shares) / len(shares)


def _modes(
    union: Mapping[StreamKey, Demand],
    flowing: Mapping[StreamKey, Demand],
    refresh: Collection[StreamKey],
    *,
    plainly: bool,
) -> dict[StreamKey, _Mode]:
    modes: dict[StreamKey, _Mode] = {}
    fresh_types: set[DataType] = set()
    plain, realtime = _Mode.PLAIN, _Mode.REALTIME
    for stream, wanted in union.items():
        data_type = stream[0]
        if data_type not in _WITH_SNAPSHOT:
            modes[stream] = plain
            continue
        known = flowing.get(stream)
        if not wanted.snapshot or (known is not None and _brings(known, wanted) and stream not in refresh):
            modes[stream] = realtime
        else:
            modes[stream] = plain
            fresh_types.add(data_type)
    if plainly:
        for stream in modes:
            if stream.data_type in fresh_types:
                modes[stream] = plain
    return modes


def _brings(known: Demand, wanted: Demand) -> bool:
    return known is wanted or (known.depth >= wanted.depth and (known.snapshot or not wanted.snapshot))


def _grouped(wanted: Mapping[StreamKey, Demand], modes: Mapping[StreamKey, _Mode]) -> list[_Group]:
    # Most streams share a few demand objects: by identity first, which is cheap, then the few groups by value.
    by_identity: dict[tuple[DataType, int, _Mode], tuple[Demand, list[StreamKey]]] = {}
    for stream, demand in wanted.items():
        key = (stream.data_type, id(demand), modes[stream])
        found = by_identity.get(key)
        if found is None:
            by_identity[key] = (demand, [stream])
        else:
            found[1].append(stream)
    groups: dict[tuple[object, ...], _Group] = {}
    indicators: dict[tuple[DataType, str, str], tuple[Demand, list[IndicatorSpec]]] = {}
    for (data_type, _, mode), (demand, streams) in by_identity.items():
        if data_type in _INDICATORS:
            _collect_indicators(indicators, data_type, demand, streams)
            continue
        options = (demand.level, demand.categories, demand.include_body)
        group = groups.setdefault((data_type, mode, *options), _Group(data_type, mode, demand))
        suffix = f".{demand.depth}" if data_type is DataType.ORDERBOOK and demand.depth != DEPTHS[-1] else ""
        group.symbols += [stream.symbol + suffix for stream in streams if stream.symbol]
        group.priority = min(group.priority, demand.priority)
    return [*groups.values(), *_indicator_groups(indicators)]


def _collect_indicators(
    indicators: dict[tuple[DataType, str, str], tuple[Demand, list[IndicatorSpec]]],
    data_type: DataType,
    demand: Demand,
    streams: Sequence[StreamKey],
) -> None:
    assert demand.indicator is not None
    for stream in streams:
        key = (data_type, stream.symbol, demand.timeframe or "")
        indicators.setdefault(key, (demand, []))[1].append(demand.indicator)


def _indicator_groups(
    indicators: Mapping[tuple[DataType, str, str], tuple[Demand, list[IndicatorSpec]]],
) -> list[_Group]:
    """Put the codes that want the same set of indicators into one type object: Σ(codes × indicators) stays least."""
    groups: dict[tuple[object, ...], _Group] = {}
    for (data_type, symbol, timeframe), (demand, entries) in indicators.items():
        key = (data_type, timeframe, frozenset(entries))
        group = groups.setdefault(key, _Group(data_type, _Mode.PLAIN, demand, indicators=tuple(entries)))
        group.symbols.append(symbol)
        group.priority = min(group.priority, demand.priority)
    return list(groups.values())


def _spec(group: _Group) -> SubscriptionSpec:
    demand = group.demand
    spec = SubscriptionSpec(
        group.data_type,
        priority=group.priority,
        level=demand.level,
        only_snapshot=group.mode is _Mode.SNAPSHOT,
        only_realtime=group.mode is _Mode.REALTIME,
        categories=demand.categories,
        include_body=demand.include_body,
        timeframe=demand.timeframe,
        indicators=group.indicators,
    )
    # The symbols come from wishes, which checked them; checking 10,000 codes again for each plan would cost 6 ms.
    object.__setattr__(spec, "symbols", tuple(group.symbols))
    return spec


def _types_asked(groups: Sequence[_Group], mode: _Mode) -> frozenset[DataType]:
    return frozenset(group.data_type for group in groups if group.mode is mode)


def _mixed_types(groups: Sequence[_Group]) -> frozenset[DataType]:
    modes: dict[DataType, set[_Mode]] = {}
    for group in groups:
        modes.setdefault(group.data_type, set()).add(group.mode)
    return frozenset(data_type for data_type, found in modes.items() if len(found) > 1)


def urgent_part(wanted: Mapping[StreamKey, Demand]) -> dict[StreamKey, Demand]:
    """Return the streams that get a first request of their own; none where that would not bring them earlier."""
    urgent = {stream: demand for stream, demand in wanted.items() if demand.priority <= Priority.HIGH}
    pays = len(wanted) - len(urgent) >= _STAGE_FROM and len(urgent) <= _STAGE_SHARE * len(wanted)
    return urgent if pays else {}
