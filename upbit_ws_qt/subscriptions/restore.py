"""The proof that a line brings what was asked: the exchange's own list, and the first data of each stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from upbit_ws_qt.streams import ALL_SYMBOLS, StreamKey, indicator_variant, level_variant
from upbit_ws_qt.types import DataType

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from upbit_ws_qt.subscriptions.demand import Demand
    from upbit_ws_qt.wire import SubscriptionList

__all__ = ["Debt", "Proof", "listed_streams", "proved_by_data"]

_WITHOUT_CODES = (DataType.MY_ASSET, DataType.ANNOUNCEMENT)
_INDICATORS = (DataType.INDICATOR, DataType.INDICATOR_SIGNAL)


def listed_streams(answer: SubscriptionList) -> frozenset[StreamKey]:
    """Return the streams that the exchange says it sends; types that this version does not know are passed over."""
    found: set[StreamKey] = set()
    for entry in answer.result:
        try:
            data_type = DataType(entry.type)
        except ValueError:
            continue
        codes = [code.partition(".")[0] for code in entry.codes]
        if data_type in _WITHOUT_CODES or (data_type is DataType.MY_ORDER and not codes):
            found.add(StreamKey(data_type, ALL_SYMBOLS))
        elif data_type is DataType.ORDERBOOK:
            found.update(StreamKey(data_type, code, level_variant(entry.level)) for code in codes)
        elif data_type in _INDICATORS:
            variants = [indicator_variant(entry.timeframe or "", item) for item in entry.indicators]
            found.update(StreamKey(data_type, code, variant) for code in codes for variant in variants)
        else:
            found.update(StreamKey(data_type, code) for code in codes)
    return frozenset(found)


def proved_by_data(stream: StreamKey, demand: Demand) -> bool:
    """Whether the exchange owes a snapshot, so that silence says something.

    Private and info streams speak only when something happens, and a stream wanted realtime only may be that of a quiet
    market: the list is all the proof there is of them.
    """
    return stream.data_type.has_snapshot and demand.snapshot


@dataclass(slots=True)
class Debt:
    """What is still to be seen of one stream.

    Attributes:
        deadline: loop time after which it counts as unserved.
        needs_data: whether data proves it, or the list.
        repeats: how often it has been asked for again.
    """

    deadline: float
    needs_data: bool
    repeats: int = 0


class Proof:
    """What one line has shown so far; pure, all times are passed in.

    Attributes:
        debts: streams that were asked for and not shown yet.
        served: streams that were shown.
        unserved: streams that stayed silent beyond their deadline, or that the list goes on leaving out.
        warming: myAsset before its first data: listed, and silent as the exchange says it may be.
        last_progress: when the latest stream was shown.
        last_data_at: when the latest stream was shown by data.
    """

    def __init__(self, proof_timeout: float) -> None:
        self._timeout = proof_timeout
        self.debts: dict[StreamKey, Debt] = {}
        self.served: set[StreamKey] = set()
        self.unserved: set[StreamKey] = set()
        self.warming: set[StreamKey] = set()
        self.last_progress = 0.0
        self.last_data_at = 0.0

    def expect(self, streams: Mapping[StreamKey, Demand], now: float) -> None:
        """Note that these were asked for now; those already owed get the deadline anew."""
        for stream, demand in streams.items():
            debt = self.debts.get(stream)
            if debt is None:
                self.debts[stream] = Debt(now + self._timeout, proved_by_data(stream, demand))
            else:
                debt.deadline = now + self._timeout
                debt.needs_data = proved_by_data(stream, demand)
            self.served.discard(stream)
            self.unserved.discard(stream)
            self.warming.discard(stream)

    def review(self, union: Mapping[StreamKey, Demand]) -> None:
        """Note that what is owed may be asked for in another way now, with a snapshot or without."""
        for stream, debt in self.debts.items():
            if stream in union:
                debt.needs_data = proved_by_data(stream, union[stream])

    def forget(self, streams: Iterable[StreamKey]) -> None:
        """Note that these are not asked for any more."""
        for stream in streams:
            self.debts.pop(stream, None)
            self.served.discard(stream)
            self.unserved.discard(stream)
            self.warming.discard(stream)

    def on_data(self, stream: StreamKey, now: float) -> bool:
        """Take data of a stream; return whether it proves something that was not proved."""
        if self.debts.pop(stream, None) is None and stream not in self.unserved and stream not in self.warming:
            return False
        self.unserved.discard(stream)
        self.warming.discard(stream)
        self.served.add(stream)
        self.last_progress = self.last_data_at = now
        return True

    def on_list(
        self, listed: Collection[StreamKey], asked: Mapping[StreamKey, Demand], now: float
    ) -> tuple[set[StreamKey], set[StreamKey]]:
        """Take the exchange's list of the time when `asked` was the union.

        Returns:
            The streams that the list proves, and those that it lacks.
        """
        proved: set[StreamKey] = set()
        for stream, demand in asked.items():
            if stream not in listed or proved_by_data(stream, demand):
                continue
            if self.debts.pop(stream, None) is None and stream not in self.unserved:
                continue
            self.unserved.discard(stream)
            self.last_progress = now
            (self.warming if stream.data_type is DataType.MY_ASSET else self.served).add(stream)
            proved.add(stream)
        return proved, {stream for stream in asked if stream not in listed}

    def give_up(self, streams: Iterable[StreamKey]) -> None:
        """Count streams as unserved."""
        for stream in streams:
            self.debts.pop(stream, None)
            self.served.discard(stream)
            self.warming.discard(stream)
            self.unserved.add(stream)

    def overdue(self, now: float) -> list[StreamKey]:
        """Return the streams whose deadline has passed."""
        return [stream for stream, debt in self.debts.items() if debt.deadline <= now]

    def next_deadline(self) -> float | None:
        """Return the earliest deadline, None where nothing is owed."""
        return min((debt.deadline for debt in self.debts.values()), default=None)

    def owed(self, *, data: bool) -> list[StreamKey]:
        """Return what is owed: what data has to prove, or what the list has to."""
        return [stream for stream, debt in self.debts.items() if debt.needs_data is data]

    @property
    def watches_data(self) -> bool:
        """Whether data that arrives could prove anything."""
        return bool(self.debts or self.unserved or self.warming)
