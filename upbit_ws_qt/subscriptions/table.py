"""What one line was asked for, and what came of it. Pure; all times are passed in."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from upbit_ws_qt.subscriptions.ledger import AskAgain, RepairBook
from upbit_ws_qt.subscriptions.restore import Proof
from upbit_ws_qt.subscriptions.status import StreamStatus
from upbit_ws_qt.types import DataType

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions.demand import Demand
    from upbit_ws_qt.subscriptions.memory import EndpointMemory
    from upbit_ws_qt.subscriptions.planner import OptimizationResult

__all__ = ["LineTable", "TableChange"]


class TableChange(NamedTuple):
    """How a request changed the table.

    Attributes:
        new: streams that were not asked for before.
        gone: streams that are not asked for any more.
        once: streams whose present state alone is owed.
        expected: streams that have to show themselves because of it.
    """

    new: Mapping[StreamKey, Demand]
    gone: Collection[StreamKey]
    once: Collection[StreamKey]
    expected: Mapping[StreamKey, Demand]


class LineTable:
    """The streams of one line.

    Attributes:
        asked: the union as the exchange should have it now.
        flowing: streams whose data this line brings, as they were asked for.
        once: streams whose present state alone was asked for, with the loop time until which it may come.
        proof: what is proved.
        repairs: how often what was missing has been asked for again.
        again: when what earlier lines brought is asked for again, although it was silent on this one.
        changed: streams whose status may have changed; the shell empties it.
        refresh: streams that the next request asks for as though they were new.
        needs_repair: whether everything has to be asked for anew, plainly and at once; so it is on a new line.
        has_levels: whether books of a level were ever asked for here: then the code does not tell the stream.
    """

    def __init__(self, memory: EndpointMemory) -> None:
        self._memory = memory
        self.asked: Mapping[StreamKey, Demand] = {}
        self.flowing: dict[StreamKey, Demand] = {}
        self.once: dict[StreamKey, float] = {}
        self.proof = Proof(memory.patience.first_data)
        self.repairs = RepairBook()
        self.again = AskAgain(memory.patience.ask_again)
        self.changed: set[StreamKey] = set()
        self.refresh: set[StreamKey] = set()
        self.needs_repair = True
        self.has_levels = False

    def wanted(self) -> Mapping[StreamKey, Demand]:
        """Return what should flow."""
        demand = self._memory.state.demand(self._memory.ws_type)
        if all(wanted.realtime for wanted in demand.values()):
            return demand
        return {stream: wanted for stream, wanted in demand.items() if wanted.realtime}

    def new_once(self) -> dict[StreamKey, Demand]:
        """Return the snapshots that are owed and not on their way."""
        return {s: demand for s, demand in self._memory.desk.collect().items() if s not in self.once}

    def status_of(self, stream: StreamKey) -> StreamStatus:
        """Return how it stands with a stream of the union on this line."""
        proof = self.proof
        if stream in proof.served:
            return StreamStatus.LIVE
        if stream in proof.warming:
            return StreamStatus.WARMING_UP
        if stream in proof.unserved:
            return StreamStatus.UNSERVED
        return StreamStatus.REQUESTED if stream in self.asked or stream in self.once else StreamStatus.WANTED

    @property
    def watches_data(self) -> bool:
        """Whether data frames have to be looked at."""
        return self.proof.watches_data or bool(self.once)

    def is_watched(self, stream: tuple[str, str, str]) -> bool:
        """Whether data of this stream could prove anything."""
        proof = self.proof
        return stream in proof.debts or stream in self.once or stream in proof.unserved or stream in proof.warming

    # -- what is asked ----------------------------------------------------------------------------------------------

    def note_request(self, plan: OptimizationResult, now: float) -> TableChange:
        """Take note of a request that leaves now."""
        new = {stream: demand for stream, demand in plan.union.items() if stream not in self.asked}
        gone = [stream for stream in self.asked if stream not in plan.union]
        once = plan.snapshots & self._memory.desk.owed.keys()
        again = {stream: plan.union[stream] for stream in self.refresh if stream in plan.union}
        expected = new | again | self._newly_owed(plan)
        self.forget(gone)
        self.proof.expect(expected, now)
        self.proof.review(plan.union)
        self.refresh.clear()
        self.has_levels = self.has_levels or any(s.variant and s.data_type is DataType.ORDERBOOK for s in new)
        for stream in self.flowing:
            self.flowing[stream] = plan.union[stream]
        self.once.update(dict.fromkeys(once, now + self._memory.patience.first_data))
        self.asked = plan.union
        self.changed.update(new, gone)
        return TableChange(new, gone, once, expected)

    def forget(self, streams: Collection[StreamKey]) -> None:
        """Note that these are not asked for any more."""
        self.proof.forget(streams)
        for stream in streams:
            self.flowing.pop(stream, None)
            self.repairs.forget(stream)
            self.again.forget(stream)
            self.refresh.discard(stream)
            self._memory.served_before.discard(stream)
            self._memory.unserved_before.discard(stream)
            self._memory.unlisted_before.discard(stream)

    def restart(self) -> None:
        """Begin anew on a line that was left open after an error: what it still sends is not known."""
        self.changed.update(self.asked)
        self.proof.forget(tuple(self.asked))
        self.asked = {}
        self.flowing.clear()
        self.once.clear()
        self.needs_repair = True

    def _newly_owed(self, plan: OptimizationResult) -> dict[StreamKey, Demand]:
        """Return the streams that the list had proved and that owe a snapshot from now on."""
        return {
            stream: demand
            for stream, demand in plan.union.items()
            if stream in plan.snapshots and stream in self.asked and not self.asked[stream].snapshot
        }

    # -- what comes of it -------------------------------------------------------------------------------------------

    def served(self, stream: StreamKey) -> None:
        """Note that a stream was shown."""
        self.changed.add(stream)
        self.repairs.forget(stream)
        self.again.forget(stream)
        demand = self.asked.get(stream)
        if demand is not None:
            if stream.data_type.has_snapshot:
                self.flowing[stream] = demand
            self._memory.served_before.add(stream)
            self._memory.unserved_before.discard(stream)
            self._memory.unlisted_before.discard(stream)

    def give_up(self, streams: Iterable[StreamKey], now: float) -> None:
        """Count streams as unserved; those that came on an earlier line are asked for again later."""
        streams = tuple(streams)
        self.proof.give_up(streams)
        self._memory.unserved_before.update(streams)
        self.changed.update(streams)
        for stream in streams:
            self.flowing.pop(stream, None)
            if stream in self._memory.served_before:
                self.again.gave_up(stream, now)

    def settle_once(self, stream: StreamKey, *, served: bool) -> bool:
        """Note that a snapshot came or will not come; return whether its stream flows for that sake only."""
        del self.once[stream]
        self._memory.desk.settle(stream, served=served)
        self.changed.add(stream)
        return stream in self.asked and stream not in self.wanted()

    def repair_missing(self, missing: Collection[StreamKey], now: float) -> None:
        """Have what the list lacks asked for again, where that was not in vain before; the rest is unserved."""
        unlisted = self._memory.unlisted_before
        again = {stream for stream in missing if stream not in unlisted and self.repairs.may_try(stream)}
        unlisted |= set(missing) - again
        self.give_up(set(missing) - again, now)
        if again:
            for stream in again:
                self.flowing.pop(stream, None)
            self.refresh |= again
            self.changed |= again
            self.start_repair()

    def start_repair(self) -> None:
        """Have everything asked for plainly and at once."""
        self.needs_repair = True
        self.repairs.started()
        self._memory.counters.repairs += 1
