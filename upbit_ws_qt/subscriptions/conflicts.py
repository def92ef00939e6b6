"""Wishes that differ about one stream: found, resolved, and explained in words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from upbit_ws_qt.subscriptions.demand import Demand, carrier_of, merge_all
from upbit_ws_qt.types import DataType

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from upbit_ws_qt.streams import StreamKey

__all__ = ["Conflict", "ConflictKind", "SubscriptionConflictResolver"]


class ConflictKind(StrEnum):
    """What the wishes differ in."""

    DEPTH = "depth"
    LEVEL = "level"
    SNAPSHOT_AND_REALTIME = "snapshot_and_realtime"
    REALTIME_AND_BOTH = "realtime_and_both"
    CATEGORIES = "categories"
    BODY = "body"
    ALL_MARKETS = "all_markets"


@dataclass(frozen=True, slots=True)
class Conflict:
    """One difference and what was made of it.

    Attributes:
        kind: what differs.
        streams: the streams it is about; several for LEVEL and ALL_MARKETS.
        components: who differs, sorted.
        resolution: what is asked of the exchange and what each consumer gets, for people.
    """

    kind: ConflictKind
    streams: tuple[StreamKey, ...]
    components: tuple[str, ...]
    resolution: str


class SubscriptionConflictResolver:
    """Finds and resolves differences between wishes; keeps no state.

    Both methods take, per stream, the demands on it by component.
    """

    def detect_conflicts(self, demands: Mapping[StreamKey, Mapping[str, Sequence[Demand]]]) -> tuple[Conflict, ...]:
        """Return every difference among the wishes, in the order of the streams given."""
        found: list[Conflict] = []
        books: dict[str, list[StreamKey]] = {}
        for stream, by_component in demands.items():
            if stream.data_type is DataType.ORDERBOOK:
                books.setdefault(stream.symbol, []).append(stream)
            distinct = {demand for own in by_component.values() for demand in own}
            if len(distinct) > 1:
                found += _differences(stream, distinct, by_component)
        found += [
            _level_conflict(streams, demands) for streams in books.values() if len({s.variant for s in streams}) > 1
        ]
        return (*found, *_absorbed(demands))

    def resolve_conflicts(self, demands: Mapping[StreamKey, Iterable[Demand]]) -> dict[StreamKey, Demand]:
        """Return what to ask of the exchange for each stream that has to be asked for.

        The result serves every demand: the deepest book, all categories that anybody wants, the stream where anybody
        wants it. A stream that a wider one brings anyway is left out.
        """
        merged = {stream: merge_all(wanted) for stream, wanted in demands.items()}
        return {
            s: demand for s, demand in merged.items() if (carrier := carrier_of(s)) is None or carrier not in merged
        }


def _differences(
    stream: StreamKey, distinct: set[Demand], by_component: Mapping[str, Sequence[Demand]]
) -> Iterable[Conflict]:
    union = merge_all(distinct)
    about = ((stream,), tuple(sorted(by_component)))
    if len(depths := {d.depth for d in distinct}) > 1:
        listed = ", ".join(map(str, sorted(depths)))
        text = f"asked for at depth {union.depth}, the largest of {listed}; each consumer gets its own slice"
        yield Conflict(ConflictKind.DEPTH, *about, text)
    if len({d.realtime for d in distinct}) > 1:
        text = "asked for as a stream; who wants the snapshot alone gets one event, marked as snapshot"
        yield Conflict(ConflictKind.SNAPSHOT_AND_REALTIME, *about, text)
    if len({d.snapshot for d in distinct}) > 1:
        text = "asked for with snapshot; who wants realtime only is not handed it"
        yield Conflict(ConflictKind.REALTIME_AND_BOTH, *about, text)
    if len({d.categories for d in distinct}) > 1:
        shown = ", ".join(union.categories) or "all"
        text = f"asked for with categories {shown}; each consumer gets its own"
        yield Conflict(ConflictKind.CATEGORIES, *about, text)
    if len({d.include_body for d in distinct}) > 1:
        yield Conflict(ConflictKind.BODY, *about, "asked for with body, as somebody wants it")


def _level_conflict(
    streams: Sequence[StreamKey], demands: Mapping[StreamKey, Mapping[str, Sequence[Demand]]]
) -> Conflict:
    components = tuple(sorted({name for stream in streams for name in demands[stream]}))
    levels = ", ".join(stream.variant or "0" for stream in streams)
    text = f"levels {levels} are separate streams of the exchange; each is asked for and goes to its own consumers"
    return Conflict(ConflictKind.LEVEL, tuple(streams), components, text)


def _absorbed(demands: Mapping[StreamKey, Mapping[str, Sequence[Demand]]]) -> tuple[Conflict, ...]:
    single = [stream for stream in demands if (carrier := carrier_of(stream)) is not None and carrier in demands]
    if not single:
        return ()
    carrier = carrier_of(single[0])
    assert carrier is not None
    streams = (carrier, *single)
    components = tuple(sorted({name for stream in streams for name in demands[stream]}))
    text = f"asked for every market, which brings the {len(single)} single ones too; each consumer gets its own"
    return (Conflict(ConflictKind.ALL_MARKETS, streams, components, text),)
