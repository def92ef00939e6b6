"""Wishes: what each asks of its streams, the union of all on one line, and how far the exchange takes them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from upbit_ws_qt.errors import RecoveryStrategy, SubscriptionError
from upbit_ws_qt.streams import ALL_SYMBOLS, StreamKey, indicator_variant, level_variant, streams_of
from upbit_ws_qt.types import FULL_DEPTH, ORDERBOOK_DEPTHS, DataType, Priority

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from upbit_ws_qt.specs import IndicatorSpec, SubscriptionSpec
    from upbit_ws_qt.types import WebSocketType

__all__ = [
    "Demand",
    "LineUnion",
    "Standing",
    "Wish",
    "WishChange",
    "carrier_of",
    "demands_of",
    "depth_of_symbol",
    "merge",
    "merge_all",
    "same_request",
]


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
    depth: int = FULL_DEPTH
    priority: Priority = Priority.NORMAL
    level: Decimal = Decimal(0)
    categories: tuple[str, ...] = ()
    include_body: bool = False
    timeframe: str | None = None
    indicator: IndicatorSpec | None = None

    def covers(self, other: Demand) -> bool:
        """Whether a consumer with the demand `other` finds all it needs on a stream asked for as `self`."""
        # The priority decides who is asked for first, and changes nothing in what is asked.
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
    if asked == wanted:  # as a rule, and found out without a step in Python
        return True
    if asked.keys() != wanted.keys():
        return False
    return all(known is wanted[stream] or _same_way(known, wanted[stream]) for stream, known in asked.items())


def demands_of(spec: SubscriptionSpec) -> dict[StreamKey, Demand]:
    """Return what a wish asks of each of its streams."""
    demand = _shared(
        realtime=not spec.only_snapshot,
        snapshot=not spec.only_realtime,
        depth=_served_depth(spec.depth) if spec.data_type is DataType.ORDERBOOK else FULL_DEPTH,
        priority=spec.priority,
        level=spec.level if spec.data_type is DataType.ORDERBOOK else Decimal(0),
        categories=spec.categories,
        include_body=spec.include_body,
        timeframe=spec.timeframe,
    )
    if spec.data_type is DataType.ORDERBOOK:
        return _book_demands(spec, demand)
    # Each set of parameters is a stream of its own, and told apart by them alone.
    if spec.data_type.is_indicator:
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
    # The other way round nothing has to be sent: who wants realtime only is not handed the snapshot.
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
    # Protocol sheet, "Requests": none or an unsupported number gives the full depth.
    return depth if depth in ORDERBOOK_DEPTHS else FULL_DEPTH


def _united(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    if one == other:
        return one
    # None stands for all categories, so who wants all of them makes it all.
    return tuple(sorted({*one, *other})) if one and other else ()


class Standing(StrEnum):
    """What is known of a wish."""

    NEW = "new"
    """Not asked yet, or asked and not answered."""
    TRUSTED = "trusted"
    """The exchange took it in this session."""
    HELD = "held"
    """Left out while the guilty part of a refused request is looked for."""
    QUARANTINED = "quarantined"
    """The exchange refuses it; left out for good."""


class Wish:
    """One distinct spec, or a part of its codes once the exchange has refused a request with it.

    Equal specs of several components share one wish; wishes are compared by identity.

    Attributes:
        spec: what is asked for: the whole of what the components hold, or the part of its codes.
        whole: what the components hold.
        ws_type: the line that carries it.
        demands: what it asks of each of its streams.
        owners: how often each component holds it; the parts of one wish share this.
        standing: whether it is asked for.
        refusal: why it is quarantined, as it is told to the first of its owners; None where it is not.
        other_half: the other part where it was cut in two; None where it was not.
    """

    __slots__ = ("demands", "other_half", "owners", "refusal", "spec", "standing", "whole", "ws_type")

    def __init__(
        self,
        spec: SubscriptionSpec,
        *,
        whole: SubscriptionSpec | None = None,
        owners: Counter[str] | None = None,
        standing: Standing = Standing.NEW,
    ) -> None:
        self.spec = spec
        self.whole = spec if whole is None else whole
        self.ws_type: WebSocketType = spec.data_type.websocket_type
        self.demands: dict[StreamKey, Demand] = demands_of(spec)
        self.owners: Counter[str] = Counter() if owners is None else owners
        self.standing = standing
        self.refusal: SubscriptionError | None = None
        self.other_half: Wish | None = None

    def part(self, symbols: tuple[str, ...]) -> Wish:
        """Return a wish of the same owners and standing for some of the codes."""
        spec = replace(self.spec, symbols=symbols)
        return Wish(spec, whole=self.whole, owners=self.owners, standing=self.standing)

    def halves(self) -> tuple[Wish, Wish]:
        """Return two wishes that ask for the same together."""
        middle = len(self.spec.symbols) // 2
        one, other = self.part(self.spec.symbols[:middle]), self.part(self.spec.symbols[middle:])
        one.pair_with(other)
        other.pair_with(one)
        return one, other

    def pair_with(self, other: Wish) -> None:
        """Note which wish is the other half."""
        self.other_half = other

    @property
    def is_divisible(self) -> bool:
        """Whether it is about several codes."""
        return len(self.spec.symbols) > 1

    @property
    def is_asked(self) -> bool:
        """Whether it takes part in the union."""
        return self.standing in (Standing.NEW, Standing.TRUSTED)

    def stand(self, standing: Standing, reason: str = "", *, first_owner: str | None = None) -> None:
        """Take another standing; a quarantined wish says from now on what the exchange said."""
        self.standing = standing
        self.refusal = None
        if standing is Standing.QUARANTINED:
            self.refusal = SubscriptionError(
                f"the exchange refuses this wish: {reason}",
                spec=self.spec,
                codes=self.spec.symbols,
                component_id=min(self.owners, default=first_owner),
                recovery=RecoveryStrategy.RESUBSCRIBE,
            )

    def __repr__(self) -> str:
        return f"<Wish {self.spec} of {len(self.owners)}, {self.standing}>"


class StreamEntry:
    """Who wants one stream, and the union of it.

    Attributes:
        wishes: those that want it, in the order they came.
        is_mixed: whether they do not all ask for the same.
        snapshot_serial: grows with each new wish for the snapshot alone; 0 where there is none.
    """

    __slots__ = ("_demand", "is_mixed", "snapshot_serial", "wishes")

    def __init__(self) -> None:
        self.wishes: dict[Wish, Demand] = {}
        self.is_mixed = False
        self.snapshot_serial = 0
        self._demand: Demand | None = None

    @property
    def demand(self) -> Demand:
        """The least demand that serves all wishes."""
        if self._demand is None:
            self._demand = merge_all(self.wishes.values())
        return self._demand

    def attach(self, wish: Wish, demand: Demand) -> bool:
        """Add a wish; return whether the union may have changed."""
        wishes, known = self.wishes, self._demand
        # Most wishes add nothing to what is asked for anyway; then the union need not be worked out anew.
        if known is demand:
            wishes[wish] = demand
            return False
        if not wishes:
            wishes[wish] = self._demand = demand
            return True
        # While it is not mixed all that are there are equal, and any of them tells.
        self.is_mixed = self.is_mixed or demand != next(iter(wishes.values()))
        wishes[wish] = demand
        if known is not None and known.covers(demand) and demand.priority >= known.priority:
            return False
        self._demand = None
        return True

    def want_snapshot(self, serial: int) -> None:
        """Note another wish for the snapshot alone."""
        self.snapshot_serial = serial

    def detach(self, wish: Wish) -> bool:
        """Remove a wish; return whether the union may have changed."""
        gone = self.wishes.pop(wish)
        if self.is_mixed:
            self.is_mixed = len(set(self.wishes.values())) > 1
        # Another wish asks for the very same: nothing changes.
        if gone is self._demand and any(demand is gone for demand in self.wishes.values()):
            return False
        self._demand = None
        return True


class LineUnion:
    """All that is wanted of one line: the wishes for each stream, and the least that serves them.

    A program may change a thousand wishes one after the other, beside a thousand that stay. So what a change touches is
    noted where it is made, and the union, the differences and the news for owners are worked out from that: none of
    them goes through all streams for the sake of one.

    Attributes:
        entries: by stream, in the order in which they were first wanted.
        version: grows whenever the union may have changed.
    """

    __slots__ = ("_alone", "_demand", "_kin", "_mixed", "_realtime", "_stale", "_touched", "entries", "version")

    def __init__(self) -> None:
        self.entries: dict[StreamKey, StreamEntry] = {}
        self.version = 0
        self._mixed: set[StreamKey] = set()
        self._kin: set[StreamKey] = set()  # others may be about the same: a book of a level, an order of one market
        self._demand: dict[StreamKey, Demand] = {}
        self._realtime: dict[StreamKey, Demand] = self._demand
        # Dictionaries where sets would do: the same course of things is always told and sent in the same order.
        self._stale: dict[StreamKey, None] = {}  # of which `_demand` is not true any more
        self._alone: set[StreamKey] = set()  # wanted for their present state alone
        self._touched: dict[StreamKey, object] = {}

    def attach(self, wish: Wish, fresh: set[StreamKey] | None = None) -> bool:
        """Let a wish take part; return whether the union may have changed.

        Streams that nobody wanted before are added to `fresh`.
        """
        self.touch(wish)
        changed, entries = False, self.entries
        for stream, demand in wish.demands.items():
            entry = entries.get(stream)
            if entry is None:
                entry = entries[stream] = StreamEntry()
                if fresh is not None:
                    fresh.add(stream)
            if entry.attach(wish, demand):
                self._stale[stream] = None
                changed = True
            if entry.is_mixed:
                self._mixed.add(stream)
        spec = wish.spec
        if spec.data_type is DataType.MY_ORDER or (spec.level and spec.data_type is DataType.ORDERBOOK):
            self._kin.update(wish.demands)
        return changed

    def detach(self, wish: Wish) -> bool:
        """Let a wish take part no more; return whether the union may have changed."""
        self.touch(wish)
        changed = False
        for stream in wish.demands:
            entry = self.entries[stream]
            if entry.detach(wish):
                self._stale[stream] = None
                changed = True
            if not entry.is_mixed:
                self._mixed.discard(stream)
            if not entry.wishes:
                del self.entries[stream]
                self._kin.discard(stream)
        return changed

    def touch(self, wish: Wish) -> None:
        """Note that how it stands with the streams of a wish may have changed."""
        self._touched.update(wish.demands)

    def take_touched(self) -> Collection[StreamKey]:
        """Take out the streams that changes were about since the last call."""
        touched, self._touched = self._touched, {}
        return touched.keys()

    def disputed(self) -> list[StreamKey]:
        """Return the streams about which wishes may differ, those that others are about too among them, in order."""
        beside = {StreamKey(DataType.ORDERBOOK, s.symbol) for s in self._kin if s.data_type is DataType.ORDERBOOK}
        found = self._mixed | self._kin | beside
        return [stream for stream in self.entries if stream in found] if found else []

    def changed(self) -> None:
        """Note that a change is complete."""
        self.version += 1

    def demand(self) -> Mapping[StreamKey, Demand]:
        """Return the union: what to ask of the exchange for each stream. It stays as it is when wishes change."""
        if self._stale:
            # A request that is on its way, or a list that is awaited, speaks of the union as it was: so a new one.
            demand = self._demand.copy()
            for stream in self._stale:
                entry = self.entries.get(stream)
                if entry is None:
                    demand.pop(stream, None)
                    self._alone.discard(stream)
                    continue
                demand[stream] = wanted = entry.demand
                if wanted.realtime:
                    self._alone.discard(stream)
                else:
                    self._alone.add(stream)
            self._stale.clear()
            self._demand = self._realtime = demand
            if self._alone:
                self._realtime = {stream: wanted for stream, wanted in demand.items() if wanted.realtime}
        return self._demand

    def realtime_demand(self) -> Mapping[StreamKey, Demand]:
        """Return the part of the union that is to flow; the rest is wanted for its present state alone."""
        self.demand()
        return self._realtime


@dataclass(frozen=True, slots=True)
class WishChange:
    """What came of a change of one component's wishes.

    Attributes:
        component_id: whose they are.
        changed: the lines whose union changed.
        added: streams that nobody wanted before.
        dropped: streams that nobody wants any more.
    """

    component_id: str
    changed: frozenset[WebSocketType]
    added: frozenset[StreamKey]
    dropped: frozenset[StreamKey]
