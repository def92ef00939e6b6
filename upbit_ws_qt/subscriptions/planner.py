"""The union of all wishes as the fewest type objects, with snapshots only where they are new."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.subscriptions.endpoint_memory import SplitTrust
from upbit_ws_qt.types import FULL_DEPTH, DataType, Priority
from upbit_ws_qt.wire import TypeObject
from upbit_ws_qt.wire.request_rules import canonical_indicator

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from decimal import Decimal

    from upbit_ws_qt.specs import IndicatorSpec
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions.endpoint_memory import Effort
    from upbit_ws_qt.subscriptions.wishes import Demand

__all__ = ["IntelligentSubscriptionOptimizer", "OptimizationResult", "urgent_part"]

_TYPE_ORDER = {data_type: index for index, data_type in enumerate(DataType)}

# A first request of its own for the urgent streams pays where they would stand in a much longer queue of snapshots.
_STAGE_FROM = 50
_STAGE_SHARE = 0.25


class _Mode(StrEnum):
    SNAPSHOT = "snapshot"
    REALTIME = "realtime"
    PLAIN = "plain"


_MODE_ORDER = {mode: index for index, mode in enumerate(_Mode)}
_SPLIT = {_Mode.PLAIN, _Mode.REALTIME}


@dataclass(frozen=True, slots=True)
class OptimizationResult:
    """One request that holds the whole union.

    Attributes:
        objects: what the request holds, most urgent first; empty where nothing is wanted (there is no such request).
        union: the streams that flow after it, each with what was asked of it.
        snapshots: the streams that the exchange sends the present state of.
        split_types: types that stand in it both plainly and realtime-only.
        mixed_types: types that stand in it in two ways of any kind, snapshot-only being one.
    """

    objects: tuple[TypeObject, ...]
    union: Mapping[StreamKey, Demand]
    snapshots: frozenset[StreamKey]
    split_types: frozenset[DataType]
    mixed_types: frozenset[DataType]

    @property
    def specs(self) -> tuple[SubscriptionSpec, ...]:
        """The same as specs, for people: wishes that would lead to this request."""
        return tuple(
            SubscriptionSpec(
                entry.data_type,
                entry.codes,
                level=entry.level,
                only_snapshot=entry.only_snapshot,
                only_realtime=entry.only_realtime,
                categories=entry.categories,
                include_body=entry.include_body,
                timeframe=entry.timeframe,
                indicators=entry.indicators,
            )
            for entry in self.objects
        )


@dataclass(slots=True)
class _Group:
    """Streams that fit into one type object."""

    data_type: DataType
    mode: _Mode
    demand: Demand
    symbols: list[str] = field(default_factory=list)
    priority: Priority = Priority.LOW
    indicators: tuple[IndicatorSpec, ...] = ()

    def add(self, symbols: Iterable[str], priority: Priority) -> None:
        """Take in streams of the same options."""
        self.symbols += symbols
        self.priority = min(self.priority, priority)

    def place(self) -> tuple[Priority, int, Decimal, int, list[str]]:
        """Return where it stands in a request: urgent before others, else always in the same order."""
        return self.priority, _TYPE_ORDER[self.data_type], self.demand.level, _MODE_ORDER[self.mode], self.symbols[:1]


class IntelligentSubscriptionOptimizer:
    """Plans requests.

    Attributes:
        split: what is known about asking for one type in both ways; remembered for the session.
    """

    def __init__(self) -> None:
        self.split = SplitTrust.UNKNOWN

    def learn(self, split: SplitTrust) -> None:
        """Keep to what the exchange has shown about asking for one type in both ways."""
        self.split = split

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
        union = dict(demand)
        # Snapshots alone are no part of what flows: each is asked for once, by whoever owes it.
        for stream in [stream for stream, wanted in demand.items() if not wanted.realtime]:
            del union[stream]
        extra = {stream: wanted for stream, wanted in (once or {}).items() if stream not in union}
        if plainly and extra:
            # Snapshot-only beside a stream of the same type is one type in two ways as well: such a code flows
            # until the next request, which leaves it out.
            flowing_types = {stream.data_type for stream in union}
            joined = {stream: wanted for stream, wanted in extra.items() if stream.data_type in flowing_types}
            union |= {stream: wanted._replace(realtime=True) for stream, wanted in joined.items()}
            extra = {stream: wanted for stream, wanted in extra.items() if stream not in joined}
        alike = _alike(union, flowing or {}, refresh)
        if plainly:
            alike = _each_type_in_one_way(alike)
        plain = [a.streams for a in alike if a.mode is _Mode.PLAIN and a.data_type.has_snapshot]
        alike += [_Alike(stream.data_type, _Mode.SNAPSHOT, wanted, [stream]) for stream, wanted in extra.items()]
        # One type may stand in a request several times: each level, and each way of asking, is an object of its own.
        groups = _grouped(alike)
        groups.sort(key=_Group.place)
        modes: dict[DataType, set[_Mode]] = {}
        for group in groups:
            modes.setdefault(group.data_type, set()).add(group.mode)
        return OptimizationResult(
            objects=tuple([_type_object(group) for group in groups]),
            union=union,
            snapshots=frozenset().union(*plain, extra),
            split_types=frozenset([data_type for data_type, found in modes.items() if found >= _SPLIT]),
            mixed_types=frozenset([data_type for data_type, found in modes.items() if len(found) > 1]),
        )

    def calculate_efficiency_score(self, effort: Effort) -> float:
        """Return 0 to 100: the least requests, bytes and snapshots possible as a share of those spent, averaged."""
        shares = [
            min(1.0, least / spent) if spent else 1.0
            for least, spent in (
                (effort.least_requests, effort.requests + effort.lists),
                (effort.least_bytes, effort.bytes_sent),
                (effort.least_snapshots, effort.snapshots),
            )
        ]
        return 100.0 * sum(shares) / len(shares)


class _Alike(NamedTuple):
    """Streams of one type that are asked for in one way, with one and the same object as their demand."""

    data_type: DataType
    mode: _Mode
    demand: Demand
    streams: list[StreamKey]


def _alike(
    union: Mapping[StreamKey, Demand], flowing: Mapping[StreamKey, Demand], refresh: Collection[StreamKey]
) -> list[_Alike]:
    """Sort streams out by what tells their type objects apart.

    It is the only loop over all streams of a request, which there may be thousands of: no function is called in it, and
    streams with the same demand object (there are few) are together without a look at what it says.
    """
    found: dict[tuple[DataType, int, bool], _Alike] = {}
    for stream, wanted in union.items():
        data_type, known = stream[0], flowing.get(stream)
        is_realtime = data_type.has_snapshot and (
            not wanted.snapshot
            or ((known is wanted or (known is not None and _brings(known, wanted))) and stream not in refresh)
        )
        key = (data_type, id(wanted), is_realtime)
        group = found.get(key)
        if group is None:
            group = found[key] = _Alike(data_type, _Mode.REALTIME if is_realtime else _Mode.PLAIN, wanted, [])
        group.streams.append(stream)
    return list(found.values())


def _each_type_in_one_way(alike: Sequence[_Alike]) -> list[_Alike]:
    """Ask plainly for all of a type of which anything is new.

    What flows already comes with its snapshot once more, which costs a frame and no doubt.
    """
    fresh_types = {each.data_type for each in alike if each.mode is _Mode.PLAIN}
    return [each._replace(mode=_Mode.PLAIN) if each.data_type in fresh_types else each for each in alike]


def _brings(known: Demand, wanted: Demand) -> bool:
    return known.depth >= wanted.depth and (known.snapshot or not wanted.snapshot)


def _grouped(alike: Iterable[_Alike]) -> list[_Group]:
    groups: dict[tuple[object, ...], _Group] = {}
    indicators: dict[tuple[DataType, str, str], tuple[Demand, list[IndicatorSpec]]] = {}
    for data_type, mode, demand, streams in alike:
        if data_type.is_indicator:
            _collect_indicators(indicators, data_type, demand, streams)
            continue
        options = (demand.level, demand.categories, demand.include_body)
        group = groups.setdefault((data_type, mode, *options), _Group(data_type, mode, demand))
        suffix = f".{demand.depth}" if data_type is DataType.ORDERBOOK and demand.depth != FULL_DEPTH else ""
        group.add([stream[1] + suffix for stream in streams if stream[1]], demand.priority)
    return [*groups.values(), *(_indicator_groups(indicators) if indicators else ())]


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
    # A request multiplies codes by indicators and may hold a hundred of these pairs: so only codes that want exactly
    # the same stand together.
    groups: dict[tuple[object, ...], _Group] = {}
    for (data_type, symbol, timeframe), (demand, entries) in indicators.items():
        key = (data_type, timeframe, frozenset(entries))
        group = groups.setdefault(key, _Group(data_type, _Mode.PLAIN, demand, indicators=tuple(entries)))
        group.add([symbol], demand.priority)
    return list(groups.values())


def _type_object(group: _Group) -> TypeObject:
    """Return the group as it is sent: codes in order, so that the same wishes give the same bytes."""
    demand = group.demand
    return TypeObject(
        group.data_type,
        tuple(sorted(group.symbols)),
        level=demand.level,
        only_snapshot=group.mode is _Mode.SNAPSHOT,
        only_realtime=group.mode is _Mode.REALTIME,
        categories=tuple(sorted(demand.categories)),
        include_body=demand.include_body,
        timeframe=demand.timeframe,
        indicators=tuple(sorted(map(canonical_indicator, group.indicators), key=repr)),
    )


def urgent_part(wanted: Mapping[StreamKey, Demand]) -> dict[StreamKey, Demand]:
    """Return the streams that get a first request of their own; none where that would not bring them earlier."""
    urgent = {stream: demand for stream, demand in wanted.items() if demand.priority <= Priority.HIGH}
    # It costs a message of the budget, and pays where most would stand before them in the queue.
    pays = len(wanted) - len(urgent) >= _STAGE_FROM and len(urgent) <= _STAGE_SHARE * len(wanted)
    return urgent if pays else {}
