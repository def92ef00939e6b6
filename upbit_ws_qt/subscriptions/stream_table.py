"""What one line was asked for and what came of it: one record for each stream. Pure; all times are passed in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from upbit_ws_qt.streams import ALL_SYMBOLS, StreamKey, indicator_variant, level_variant
from upbit_ws_qt.subscriptions.status import StreamStatus
from upbit_ws_qt.types import DataType

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from upbit_ws_qt.subscriptions.endpoint_memory import EndpointMemory
    from upbit_ws_qt.subscriptions.planner import OptimizationResult
    from upbit_ws_qt.subscriptions.wishes import Demand
    from upbit_ws_qt.wire import SubscriptionList

__all__ = ["RequestEffect", "StreamRecord", "StreamTable", "listed_streams"]

# How often one stream that the list lacks is asked for again, and how many such repairs there are in a row.
_MOST_REPAIRS = 2
_MOST_REPAIRS_IN_A_ROW = 5
# Seconds by which streams that are to be asked for again wait for each other, so that one request serves them all.
_TOGETHER = 1.0


class RequestEffect(NamedTuple):
    """How a request changed what a line is asked for.

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


@dataclass(slots=True)
class Burst:
    """What one request brings. While some of it still comes, the rest may be late; an exchange at work is not silent.

    Attributes:
        number: of the request.
        answered_at: when the exchange last showed that it has taken the request, by data of it or by a list that was
            asked for later; None before.
    """

    number: int
    answered_at: float | None = None

    def answered(self, now: float) -> None:
        """Note that the exchange is at work on it."""
        self.answered_at = now


@dataclass(slots=True)
class StreamRecord:
    """One stream on one line.

    Attributes:
        status: how it stands; WANTED where only its present state was asked for.
        deadline: until when an owed stream has to show itself.
        burst: what was asked for with it the last time.
        needs_data: whether data has to prove it; otherwise the exchange's list does.
        flows: whether its data came on this line the way it is asked for.
        once_until: until when the present state alone may come; None where none is awaited.
        is_asked_anew: whether the next request asks for it as though it were new.
        repairs: how often it was asked for again because the list lacked it.
        tries: how often it was asked for again because it was silent, though earlier lines brought it; None where
            that does not apply.
        try_at: when it is asked for again for that reason; None for never.
    """

    status: StreamStatus = StreamStatus.WANTED
    deadline: float = 0.0
    burst: Burst | None = None
    needs_data: bool = False
    flows: bool = False
    once_until: float | None = None
    is_asked_anew: bool = False
    repairs: int = 0
    tries: int | None = None
    try_at: float | None = None

    @property
    def is_owed(self) -> bool:
        """Whether it was asked for and has not shown itself yet."""
        return self.status is StreamStatus.REQUESTED

    @property
    def is_open(self) -> bool:
        """Whether data, or a list, can still change what is known of it."""
        return self.once_until is not None or self.status in _OPEN

    @property
    def is_answered(self) -> bool:
        """Whether the exchange has shown since that it has taken the request for it."""
        return self.burst is not None and self.burst.answered_at is not None

    def due_at(self, deadline: float, straggle: float) -> float:
        """Return when its silence says something: not while others of its burst have just come."""
        if self.burst is None or self.burst.answered_at is None:
            return deadline
        return max(deadline, self.burst.answered_at + straggle)

    def expect(self, until: float, burst: Burst, *, needs_data: bool) -> None:
        """Note that it was asked for and has to show itself."""
        self.status = StreamStatus.REQUESTED
        self.deadline = until
        self.burst = burst
        self.needs_data = needs_data

    def is_on_its_way(self) -> None:
        """Note that the request which asks for it as though it were new leaves now."""
        self.is_asked_anew = False

    def review(self, *, needs_data: bool) -> None:
        """Note what proves it, now that it is asked for in another way perhaps."""
        self.needs_data = needs_data

    def expect_once(self, until: float, burst: Burst) -> None:
        """Note that its present state alone was asked for."""
        self.once_until = until
        self.burst = burst

    def settle_once(self) -> None:
        """Note that its present state alone is not awaited any more."""
        self.once_until = None

    def prolong(self, until: float) -> None:
        """Give it more time."""
        self.deadline = until

    def prolong_once(self, until: float) -> None:
        """Give its present state alone more time."""
        self.once_until = until

    def ask_plainly(self, until: float) -> None:
        """Have it asked for with everything else; its present state alone comes with that too."""
        if self.is_owed:
            self.deadline = until
            self.is_asked_anew = True
        self.once_until = None

    def was_left_out(self) -> None:
        """Note that the list lacks it, and have it asked for again."""
        self.repairs += 1
        self.flows = False
        self.is_asked_anew = True

    def settle(self, status: StreamStatus, *, flows: bool) -> None:
        """Note that it came; what was done to get it begins anew the next time."""
        self.status = status
        self.flows = self.flows or flows
        self.repairs = 0
        self.tries = self.try_at = None

    def give_up(self) -> None:
        """Note that it did not come."""
        self.status = StreamStatus.UNSERVED
        self.flows = False

    def plan_try(self, now: float, pauses: tuple[float, ...], *, is_first: bool) -> None:
        """Plan the first, or after a try the next, time to ask again; after the last pause there is none."""
        self.tries = 0 if is_first else (self.tries or 0) + 1
        self.try_at = now + pauses[self.tries] if self.tries < len(pauses) else None


