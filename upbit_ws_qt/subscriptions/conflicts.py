"""Wishes that differ about one stream: found, resolved, and explained in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from upbit_ws_qt.subscriptions.wishes import Demand, carrier_of, merge_all
from upbit_ws_qt.types import DataType

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from upbit_ws_qt.streams import StreamKey

__all__ = ["ConflictInfo", "ConflictKind", "Resolution", "SubscriptionConflictResolver"]


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
class Resolution:
    """What was made of a difference.

    Attributes:
        text: what is asked of the exchange and what each consumer gets, for people; also what `str()` gives.
        asked: what the exchange is asked for of each stream; one that a wider stream brings anyway is not in it.
    """

    text: str
    asked: Mapping[StreamKey, Demand] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class ConflictInfo:
    """One difference and what was made of it.

    Attributes:
        kind: what differs.
        streams: the streams it is about; several for LEVEL and ALL_MARKETS.
        components: who differs, sorted.
        resolution: what is asked of the exchange and what each consumer gets.
    """

    kind: ConflictKind
    streams: tuple[StreamKey, ...]
    components: tuple[str, ...]
    resolution: Resolution


class SubscriptionConflictResolver:
    """Finds and resolves differences between wishes; keeps no state.

    Both methods take, per stream, the demands on it by component.
    """

    def detect_conflicts(self, demands: Mapping[StreamKey, Mapping[str, Sequence[Demand]]]) -> tuple[ConflictInfo, ...]:
        """Return every difference among the wishes, in the order of the streams given."""
        found: list[ConflictInfo] = []
        books: dict[str, list[StreamKey]] = {}
        for stream, by_component in demands.items():
            if stream.data_type is DataType.ORDERBOOK:
                books.setdefault(stream.symbol, []).append(stream)
            # As sets of demands: most components want the same, and who does is of interest only where they differ.
            distinct = {demand for own in by_component.values() for demand in own}
            if len(distinct) > 1:
                asked = self.resolve_conflicts({stream: distinct})
                found += [
                    ConflictInfo(kind, (stream,), tuple(sorted(by_component)), Resolution(text, asked))
                    for kind, text in _differences(distinct, asked[stream])
                ]
        for streams in books.values():
            if len(streams) > 1:
                levels = ", ".join(stream.variant or "0" for stream in streams)
                text = f"levels {levels} are separate streams of the exchange; each goes to its own consumers"
                found.append(self._about_several(ConflictKind.LEVEL, streams, demands, text))
        carried = {s: carrier for s in demands if (carrier := carrier_of(s)) is not None and carrier in demands}
        for carrier in dict.fromkeys(carried.values()):
            single = [stream for stream, wider in carried.items() if wider == carrier]
            text = f"asked for every market, which brings the {len(single)} single ones too; each consumer gets its own"
            found.append(self._about_several(ConflictKind.ALL_MARKETS, [carrier, *single], demands, text))
        return tuple(found)

    def resolve_conflicts(self, demands: Mapping[StreamKey, Iterable[Demand]]) -> dict[StreamKey, Demand]:
        """Return what to ask of the exchange for each stream that has to be asked for.

        The result serves every demand: the deepest book, all categories that anybody wants, the stream where anybody
        wants it. A stream that a wider one brings anyway is left out.
        """
        merged = {stream: merge_all(wanted) for stream, wanted in demands.items()}
        return {
            s: demand for s, demand in merged.items() if (carrier := carrier_of(s)) is None or carrier not in merged
        }

    def _about_several(
        self,
        kind: ConflictKind,
        streams: Sequence[StreamKey],
        demands: Mapping[StreamKey, Mapping[str, Sequence[Demand]]],
        text: str,
    ) -> ConflictInfo:
        components = tuple(sorted({name for stream in streams for name in demands[stream]}))
        wanted = {stream: [demand for own in demands[stream].values() for demand in own] for stream in streams}
        return ConflictInfo(kind, tuple(streams), components, Resolution(text, self.resolve_conflicts(wanted)))


def _differences(distinct: set[Demand], union: Demand) -> Iterable[tuple[ConflictKind, str]]:
    """Yield in what the demands on one stream differ, with what that leads to, for people."""
    if len(depths := {d.depth for d in distinct}) > 1:
        listed = ", ".join(map(str, sorted(depths)))
        yield (
            ConflictKind.DEPTH,
            f"asked for at depth {union.depth}, the largest of {listed}; each consumer gets its own slice",
        )
    if len({d.realtime for d in distinct}) > 1:
        text = "asked for as a stream; who wants the snapshot alone gets one event, marked as snapshot"
        yield ConflictKind.SNAPSHOT_AND_REALTIME, text
    if len({d.snapshot for d in distinct}) > 1:
        yield (
            ConflictKind.REALTIME_AND_BOTH,
            "asked for with snapshot; who wants realtime only is not handed it",
        )
    if len({d.categories for d in distinct}) > 1:
        shown = ", ".join(union.categories) or "all"
        yield ConflictKind.CATEGORIES, f"asked for with categories {shown}; each consumer gets its own"
    if len({d.include_body for d in distinct}) > 1:
        yield ConflictKind.BODY, "asked for with body, as somebody wants it"
