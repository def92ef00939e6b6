"""Who wants what: wishes per component, counted per stream, changed all at once or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upbit_ws_qt.computer import Computer
from upbit_ws_qt.errors import SubscriptionError
from upbit_ws_qt.subscriptions.conflicts import ConflictInfo, SubscriptionConflictResolver
from upbit_ws_qt.subscriptions.planner import IntelligentSubscriptionOptimizer
from upbit_ws_qt.subscriptions.wishes import LineUnion, Standing, Wish, WishChange, carrier_of
from upbit_ws_qt.types import WebSocketType
from upbit_ws_qt.wire import check_spec, count_combinations
from upbit_ws_qt.wire.request_rules import MAX_COMBINATIONS

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Collection, Iterable, Mapping

    from upbit_ws_qt.specs import SubscriptionSpec
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions.wishes import Demand

__all__ = ["QUARANTINE_MEMORY", "SubscriptionStateManager"]

# Seconds that a refused wish is refused here too, so that a program that asks again and again does not cost
# everybody the line again and again.
QUARANTINE_MEMORY = 600.0
_MOST_REMEMBERED = 1000

_Counts = dict["SubscriptionSpec", int]
# Stands for the codes of a spec that has none.
_NO_CODES = ("",)


class SubscriptionStateManager:
    """The wishes of all components.

    Every change is checked first and then made in one go, without an await in between. A wish that the exchange
    would refuse raises SubscriptionError with its index and owner, and then nothing has changed.

    It needs no line, so that a program can find out what its wishes would cost before it opens one:

    Example:
        >>> from upbit_ws_qt import DataType, SubscriptionSpec, SubscriptionStateManager, WebSocketType
        >>> state = SubscriptionStateManager()
        >>> bitcoin, ether = (SubscriptionSpec(DataType.TRADE, code) for code in ("KRW-BTC", "KRW-ETH"))
        >>> change = await state.register_component_subscriptions("chart", [bitcoin])
        >>> change = await state.register_component_subscriptions("tape", [ether])
        >>> change = await state.unregister_component("chart")
        >>> [str(spec) for spec in await state.optimize_subscription_requests(WebSocketType.PUBLIC)]
        ['trade(KRW-ETH)']
    """

    def __init__(self, *, clock: Callable[[], float] | None = None, region: str = "kr") -> None:
        self._clock = clock or Computer().monotonic
        self._region = region
        self._resolver = SubscriptionConflictResolver()
        self._components: dict[str, dict[SubscriptionSpec, Counter[str]]] = {}  # each with the owners of the wish
        self._wishes: dict[SubscriptionSpec, list[Wish]] = {}  # one, or its parts after a refusal
        self._unions = {ws_type: LineUnion() for ws_type in WebSocketType}
        # Wishes that are not asked for, by stream: there are few, and each status of a stream looks here.
        self._left_out: dict[StreamKey, dict[Wish, None]] = {}
        self._resolved: tuple[int, Mapping[StreamKey, Demand]] = (-1, {})  # of the private line, see `demand`
        self._refused: dict[tuple[object, ...], tuple[float, str]] = {}
        self._optimizers = {ws_type: IntelligentSubscriptionOptimizer() for ws_type in WebSocketType}
        self._conflicts: tuple[ConflictInfo, ...] | None = None  # until the next change: figures are read every second
        self._serial = 0

    # -- changes ----------------------------------------------------------------------------------------------------

    async def register_component_subscriptions(
        self, component_id: str, specs: Iterable[SubscriptionSpec]
    ) -> WishChange:
        """Make `specs` all that a component wants; what it wanted before and does not name again is dropped."""
        return self.replace(component_id, specs)

    async def unregister_component(self, component_id: str) -> WishChange:
        """Forget a component; one that is not known is no error."""
        return self.replace(component_id, ())

    def check(self, component_id: str, specs: Iterable[SubscriptionSpec]) -> None:
        """Raise the SubscriptionError that wanting all of this would raise now; nothing changes."""
        wanted = tuple(specs)
        self._check(component_id, wanted, dict.fromkeys(wanted, 1), {})

    def replace(self, component_id: str, specs: Iterable[SubscriptionSpec]) -> WishChange:
        """Make `specs` all that a component wants; none forgets the component."""
        return self.swap(component_id, self.specs_of(component_id), specs)

    def swap(self, component_id: str, old: Iterable[SubscriptionSpec], new: Iterable[SubscriptionSpec]) -> WishChange:
        """Give up some of a component's wishes, each once, for others; costs what these are, however many it holds.

        One of `old` that the component does not hold raises SubscriptionError, like one of `new` that is refused.
        """
        wanted = tuple(new)
        add, drop = _difference(tuple(old), wanted)
        held = self._components.get(component_id, {})
        for spec, count in drop.items():
            if spec not in held or held[spec][component_id] < count:
                raise SubscriptionError("this component does not hold the wish", spec=spec, component_id=component_id)
        self._check(component_id, wanted, add, drop)
        return self._change(component_id, add, drop)

    def _change(self, component_id: str, add: _Counts, drop: _Counts) -> WishChange:
        # Worked out when somebody asks: a thousand changes in a row are looked at once.
        self._conflicts = None
        before = {stream for spec in drop for wish in self._wishes[spec] for stream in wish.demands}
        fresh: set[StreamKey] = set()
        changed: set[WebSocketType] = set()
        # Added before anything is dropped: a stream that the old and the new wishes share never leaves the union.
        for spec, count in add.items():
            self._add(component_id, spec, count, fresh, changed)
        for spec, count in drop.items():
            self._drop(component_id, spec, count, changed)
        self._complete(changed)
        return WishChange(
            component_id=component_id,
            changed=frozenset(changed),
            added=frozenset(fresh),
            dropped=frozenset(s for s in before if s not in self._unions[s.websocket_type].entries),
        )

    def _check(
        self,
        component_id: str,
        specs: tuple[SubscriptionSpec, ...],
        add: _Counts,
        drop: _Counts,
    ) -> None:
        for index, spec in enumerate(specs):
            if spec not in add:
                continue
            # Asking the exchange again would cost everybody the line.
            refused = self._refused_symbols(spec)
            if len(refused) == len(spec.symbols or _NO_CODES):
                reason = next(iter(refused.values()))
                raise SubscriptionError(
                    f"the exchange refused this wish: {reason}", spec=spec, index=index, component_id=component_id
                )
            try:
                check_spec(spec, region=self._region)
            except SubscriptionError as error:
                raise SubscriptionError(
                    error.reason, spec=spec, index=index, codes=error.codes, component_id=component_id
                ) from error
        self._check_combinations(component_id, add, drop)

    def _check_combinations(self, component_id: str, add: _Counts, drop: _Counts) -> None:
        """Refuse what would make the INFO line's union more than one request may hold."""
        info = [spec for spec in add if spec.data_type.websocket_type is WebSocketType.INFO]
        if not info:
            return
        # What goes with this very change makes room for what comes.
        leaving = {
            spec
            for spec, count in drop.items()
            if spec in self._wishes and self._wishes[spec][0].owners.total() <= count
        }
        staying = [
            wish.spec
            for wish in self.wishes(WebSocketType.INFO)
            if wish.whole not in leaving and wish.standing is not Standing.QUARANTINED
        ]
        used = count_combinations([*staying, *info])
        if used > MAX_COMBINATIONS:
            raise SubscriptionError(
                f"all components together would want {used} indicator combinations and the exchange takes "
                f"{MAX_COMBINATIONS}; ask for fewer codes or indicators",
                spec=info[0],
                component_id=component_id,
            )

    def _add(
        self,
        component_id: str,
        spec: SubscriptionSpec,
        count: int,
        fresh: set[StreamKey],
        changed: set[WebSocketType],
    ) -> None:
        wishes = self._wishes.get(spec)
        if wishes is None:
            self._wishes[spec] = wishes = self._new_wishes(component_id, spec)
            for wish in wishes:
                if wish.is_asked and self._unions[wish.ws_type].attach(wish, fresh):
                    changed.add(wish.ws_type)
        else:
            refused = self._refused_symbols(spec)
            for wish in wishes:
                if wish.standing is Standing.QUARANTINED and refused.keys().isdisjoint(wish.spec.symbols or _NO_CODES):
                    # Its refusal is forgotten: whoever asks now is worth another try.
                    wish.stand(Standing.NEW)
                    self._let_in(wish)
                    self._unions[wish.ws_type].attach(wish, fresh)
                    changed.add(wish.ws_type)
        owners = wishes[0].owners
        owners[component_id] += count
        self._components.setdefault(component_id, {})[spec] = owners
        asked = [wish for wish in wishes if wish.is_asked]
        if spec.only_snapshot and asked:
            # A new number for each wish: a snapshot that is on its way already answers an older one.
            self._serial += 1
            for wish in asked:
                for stream in wish.demands:
                    self._unions[wish.ws_type].entries[stream].want_snapshot(self._serial)
                changed.add(wish.ws_type)

    def _new_wishes(self, component_id: str, spec: SubscriptionSpec) -> list[Wish]:
        """Return a wish; the codes that the exchange has refused of late are another one, which is not asked for."""
        wish = Wish(spec)
        refused = self._refused_symbols(spec)
        if not refused:
            return [wish]
        good = wish.part(tuple(symbol for symbol in spec.symbols if symbol not in refused))
        bad = wish.part(tuple(refused))
        bad.stand(Standing.QUARANTINED, next(iter(refused.values())), first_owner=component_id)
        self._leave_out(bad)
        return [good, bad]

    def _drop(self, component_id: str, spec: SubscriptionSpec, count: int, changed: set[WebSocketType]) -> None:
        wishes = self._wishes[spec]
        owners = wishes[0].owners
        owners[component_id] -= count
        if owners[component_id] <= 0:
            del owners[component_id]
            held = self._components[component_id]
            del held[spec]
            if not held:
                del self._components[component_id]
        if owners:
            return
        del self._wishes[spec]
        for wish in wishes:
            if not wish.is_asked:
                self._let_in(wish)
            elif self._unions[wish.ws_type].detach(wish):
                changed.add(wish.ws_type)

    def _complete(self, changed: Iterable[WebSocketType]) -> None:
        for ws_type in changed:
            self._unions[ws_type].changed()

    # -- standing of wishes -----------------------------------------------------------------------------------------

    def set_standing(self, wishes: Iterable[Wish], standing: Standing, reason: str = "") -> bool:
        """Trust, hold or quarantine wishes; return whether a union changed. Wishes that have gone are passed over."""
        changed: set[WebSocketType] = set()
        for wish in wishes:
            if not self._holds(wish) or wish.standing is standing:
                continue
            was_asked = wish.is_asked
            self._conflicts = None
            wish.stand(standing, reason)
            if standing is Standing.QUARANTINED:
                self._remember_refused(wish.spec, reason)
            union = self._unions[wish.ws_type]
            if was_asked and not wish.is_asked:
                union.detach(wish)
                self._leave_out(wish)
                changed.add(wish.ws_type)
            elif wish.is_asked and not was_asked:
                self._let_in(wish)
                union.attach(wish)
                changed.add(wish.ws_type)
            elif not wish.is_asked:  # held, and now quarantined: its owners wait for the news
                union.touch(wish)
        self._complete(changed)
        return bool(changed)

    def halve(self, wish: Wish) -> tuple[Wish, Wish]:
        """Cut a wish that is held in two, each with half of its codes."""
        one, other = wish.halves()
        self._exchange((wish,), (one, other))
        return one, other

    def join(self, one: Wish, other: Wish) -> Wish:
        """Make two halves that are held one wish again."""
        wish = one.part((*one.spec.symbols, *other.spec.symbols))
        self._exchange((one, other), (wish,))
        return wish

    def was_cut(self, wish: Wish) -> bool:
        """Whether other wishes for parts of it, or for more, stand in its place."""
        return bool(wish.owners) and not self._holds(wish)

    def _exchange(self, old: tuple[Wish, ...], new: tuple[Wish, ...]) -> None:
        """Put parts of one wish in the place of others; none of them is asked for."""
        wishes = self._wishes[old[0].whole]
        self._wishes[old[0].whole] = [*(wish for wish in wishes if wish not in old), *new]
        for wish in old:
            self._let_in(wish)
        for wish in new:
            self._leave_out(wish)

    def _holds(self, wish: Wish) -> bool:
        return any(held is wish for held in self._wishes.get(wish.whole, ()))

    def _leave_out(self, wish: Wish) -> None:
        """Note that a wish, which somebody holds, is not asked for."""
        self._unions[wish.ws_type].touch(wish)
        for stream in wish.demands:
            self._left_out.setdefault(stream, {})[wish] = None

    def _let_in(self, wish: Wish) -> None:
        """Note that a wish is not left out any more: it is asked for again, or nobody holds it."""
        self._unions[wish.ws_type].touch(wish)
        for stream in wish.demands:
            others = self._left_out[stream]
            del others[wish]
            if not others:
                del self._left_out[stream]

    def _remember_refused(self, spec: SubscriptionSpec, reason: str) -> None:
        for symbol in spec.symbols or _NO_CODES:
            # The oldest first: a dictionary keeps the order in which they came.
            while len(self._refused) >= _MOST_REMEMBERED:
                del self._refused[next(iter(self._refused))]
            self._refused[_request_of(spec, symbol)] = (self._clock() + QUARANTINE_MEMORY, reason)

    def _refused_symbols(self, spec: SubscriptionSpec) -> dict[str, str]:
        """Return the codes of a spec that the exchange has refused of late, each with what it said."""
        if not self._refused:
            return {}
        now = self._clock()
        found = {symbol: self._refused.get(_request_of(spec, symbol)) for symbol in spec.symbols or _NO_CODES}
        return {symbol: known[1] for symbol, known in found.items() if known is not None and known[0] > now}

    def wishes(self, ws_type: WebSocketType, *standings: Standing) -> tuple[Wish, ...]:
        """Return the distinct wishes of a line, of the standings given or all."""
        return tuple(
            wish
            for wishes in self._wishes.values()
            for wish in wishes
            if wish.ws_type is ws_type and (not standings or wish.standing in standings)
        )

    # -- questions --------------------------------------------------------------------------------------------------

    def is_wanted(self, ws_type: WebSocketType) -> bool:
        """Whether there is anything to ask of a line."""
        return bool(self._unions[ws_type].entries)

    def version(self, ws_type: WebSocketType) -> int:
        """Return a number that grows whenever the union of a line may have changed."""
        return self._unions[ws_type].version

    def demand(self, ws_type: WebSocketType) -> Mapping[StreamKey, Demand]:
        """Return the union of a line: what to ask of the exchange for each stream. Do not change it."""
        union = self._unions[ws_type]
        if ws_type is not WebSocketType.PRIVATE:
            return union.demand()
        if self._resolved[0] != union.version:
            # Orders of all markets bring those of single ones, which need not be asked for beside them.
            wanted = {stream: (demand,) for stream, demand in union.demand().items()}
            self._resolved = (union.version, self._resolver.resolve_conflicts(wanted))
        return self._resolved[1]

    def realtime_demand(self, ws_type: WebSocketType) -> Mapping[StreamKey, Demand]:
        """Return the part of the union that is to flow; the rest is wanted for its present state alone."""
        # Only public types can be wanted for their present state alone.
        return self._unions[ws_type].realtime_demand() if ws_type is WebSocketType.PUBLIC else self.demand(ws_type)

    def take_touched(self, ws_type: WebSocketType) -> Collection[StreamKey]:
        """Take out the streams that changes of wishes, and of their standing, were about since the last call.

        What is told of all other streams still holds, as far as wishes go.
        """
        return self._unions[ws_type].take_touched()

    def optimizer(self, ws_type: WebSocketType) -> IntelligentSubscriptionOptimizer:
        """Return what plans the requests of an endpoint and remembers what the exchange has shown of itself."""
        return self._optimizers[ws_type]

    async def optimize_subscription_requests(self, ws_type: WebSocketType) -> tuple[SubscriptionSpec, ...]:
        """Return the fewest specs that one request for the whole union of a new line needs."""
        return self._optimizers[ws_type].optimize_subscriptions(self.demand(ws_type)).specs

    def carrier(self, stream: StreamKey) -> StreamKey | None:
        """Return the stream to ask for that brings `stream`: itself or a wider one; None where neither is asked for."""
        table = self._unions[stream.data_type.websocket_type].entries
        # Orders of all markets bring those of one.
        wider = carrier_of(stream)
        if wider is not None and wider in table:
            return wider
        return stream if stream in table else None

    def snapshot_serial(self, stream: StreamKey) -> int:
        """Return the number of the latest wish for the snapshot alone; 0 where there is none."""
        entry = self._unions[stream.websocket_type].entries.get(stream)
        return entry.snapshot_serial if entry is not None else 0

    def get_active_subscriptions(self) -> dict[StreamKey, tuple[str, ...]]:
        """Return every stream that is asked for, or would be, with the components that want it."""
        return {stream: self.components_of(stream) for union in self._unions.values() for stream in union.entries}

    def components_of(self, stream: StreamKey) -> tuple[str, ...]:
        """Return the components that want a stream and whose wish for it is asked for, sorted."""
        entry = self._unions[stream.websocket_type].entries.get(stream)
        return tuple(sorted({name for wish in entry.wishes for name in wish.owners})) if entry else ()

    def wants(self, stream: StreamKey) -> bool:
        """Whether anybody wants a stream, also where it is held or quarantined."""
        return stream in self._unions[stream.websocket_type].entries or stream in self._left_out

    def wanted_streams(self, ws_type: WebSocketType) -> Collection[StreamKey]:
        """Return all streams of a line that anybody wants, also those that are held or quarantined."""
        left_out = [stream for stream in self._left_out if stream.websocket_type is ws_type]
        return dict.fromkeys((*self._unions[ws_type].entries, *left_out)).keys()

    def refusal_of(self, stream: StreamKey) -> SubscriptionError | None:
        """Return why the exchange refuses a stream, None where it does not; see SubscriptionError.for_component."""
        return next((wish.refusal for wish in self._left_out.get(stream, ()) if wish.refusal is not None), None)

    def components(self) -> Mapping[str, tuple[SubscriptionSpec, ...]]:
        """Return the wishes by component."""
        return {component_id: self.specs_of(component_id) for component_id in self._components}

    def specs_of(self, component_id: str) -> tuple[SubscriptionSpec, ...]:
        """Return a component's wishes in the order they came, equal ones together; none where it is not known."""
        held = self._components.get(component_id, {})
        return tuple(spec for spec, owners in held.items() for _ in range(owners[component_id]))

    def conflicts(self) -> tuple[ConflictInfo, ...]:
        """Return how the wishes differ and what was made of it."""
        if self._conflicts is None:
            self._conflicts = self._find_conflicts()
        return self._conflicts

    def _find_conflicts(self) -> tuple[ConflictInfo, ...]:
        demands: dict[StreamKey, dict[str, list[Demand]]] = {}
        for union in self._unions.values():
            for stream in union.disputed():
                by_component: dict[str, list[Demand]] = {}
                for wish, demand in union.entries[stream].wishes.items():
                    for name in wish.owners:
                        by_component.setdefault(name, []).append(demand)
                demands[stream] = by_component
        return self._resolver.detect_conflicts(demands)


def _difference(old: tuple[SubscriptionSpec, ...], new: tuple[SubscriptionSpec, ...]) -> tuple[_Counts, _Counts]:
    """Return how often each spec is in `new` beyond `old`, and in `old` beyond `new`.

    Counters would say it in a line and cost more than all the rest of a change; a program may make a thousand at once.
    """
    counts: _Counts = {}
    for spec in new:
        counts[spec] = counts.get(spec, 0) + 1
    for spec in old:
        counts[spec] = counts.get(spec, 0) - 1
    return (
        {spec: count for spec, count in counts.items() if count > 0},
        {spec: -count for spec, count in counts.items() if count < 0},
    )


def _request_of(spec: SubscriptionSpec, symbol: str) -> tuple[object, ...]:
    """Return what the exchange is asked for one code of a spec: what it has refused, it refuses of every component."""
    flags = (spec.level, spec.depth, spec.only_snapshot, spec.only_realtime, spec.categories, spec.include_body)
    return spec.data_type, symbol, *flags, spec.timeframe, spec.indicators