_OPEN = (StreamStatus.REQUESTED, StreamStatus.UNSERVED, StreamStatus.WARMING_UP)


class StreamTable:
    """The streams of one line.

    Attributes:
        asked: the union as the exchange should have it now.
        needs_repair: whether everything has to be asked for anew, plainly and at once; so it is on a new line.
        has_levels: whether books of a level were ever asked for here: then the code does not tell the stream.
        last_progress: when the latest stream was shown.
    """

    def __init__(self, memory: EndpointMemory) -> None:
        self._memory = memory
        self._records: dict[StreamKey, StreamRecord] = {}
        self._open: dict[StreamKey, StreamRecord] = {}  # few of many, and each data frame is looked up here
        self._changed: set[StreamKey] = set()
        self._repairs_in_a_row = 0
        self.asked: Mapping[StreamKey, Demand] = {}
        self.needs_repair = True
        self.has_levels = False
        self.last_progress = 0.0

    # -- questions ------------------------------------------------------------------------------------------------

    def wanted(self) -> Mapping[StreamKey, Demand]:
        """Return what should flow."""
        return self._memory.state.realtime_demand(self._memory.ws_type)

    def flowing(self) -> dict[StreamKey, Demand]:
        """Return the streams whose data this line brings, as they are asked for."""
        asked = self.asked
        return {stream: asked[stream] for stream, record in self._records.items() if record.flows}

    def asked_anew(self) -> set[StreamKey]:
        """Return the streams that the next request asks for as though they were new."""
        return {stream for stream, record in self._records.items() if record.is_asked_anew}

    def new_once(self) -> dict[StreamKey, Demand]:
        """Return the snapshots that are owed and not on their way."""
        owed = self._memory.snapshots.collect()
        return {stream: demand for stream, demand in owed.items() if not self.awaits_once(stream)}

    def awaits_once(self, stream: StreamKey) -> bool:
        """Whether the present state alone of a stream was asked for and has not come."""
        record = self._open.get(stream)
        return record is not None and record.once_until is not None

    def once_streams(self) -> list[StreamKey]:
        """Return the streams whose present state alone was asked for and has not come."""
        return [stream for stream, record in self._open.items() if record.once_until is not None]

    def status_of(self, stream: StreamKey) -> StreamStatus:
        """Return how it stands with a stream of the union on this line."""
        record = self._records.get(stream)
        if record is None:
            return StreamStatus.WANTED
        if record.status is StreamStatus.WANTED and record.once_until is not None:
            return StreamStatus.REQUESTED
        return record.status

    def tally(self, wanted: Mapping[StreamKey, Demand]) -> tuple[int, tuple[StreamKey, ...]]:
        """Return how many of these streams are served, and which are unserved."""
        # Only records that are open can be of a stream that is not served: the others need not be gone through.
        open_here = [(stream, record.status) for stream, record in self._open.items() if stream in wanted]
        served = len(wanted.keys() & self._records.keys()) - sum(1 for _, status in open_here if not status.is_served)
        return served, tuple(stream for stream, status in open_here if status is StreamStatus.UNSERVED)

    def is_owed(self, stream: StreamKey) -> bool:
        """Whether a stream was asked for and has not shown itself yet."""
        record = self._open.get(stream)
        return record is not None and record.is_owed

    def owed(self, *, data: bool) -> list[StreamKey]:
        """Return what is owed: what data has to prove, or what the list has to."""
        return [s for s, record in self._open.items() if record.is_owed and record.needs_data is data]

    @property
    def owes(self) -> bool:
        """Whether anything that was asked for has not shown itself yet."""
        return any(record.is_owed for record in self._open.values())

    @property
    def awaits_anything(self) -> bool:
        """Whether anything is owed, be it its present state alone."""
        return any(record.is_owed or record.once_until is not None for record in self._open.values())

    def missing(self) -> list[StreamKey]:
        """Return what has not come: owed first, then what is unserved."""
        owed = [stream for stream, record in self._open.items() if record.is_owed]
        return [*owed, *(s for s, record in self._open.items() if record.status is StreamStatus.UNSERVED)]

    @property
    def brings_anything(self) -> bool:
        """Whether any stream is live."""
        return any(record.status is StreamStatus.LIVE for record in self._records.values())

    @property
    def watches_data(self) -> bool:
        """Whether data frames have to be looked at."""
        return bool(self._open)

    def is_watched(self, stream: tuple[str, str, str]) -> bool:
        """Whether data of this stream could show anything; a plain tuple finds its StreamKey, being equal."""
        return stream in self._open

    def overdue(self, now: float) -> list[StreamKey]:
        """Return the owed streams whose deadline has passed, and of whose burst nothing has come lately."""
        straggle = self._memory.patience.straggle
        owed = StreamStatus.REQUESTED
        return [s for s, r in self._open.items() if r.status is owed and r.due_at(r.deadline, straggle) <= now]

    def once_overdue(self, now: float) -> list[StreamKey]:
        """Return the streams whose present state alone should have come by now."""
        straggle, once = self._memory.patience.straggle, self._open.items()
        return [s for s, r in once if r.once_until is not None and r.due_at(r.once_until, straggle) <= now]

    def unanswered(self, streams: Iterable[StreamKey]) -> set[StreamKey]:
        """Return the streams about whose request the exchange has shown nothing yet, be it that it was taken."""
        return {stream for stream in streams if not self._records[stream].is_answered}

    def next_deadlines(self) -> list[float]:
        """Return the times at which something here becomes due, unordered."""
        times: list[float] = []
        straggle = self._memory.patience.straggle
        for record in self._open.values():
            if record.status is StreamStatus.REQUESTED:
                times.append(record.due_at(record.deadline, straggle))
            if record.once_until is not None:
                times.append(record.due_at(record.once_until, straggle))
        return times

    def next_try(self) -> float | None:
        """Return when a silent stream that earlier lines brought is asked for again, None for never."""
        return min((r.try_at for r in self._open.values() if r.try_at is not None), default=None)

    @property
    def may_repair(self) -> bool:
        """Whether repairs are tried: not while one is due, nor when so many in a row have not helped."""
        return not self.needs_repair and self._repairs_in_a_row < _MOST_REPAIRS_IN_A_ROW

    def take_changed(self) -> set[StreamKey]:
        """Take out the streams whose status may have changed since the last call."""
        changed, self._changed = self._changed, set()
        return changed

    # -- what is asked --------------------------------------------------------------------------------------------

    def note_request(self, plan: OptimizationResult, number: int, now: float) -> RequestEffect:
        """Take note of a request that leaves now, the line's first, second and so on."""
        before, union = self.asked, plan.union
        new = {stream: demand for stream, demand in union.items() if stream not in before}
        gone = [stream for stream in before if stream not in union]
        once = plan.snapshots & self._memory.snapshots.owed.keys()
        asked_anew = self.asked_anew()
        again = {stream: union[stream] for stream in asked_anew if stream in union}
        newly_owed = {s: union[s] for s in plan.snapshots if s in union and s in before and not before[s].snapshot}
        # What was proved by the list alone and is now wanted with its snapshot has to show it.
        expected = new | again | newly_owed
        for stream in asked_anew:
            self._records[stream].is_on_its_way()
        # A stream that is dropped and wanted again later begins anew: what it was like then says nothing.
        self._forget(gone)
        self.asked = union
        # The exchange answers a request by a burst of snapshots; for a thousand of them it may need longer than it is
        # given for one.
        burst, until = Burst(number), now + self._memory.patience.first_data
        self._expect(expected, burst, until)
        for stream, record in self._open.items():
            if record.is_owed:  # it may be asked for in another way now, with a snapshot or without
                record.review(needs_data=_proved_by_data(stream, union[stream]))
        self.has_levels = self.has_levels or any(s.variant and s.data_type is DataType.ORDERBOOK for s in new)
        for stream in once:
            record = self._records.setdefault(stream, StreamRecord())
            record.expect_once(until, burst)
            self._file(stream, record)
        self._changed.update(new, gone)
        return RequestEffect(new, gone, once, expected)

    def repair_leaves(self) -> None:
        """Note that the request that leaves now asks plainly for everything."""
        self.needs_repair = False

    def restart(self) -> None:
        """Begin anew on a line that was left open after an error: what it still sends is not known."""
        # Nothing is carried over: whether the exchange still has the union of before cannot be told from here.
        self._changed.update(self.asked)
        self.asked = {}
        self._records.clear()
        self._open.clear()
        self.needs_repair = True

    def prolong(self, streams: Iterable[StreamKey], until: float) -> None:
        """Give owed streams more time."""
        for stream in streams:
            self._records[stream].prolong(until)

    def prolong_once(self, streams: Iterable[StreamKey], until: float) -> None:
        """Give streams whose present state alone is awaited more time."""
        for stream in streams:
            self._records[stream].prolong_once(until)

    def stood_still(self, seconds: float) -> None:
        """Add the time in which nothing that came was read to what is awaited."""
        # A burst is shared by all streams of its request: it is moved once, not once for each of them.
        bursts: dict[int, Burst] = {}
        for record in self._open.values():
            record.prolong(record.deadline + seconds)
            if record.once_until is not None:
                record.prolong_once(record.once_until + seconds)
            if record.burst is not None:
                bursts[id(record.burst)] = record.burst
        for burst in bursts.values():
            if burst.answered_at is not None:
                burst.answered(burst.answered_at + seconds)

    def ask_plainly(self, streams: Collection[StreamKey], until: float) -> None:
        """Have streams that did not come asked for plainly, with everything else, and wait for them until then."""
        for stream in streams:
            record = self._open.get(stream)
            if record is not None:
                record.ask_plainly(until)
                self._file(stream, record)
        self._start_repair()

    # -- what comes of it -----------------------------------------------------------------------------------------

    def take_data(self, stream: StreamKey, now: float) -> bool:
        """Take data of a stream; return whether it shows something that was not known."""
        record = self._open.get(stream)
        if record is None or record.status not in _OPEN:
            return False
        self.last_progress = now
        if record.burst is not None:
            record.burst.answered(now)
        self._serve(stream, record, StreamStatus.LIVE)
        return True

    def answered(self, number: int, now: float) -> None:
        """Note an answer which shows that a request and all before it were taken."""
        for record in self._open.values():
            if record.burst is not None and record.burst.number <= number:
                record.burst.answered(now)

    def take_list(self, listed: Collection[StreamKey], union: Mapping[StreamKey, Demand], now: float) -> set[StreamKey]:
        """Take the exchange's list of the time when `union` was asked for; return what it lacks of what is asked."""
        missing: set[StreamKey] = set()
        for stream, demand in union.items():
            if stream not in self.asked:
                continue
            record = self._records[stream]
            if stream not in listed:
                missing.add(stream)
            # Unserved too: what the list lacked an hour ago it may have again, and no data need come of a quiet market.
            elif not _proved_by_data(stream, demand) and record.status in (
                StreamStatus.REQUESTED,
                StreamStatus.UNSERVED,
            ):
                self.last_progress = now
                # The first myAsset subscription of an account may stay silent for minutes.
                # What the list shows is enough for types that speak only when something happens.
                is_warming = stream.data_type is DataType.MY_ASSET
                self._serve(stream, record, StreamStatus.WARMING_UP if is_warming else StreamStatus.LIVE)
        return missing

    def give_up(self, streams: Iterable[StreamKey], now: float) -> None:
        """Count streams as unserved; those that came on an earlier line are asked for again later."""
        for stream in streams:
            record = self._records[stream]
            record.give_up()
            # It came before, so the exchange knows it: something went wrong with this line's subscription.
            if record.tries is None and self._memory.was_served(stream):
                record.plan_try(now, self._memory.patience.ask_again, is_first=True)
            self._memory.note_unserved(stream)
            self._file(stream, record)
            self._changed.add(stream)

    def take_tries(self, now: float) -> bool:
        """Whether silent streams are due to be asked for again; those whose turn is near go with them."""
        first = self.next_try()
        if first is None or first > now:
            return False
        # All who are due soon: a request costs the same for one stream and for a hundred.
        for record in self._open.values():
            if record.try_at is not None and record.try_at <= now + _TOGETHER:
                record.plan_try(now, self._memory.patience.ask_again, is_first=False)
        return True

    def settle_once(self, stream: StreamKey, now: float, *, served: bool) -> bool:
        """Note that a snapshot came or will not come; return whether its stream flows for that sake only."""
        record = self._records[stream]
        record.settle_once()
        if served and record.burst is not None:
            record.burst.answered(now)
        self._file(stream, record)
        self._memory.snapshots.settle(stream, served=served)
        self._changed.add(stream)
        # It stands in the latest request, and nobody wants it to flow.
        return stream in self.asked and stream not in self.wanted()

    def repair(self, missing: Collection[StreamKey], *, has_surplus: bool, now: float) -> None:
        """Have everything asked for anew where the list lacks something, or has too much; not for ever.

        What was asked for again in vain before counts as unserved.
        """
        # The list is as it should be: the next time something is missing it is a new case.
        if not missing and not has_surplus:
            self._repairs_in_a_row = 0
            return
        again = {stream for stream in missing if self._may_repair(stream)}
        # Asking for ever would cost the whole minute's budget for a code that the exchange has delisted.
        in_vain = set(missing) - again
        for stream in in_vain:
            self._memory.note_unlisted(stream)
        self.give_up(in_vain, now)
        for stream in again:
            self._records[stream].was_left_out()
            self._changed.add(stream)
        if again or (has_surplus and self.may_repair):
            self._start_repair()

    # -- inside ---------------------------------------------------------------------------------------------------

    def _may_repair(self, stream: StreamKey) -> bool:
        if self._memory.was_unlisted(stream) or self._repairs_in_a_row >= _MOST_REPAIRS_IN_A_ROW:
            return False
        return self._records[stream].repairs < _MOST_REPAIRS

    def _start_repair(self) -> None:
        self.needs_repair = True
        self._repairs_in_a_row += 1
        self._memory.effort.repaired()

    def _expect(self, streams: Mapping[StreamKey, Demand], burst: Burst, until: float) -> None:
        for stream, demand in streams.items():
            record = self._records.setdefault(stream, StreamRecord())
            record.expect(until, burst, needs_data=_proved_by_data(stream, demand))
            self._file(stream, record)

    def _serve(self, stream: StreamKey, record: StreamRecord, status: StreamStatus) -> None:
        # Only what has a snapshot can be asked for without one: for the other types it makes no difference that they
        # flow.
        record.settle(status, flows=stream.data_type.has_snapshot)
        self._memory.note_served(stream)
        self._file(stream, record)
        self._changed.add(stream)

    def _forget(self, streams: Iterable[StreamKey]) -> None:
        for stream in streams:
            # A snapshot that somebody waits for comes all the same.
            once_until = self._records[stream].once_until
            record = self._records[stream] = StreamRecord(once_until=once_until)
            self._memory.forget(stream)
            self._file(stream, record)

    def _file(self, stream: StreamKey, record: StreamRecord) -> None:
        """Put a record where its state belongs; one that says nothing any more goes."""
        if record.is_open:
            self._open[stream] = record
        else:
            self._open.pop(stream, None)
            if record.status is StreamStatus.WANTED:
                self._records.pop(stream, None)


