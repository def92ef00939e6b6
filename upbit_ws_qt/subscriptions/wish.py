"""One distinct wish, however many components hold it, and how far the exchange is trusted to take it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from upbit_ws_qt.errors import RecoveryStrategy, SubscriptionError
from upbit_ws_qt.subscriptions.demand import Demand, demands_of, merge_all

if TYPE_CHECKING:
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.types import SubscriptionSpec, WebSocketType

__all__ = ["Standing", "StreamEntry", "Wish", "WishChange"]


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
    """One distinct spec.

    Equal specs of several components share one wish; wishes are compared by identity.

    Attributes:
        spec: what is wanted.
        demands: what it asks of each of its streams.
        owners: how often each component holds it.
        standing: whether it is asked for.
        refusal: why it is quarantined, as it is told to the first of its owners; None where it is not.
    """

    __slots__ = ("demands", "owners", "refusal", "spec", "standing")

    def __init__(self, spec: SubscriptionSpec) -> None:
        self.spec = spec
        self.demands: dict[StreamKey, Demand] = demands_of(spec)
        self.owners: Counter[str] = Counter()
        self.standing = Standing.NEW
        self.refusal: SubscriptionError | None = None

    @property
    def ws_type(self) -> WebSocketType:
        """The line that carries it."""
        return self.spec.data_type.websocket_type

    @property
    def is_asked(self) -> bool:
        """Whether it takes part in the union."""
        return self.standing in (Standing.NEW, Standing.TRUSTED)

    def stand(self, standing: Standing, reason: str = "") -> None:
        """Take another standing; a quarantined wish says from now on what the exchange said."""
        self.standing = standing
        self.refusal = None
        if standing is Standing.QUARANTINED:
            self.refusal = SubscriptionError(
                f"the exchange refuses this wish: {reason}",
                spec=self.spec,
                codes=self.spec.symbols,
                component_id=min(self.owners, default=None),
                recovery=RecoveryStrategy.RESUBSCRIBE,
            )

    def __repr__(self) -> str:
        return f"<Wish {self.spec} of {len(self.owners)}, {self.standing}>"


class StreamEntry:
    """Who wants one stream, and the union of it.

    Attributes:
        wishes: those that want it, in the order they came.
        snapshot_serial: grows with each new wish for the snapshot alone; 0 where there is none.
    """

    __slots__ = ("_demand", "snapshot_serial", "wishes")

    def __init__(self) -> None:
        self.wishes: dict[Wish, Demand] = {}
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
        self.wishes[wish] = demand
        known = self._demand
        if known is demand:
            return False
        if len(self.wishes) == 1:
            self._demand = demand
        elif known is None or not known.covers(demand) or demand.priority < known.priority:
            self._demand = None
        else:
            return False
        return True

    def detach(self, wish: Wish) -> bool:
        """Remove a wish; return whether the union may have changed."""
        gone = self.wishes.pop(wish)
        if gone is self._demand and any(demand is gone for demand in self.wishes.values()):
            return False
        self._demand = None
        return True


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
