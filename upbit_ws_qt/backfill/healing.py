"""One stream on its way to be whole again: what is known of it, and what follows from that; no I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upbit_ws_qt.backfill.recovered import trade_event
from upbit_ws_qt.events import CandleEvent, TradeEvent
from upbit_ws_qt.types import Priority

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from upbit_ws_qt.backfill.open_gap import OpenGap
    from upbit_ws_qt.backfill.walks import CandleFloor, CandleWalk, TradeFloor, TradeWalk
    from upbit_ws_qt.events import BaseWebSocketEvent
    from upbit_ws_qt.rest import RestTrade
    from upbit_ws_qt.routing import Route
    from upbit_ws_qt.routing.stream_gate import RouteHold, StreamGate
    from upbit_ws_qt.streams import StreamKey

    Piece = tuple[int, BaseWebSocketEvent | None]

__all__ = ["RANK", "Healing"]

RANK = {priority: rank for rank, priority in enumerate(Priority)}
"""The most urgent first."""


class Healing:
    """One stream on its way to be whole again, for some of its consumers; the driver leads it.

    It waits for the first message after the gap (`waits_for_first`), since only then its subscription is in force and
    the end of the gap known. Then it is in the queue, is asked for (`asking`), and what was found is handed out
    (`handing_out`). Another gap before that sends it back to the beginning, with what was found so far (`again`); one
    that comes later gets a healing of its own, whose events leave behind this one's.

    Attributes:
        stream: which one.
        gate: what stands before its guard.
        group: the gap of its endpoint; None for a wish that begins with the past.
        holds: one for each consumer.
        begins: behind which trade each consumer begins: None for who was there from the beginning, and is owed all of
            it; for who came between two cuts, what was handed on last before the second one.
    """

    def __init__(self, stream: StreamKey, gate: StreamGate, group: OpenGap | None, now: float) -> None:
        self.stream = stream
        self.gate = gate
        self.group = group
        self.began_at = now
        self.epoch = 0
        self.holds: list[RouteHold] = []
        self.begins: dict[Route, int | None] = {}
        self.last: BaseWebSocketEvent | None = None  # handed on last before the gap
        self.known: frozenset[int] = frozenset()  # ids handed on before the gap
        self.since: int | datetime | None = None  # where a start with the past begins; None for a gap
        self.floor: TradeFloor | CandleFloor | None = None
        self.walk: TradeWalk | CandleWalk | None = None
        self.trade_events: dict[int, TradeEvent] = {}  # of what the walk has found, by id
        self.again = False  # there was another gap, whose walk has not begun
        self.waits_for_first = True
        self.queued = False
        self.asking = False
        self.handing_out = False
        self.expired = False  # whether live events stopped waiting, before this gap or one that goes into it was healed
        self.lags = 0
        self.timer: asyncio.TimerHandle | None = None  # until live events wait no longer
        self.settling: asyncio.TimerHandle | None = None  # until nothing more is being lost on the way in

    def note_page(self, walk: TradeWalk, page: Sequence[RestTrade], now: float) -> None:
        """Make the events of a page that a walk has taken; at `now`, loop clock in seconds, it came."""
        for trade in page:
            key = trade.sequential_id
            if key not in self.trade_events and walk.has(key):
                self.trade_events[key] = trade_event(trade, self.epoch, now)

    def share_of(self, route: Route, past: Sequence[Piece]) -> Sequence[Piece]:
        """Return what of the past a consumer is owed: nothing from before it came.

        It would not be whole either: what came live before it came is not among what was missed.
        """
        begins = self.begins.get(route)
        place = None if begins is None else next((n for n, (key, _) in enumerate(past, 1) if key == begins), None)
        return past if place is None else past[place:]

    @property
    def reaches(self) -> frozenset[int]:
        """Ids of which the newest is where the past ends, unless something has come live since."""
        if self.since is not None and isinstance(self.last, TradeEvent):
            return frozenset({self.last.sequential_id})
        # Where the new line has brought nothing, nothing of what is newer can be said to come by it.
        return self.known if self.since is not None or self.gate.first is not None else frozenset()

    @property
    def known_candle(self) -> CandleEvent | None:
        """The candle that ran before the gap, as it was handed out; None for a start with the past."""
        return self.last if self.since is None and isinstance(self.last, CandleEvent) else None

    @property
    def priority(self) -> Priority:
        """Of the most urgent consumer."""
        return min((hold.route.spec.priority for hold in self.holds), key=RANK.__getitem__)

    @property
    def is_wanted(self) -> bool:
        """Whether any of the consumers is still there."""
        return any(not hold.route.closed for hold in self.holds)

    @property
    def held(self) -> Iterator[BaseWebSocketEvent]:
        """Live events that wait for it, consumer by consumer."""
        return (event for hold in self.holds for event in hold.held)

    @property
    def missed_nothing(self) -> bool:
        """Whether what came first is what had come last, which costs no question."""
        first, last = self.gate.first, self.last
        if isinstance(first, TradeEvent) and isinstance(last, TradeEvent):
            return first.sequential_id == last.sequential_id
        if isinstance(first, CandleEvent) and isinstance(last, CandleEvent):
            return first.start <= last.start
        return False

    @property
    def running_candle(self) -> datetime | None:
        """The start of the candle that ran when the stream went on; None where it has not gone on yet."""
        came = self.gate.first if self.since is None else next(self.held, self.last)
        return came.start if isinstance(came, CandleEvent) else None

    def is_ahead(self, walk: TradeWalk) -> bool:
        """Whether REST knows trades that were missed although nothing has come on the new line.

        A quiet stream has missed none. This one is not in force there yet: its wish may be among those that the line
        is asked for one by one, after a refusal.
        """
        if self.since is not None or self.gate.first is not None or not walk.trades:
            return False
        return walk.trades[0].sequential_id not in self.known

    def is_behind(self, walk: TradeWalk) -> bool:
        """Whether REST did not know yet what came first when the stream went on."""
        first = self.gate.first if self.since is None else self.last or next(self.held, None)
        if not isinstance(first, TradeEvent) or walk.reason or first.trade_timestamp < walk.floor.since:
            return False
        return first.sequential_id != walk.floor.after_id and not walk.has(first.sequential_id)