def listed_streams(answer: SubscriptionList) -> frozenset[StreamKey]:
    """Return the streams that the exchange says it sends; types that this version does not know are passed over."""
    found: set[StreamKey] = set()
    for entry in answer.result:
        try:
            data_type = DataType(entry.type)
        except ValueError:
            continue
        codes = [code.partition(".")[0] for code in entry.codes]
        if not data_type.takes_codes or (not codes and not data_type.needs_codes):
            found.add(StreamKey(data_type, ALL_SYMBOLS))
        elif data_type is DataType.ORDERBOOK:
            found.update(StreamKey(data_type, code, level_variant(entry.level)) for code in codes)
        elif data_type.is_indicator:
            variants = [indicator_variant(entry.timeframe or "", item) for item in entry.indicators]
            found.update(StreamKey(data_type, code, variant) for code in codes for variant in variants)
        else:
            found.update(StreamKey(data_type, code) for code in codes)
    return frozenset(found)


def _proved_by_data(stream: StreamKey, demand: Demand) -> bool:
    """Whether the exchange owes a snapshot, so that silence says something.

    Private and info streams speak only when something happens, and a stream wanted realtime only may be that of a quiet
    market: the list is all the proof there is of them.
    """
    return stream.data_type.has_snapshot and demand.snapshot
