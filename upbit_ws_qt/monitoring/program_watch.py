"""The program's own figures, kept from reading to reading: lag, backlog, stages, components, streams."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

from upbit_ws_qt.monitoring.metrics import ComponentMetrics, StreamMetrics
from upbit_ws_qt.monitoring.windows import Counter, RecentMean, RecentSum, RollingSketch
from upbit_ws_qt.sketch import SketchSummary

if TYPE_CHECKING:
    from upbit_ws_qt.monitoring.readings import ComponentReading, Readings, StreamReading
    from upbit_ws_qt.streams import StreamKey

__all__ = ["ComponentWatch", "ProgramWatch", "StreamWatch"]

LAG_SECONDS = 10.0
WORST_READINGS = 3
STAGE_SECONDS = 10.0
CPU_FACTOR_SHARE = 0.2
"""How much a reading counts against those before it: some hundred frames are a good sample, a few are none."""
COMPONENT_SECONDS = 10.0
STREAM_SECONDS = 60.0
LATENCY_SECONDS = 60.0
SKIPPED_SECONDS = 60.0


class ComponentWatch:
    """One component's rates.

    Attributes:
        spent: seconds in its callbacks between the last two readings.
        rate: callbacks a second, averaged over about ten seconds, as are the next two.
        bytes: a second, of the frames behind them.
        share: of a core.
    """

    def __init__(self) -> None:
        self.spent = 0.0
        self._delivered = Counter()
        self._bytes = Counter()
        self._slot = Counter()
        self._weight = 0.0
        self.rate = self.bytes = self.share = 0.0

    def observe(self, reading: ComponentReading, elapsed: float, keep: float) -> None:
        """Take in one reading, `elapsed` seconds after the last; the rates `keep` that part of what they were."""
        delivered = self._delivered.advance(reading.delivered)
        size = self._bytes.advance(reading.bytes)
        self.spent = self._slot.advance(reading.slot_seconds)
        if elapsed > 0:
            # As in RecentMean, for all three at once: there may be a thousand components.
            self._weight = self._weight * keep + 1 - keep
            part = (1 - keep) / self._weight
            self.rate += (delivered / elapsed - self.rate) * part
            self.bytes += (size / elapsed - self.bytes) * part
            self.share += (self.spent / elapsed - self.share) * part

    def metrics(self, reading: ComponentReading) -> ComponentMetrics:
        """Return the figures."""
        return ComponentMetrics(
            component_id=reading.component_id,
            priority=reading.priority,
            subscriptions=reading.subscriptions,
            messages_per_second=self.rate,
            bytes_per_second=self.bytes,
            slot_share=self.share,
            slot=reading.slot or SketchSummary(),
            received=reading.received,
            delivered=reading.delivered,
            conflated=reading.conflated,
            skipped=reading.skipped,
            dropped=reading.dropped,
            failures=reading.failures,
            pending=reading.pending,
            quarantined=reading.quarantined,
        )


class StreamWatch:
    """One stream's rates, averaged over about a minute.

    Attributes:
        rate: events a second.
        bytes: a second, inflated.
        usual_rate: events a second as of the last event, so that a stream which stopped keeps what it was like.
    """

    __slots__ = ("_bytes", "_events", "_weight", "bytes", "last", "rate", "reading", "usual_rate")

    def __init__(self, now: float, reading: StreamReading) -> None:
        self._events = Counter()
        self._bytes = Counter()
        self._events.advance(reading.events)
        self._bytes.advance(reading.bytes)
        self._weight = 0.0
        self.rate = self.bytes = self.usual_rate = 0.0
        self.reading = reading
        self.last = now

    def observe(self, now: float, reading: StreamReading) -> None:
        """Take in one reading."""
        elapsed = now - self.last
        events = self._events.advance(reading.events)
        size = self._bytes.advance(reading.bytes)
        self.reading = reading
        self.last = now
        if elapsed > 0:
            keep = math.exp(-elapsed / STREAM_SECONDS)
            self._weight = self._weight * keep + 1 - keep
            part = (1 - keep) / self._weight
            self.rate += (events / elapsed - self.rate) * part
            self.bytes += (size / elapsed - self.bytes) * part
        if events:
            self.usual_rate = self.rate

    def metrics(self, now: float) -> StreamMetrics:
        """Return the figures."""
        at = self.reading.last_event_at
        return StreamMetrics(
            key=self.reading.key,
            messages_per_second=self.rate,
            bytes_per_second=self.bytes,
            events=self.reading.events,
            last_event_age=None if at is None else max(0.0, now - at),
        )


class ProgramWatch:
    """Everything that is not about one line.

    Attributes:
        lag: how late the loop is: the mean of the three worst readings of the last ten seconds, so that one hiccup is
            seen and only a real stall, or lasting lag, weighs.
        worst_lag: the worst reading of the last ten seconds.
        usual_lag: the median reading of the last ten seconds: load, where `lag` may be one stall.
        backlog_seconds: how long the waiting frames take at the present pace.
        stage_shares: share of a core (CPU time) that the work of each stage takes.
        cpu_factor: how much of the time that work takes by the clock is CPU time; 1 where nothing else runs.
        streams: one per stream that is there.
        skipped: events of the last minute that overload kept from consumers which wanted every one; `skipped_by` names
            the components that missed some last.
    """

    def __init__(self) -> None:
        self.started: float | None = None
        self.lag = 0.0
        self.worst_lag = 0.0
        self.usual_lag = 0.0
        self.pending = 0
        self.backlog_seconds = 0.0
        self.stage_shares: dict[str, float] = {}
        self.cpu_factor = 1.0
        self._measured = (Counter(), Counter())
        self.cpu = RecentMean(10.0)
        self.components: dict[str, ComponentWatch] = {}
        self.streams: dict[StreamKey, StreamWatch] = {}
        self.skipped = RecentSum(SKIPPED_SECONDS)
        self.skipped_by: tuple[str, ...] = ()
        self._lags: deque[tuple[float, float]] = deque(maxlen=200)
        self._lag_sketch = RollingSketch(300.0, parts=5)
        self._work: dict[str, tuple[Counter, RecentMean]] = {}
        self._noted: dict[str, float] = {}
        self._latency_count = RecentSum(LATENCY_SECONDS)
        self._latency_seconds = RecentSum(LATENCY_SECONDS)
        self._latency = (Counter(), Counter())
        self._frames = Counter()
        self._drained = RecentMean(10.0)
        self._last = 0.0
        self._components_at: float | None = None

    def observe(self, now: float, readings: Readings) -> None:
        """Take in one reading."""
        elapsed = now - self._last if self.started is not None else 0.0
        if self.started is None:
            self.started = now
        self._last = now
        self._take_lag(now, readings.loop_lag)
        self._take_backlog(readings, elapsed)
        self._take_latency(now, readings)
        if readings.skipped:
            self.skipped.add(now, sum(readings.skipped.values()))
            self.skipped_by = tuple(sorted(readings.skipped, key=readings.skipped.__getitem__, reverse=True))
        if elapsed > 0:
            self.cpu.add(readings.cpu_share, elapsed)
        self._take_cpu_factor(readings)
        self._take_work(readings, elapsed)
        if readings.components is not None:
            self._take_components(now, readings.components, "slot" not in readings.work)
        if readings.streams is not None:
            self._take_streams(now, readings.streams)

    def note_work(self, stage: str, seconds: float) -> None:
        """Add work that is timed by the clock outside of what is read off; it counts from the next reading on."""
        self._noted[stage] = self._noted.get(stage, 0.0) + seconds * self.cpu_factor

    def _take_lag(self, now: float, lag: float) -> None:
        self._lags.append((now, lag))
        self._lag_sketch.add(now, lag)
        while self._lags[0][0] < now - LAG_SECONDS:
            self._lags.popleft()
        ranked = sorted((seconds for _, seconds in self._lags), reverse=True)
        self.worst_lag = ranked[0]
        self.usual_lag = ranked[len(ranked) // 2]
        self.lag = sum(ranked[:WORST_READINGS]) / WORST_READINGS

    def _take_backlog(self, readings: Readings, elapsed: float) -> None:
        pending = sum(connection.pending for connection in readings.connections)
        received = self._frames.advance(sum(connection.frames for connection in readings.connections))
        if elapsed > 0:
            drained = max(0.0, received - (pending - self.pending))
            self._drained.add(drained / elapsed, elapsed)
        self.pending = pending
        # A hundred a second at least: a few frames that wait on a quiet line are no minute's work.
        self.backlog_seconds = pending / max(self._drained.value, 100.0)

    def _take_latency(self, now: float, readings: Readings) -> None:
        total = readings.stages.get("total")
        if total is not None:
            self._latency_count.add(now, self._latency[0].advance(total.count))
            self._latency_seconds.add(now, self._latency[1].advance(total.count * total.mean))

    def _take_components(self, now: float, components: tuple[ComponentReading, ...], take_slots: bool) -> None:
        elapsed = 0.0 if self._components_at is None else now - self._components_at
        self._components_at = now
        keep = math.exp(-elapsed / COMPONENT_SECONDS)
        for component in components:
            watch = self.components.get(component.component_id)
            if watch is None:
                watch = self.components[component.component_id] = ComponentWatch()
            watch.observe(component, elapsed, keep)
        if len(self.components) > len(components):
            for gone in self.components.keys() - {component.component_id for component in components}:
                del self.components[gone]
        if take_slots:
            # Components come and go: their watches know what each one added, the sum of their counters would not.
            self._work.setdefault("slot", (Counter(), RecentMean(STAGE_SECONDS)))
            spent = sum([watch.spent for watch in self.components.values()])
            self._note_work("slot", spent * self.cpu_factor, elapsed)

    def _take_cpu_factor(self, readings: Readings) -> None:
        used = self._measured[0].advance(readings.measured_cpu)
        passed = self._measured[1].advance(readings.measured_time)
        if used and passed:
            self.cpu_factor += (min(1.0, used / passed) - self.cpu_factor) * CPU_FACTOR_SHARE

    def _take_work(self, readings: Readings, elapsed: float) -> None:
        for name, seconds in {**self._noted, **readings.work}.items():
            counter, _ = self._work.setdefault(name, (Counter(), RecentMean(STAGE_SECONDS)))
            self._note_work(name, counter.advance(seconds), elapsed)

    def _note_work(self, name: str, spent: float, elapsed: float) -> None:
        if elapsed > 0:
            self.stage_shares[name] = self._work[name][1].add(spent / elapsed, elapsed)

    def _take_streams(self, now: float, streams: tuple[StreamReading, ...]) -> None:
        for reading in streams:
            watch = self.streams.get(reading.key)
            if watch is None:
                self.streams[reading.key] = StreamWatch(now, reading)
            else:
                watch.observe(now, reading)
        if len(self.streams) > len(streams):
            for gone in self.streams.keys() - {reading.key for reading in streams}:
                del self.streams[gone]

    def latency(self, now: float) -> float | None:
        """Return the mean seconds from receipt to the return of the last callback over the last minute.

        None where nothing was measured.
        """
        count = self._latency_count.total(now)
        return self._latency_seconds.total(now) / count if count else None

    def lag_p95(self, now: float) -> float:
        """Return the p95 of the lag readings of the last five minutes."""
        return self._lag_sketch.sketch(now).quantile(0.95)
