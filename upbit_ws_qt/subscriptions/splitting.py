"""Whether the exchange takes one type in two ways in one request: what one line shows of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upbit_ws_qt.subscriptions.planner import SplitTrust

if TYPE_CHECKING:
    from collections.abc import Collection

    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions.memory import EndpointMemory
    from upbit_ws_qt.subscriptions.planner import OptimizationResult
    from upbit_ws_qt.types import DataType

__all__ = ["SplitWatch"]


class SplitWatch:
    """Nobody here has seen the real exchange do it, so the first requests of that kind are looked at closely.

    Attributes:
        fresh: streams whose snapshot was asked for beside realtime-only ones of their type, not judged yet.
        trial: streams that did not come that way and are now asked for plainly.
        mixed_types: types that stood in the latest request in two ways.
    """

    def __init__(self, memory: EndpointMemory) -> None:
        self._memory = memory
        self._planner = memory.planner
        self._is_seen = False
        self.fresh: frozenset[StreamKey] = frozenset()
        self.trial: frozenset[StreamKey] = frozenset()
        self._trial_ends: float | None = None
        self.mixed_types: frozenset[DataType] = frozenset()

    def note_request(self, plan: OptimizationResult, expected: Collection[StreamKey], now: float) -> bool:
        """Take note of a request and of what it is expected to bring; return whether it shows what is not known yet."""
        if self.trial and self._trial_ends is None:
            self._trial_ends = now + self._memory.patience.first_data
        self.mixed_types = plan.mixed_types
        # What this request asks for plainly may come because of it: then it shows nothing of the ones before.
        self.fresh -= {stream for stream in plan.snapshots if stream.data_type not in plan.split_types}
        is_trial = bool(plan.mixed_types) and self._planner.split is SplitTrust.UNKNOWN
        if is_trial:
            self.fresh |= {s for s in expected if s.data_type in plan.split_types and s in plan.snapshots}
        return is_trial

    def on_snapshot(self, stream: StreamKey) -> None:
        """Take note of a snapshot; an event that just happened to come would show nothing."""
        if stream in self.trial:  # it came plainly, and had not come beside realtime-only ones: broken for good
            self.trial = frozenset()
        elif stream in self.fresh:
            self._is_seen = True

    def on_list(self, missing: Collection[StreamKey], mixed_types: Collection[DataType]) -> None:
        """Conclude from what the list lacks of a request with these types in two ways, and from the data."""
        if any(stream.data_type in mixed_types for stream in missing):
            self._planner.split = SplitTrust.BROKEN
        elif self._is_seen:
            self._planner.split = SplitTrust.PROVED
        else:
            return
        self.fresh, self._is_seen = frozenset(), False

    def begin_trial(self, streams: Collection[StreamKey]) -> None:
        """Ask plainly for streams that did not come: they are unknown to the exchange, or it is the split."""
        self.fresh, self.trial, self._trial_ends = frozenset(), frozenset(streams), None
        self._planner.split = SplitTrust.BROKEN

    def tries(self, now: float) -> bool:
        """Whether a trial goes on: its request has not left, or has left so lately that its data may still come."""
        return bool(self.trial) and (self._trial_ends is None or now < self._trial_ends)

    def end_trial(self) -> None:
        """Asking plainly did not help: it was not the asking in two ways."""
        self.trial = frozenset()
        self._planner.split = SplitTrust.UNKNOWN

    def may_try(self, streams: Collection[StreamKey]) -> frozenset[StreamKey]:
        """Return those of silent streams for which asking plainly is worth a try."""
        if self._planner.split is not SplitTrust.UNKNOWN or self.trial:
            return frozenset()
        return frozenset(stream for stream in streams if stream.data_type in self.mixed_types)

    def takes_blame(self, *, is_trial: bool) -> bool:
        """Whether a refusal may be due to asking for one type in two ways, which is not done then until that is known.

        The wishes that were new in the request are suspected beside it. They are asked for plainly from now on: if none
        of them turns out to be guilty, the asking in two ways was.
        """
        memory = self._memory
        if memory.accused_at is not None and not memory.search.is_open:
            self._acquit()  # what was refused now asked plainly, and for nothing new
        if not is_trial or self._planner.split is not SplitTrust.UNKNOWN:
            return False
        memory.accused_at = memory.search.convictions
        self._planner.split = SplitTrust.BROKEN
        return True

    def judge(self) -> None:
        """Come to a verdict if asking in two ways is accused and no wish is suspected any more."""
        memory = self._memory
        if memory.accused_at is None or memory.search.is_open:
            return
        if memory.search.convictions > memory.accused_at:
            self._acquit()
        memory.accused_at = None

    def _acquit(self) -> None:
        self._memory.accused_at = None
        self._planner.split = SplitTrust.UNKNOWN
