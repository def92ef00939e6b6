"""The program itself: windows over its own stats (lag, backlog, stages) and over those of its components."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

from upbit_ws_qt.monitoring.metrics import ComponentMetrics
from upbit_ws_qt.monitoring.windows import Counter, RecentMean, RecentSum, RollingSketch

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt.monitoring.stats import ProgramStats
    from upbit_ws_qt.routing import ComponentStats

__all__ = ["ComponentMonitor", "ProgramMonitor"]

LAG_SECONDS = 10.0
WORST_READINGS = 3
STAGE_SECONDS = 10.0
CPU_FACTOR_SHARE = 0.2
"""How much a reading counts against those before it: some hundred frames are a good sample, a few are none."""
COMPONENT_SECONDS = 10.0
LATENCY_SECONDS = 60.0
SKIPPED_SECONDS = 60.0


class ComponentMonitor:
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
        self._received = Counter()
        self._slot = Counter()
        self._weight = 0.0
        self.rate = self.bytes = self.share = 0.0

    def observe(self, stats: ComponentStats, elapsed: float, keep: float, frame_size: float | None) -> None:
        """Take in its stats.

        Args:
            stats: of now.
            elapsed: seconds since the last.
            keep: the part of what they were that the rates keep.
            frame_size: mean bytes of its messages; None while nobody knows, and the next time makes up for it.
        """
        delivered = self._delivered.advance(stats.delivered)
        size = 0.0 if frame_size is None else self._received.advance(stats.received) * frame_size
        self.spent = self._slot.advance(stats.busy_time)
        if elapsed > 0:
            # As in RecentMean, for all three at once: there may be a thousand components.
            self._weight = self._weight * keep + 1 - keep
            part = (1 - keep) / self._weight
            self.rate += (delivered / elapsed - self.rate) * part
            self.bytes += (size / elapsed - self.bytes) * part
            self.share += (self.spent / elapsed - self.share) * part

    def metrics(self, stats: ComponentStats) -> ComponentMetrics:
        """Return what everybody is shown."""
        return ComponentMetrics(
            component_id=stats.component_id,
            priority=stats.priority,
            subscriptions=stats.streams,
            messages_per_second=self.rate,
            bytes_per_second=self.bytes,
            slot_share=self.share,
            slot=stats.times,
            received=stats.received,
            delivered=stats.delivered,
            conflated=stats.conflated,
            skipped=stats.skipped,
            dropped=stats.dropped,
            failures=stats.failures,
            pending=stats.waiting,
            quarantined=bool(stats.quarantine),
        )


class ProgramMonitor:
    """Everything that is not about one line.

    Attributes:
        lag: how late the loop is: the mean of the three worst readings of the last ten seconds, so that one hiccup is
            seen and only a real stall, or lasting lag, weighs.
        worst_lag: the worst reading of the last ten seconds.
        usual_lag: the median reading of the last ten seconds: load, where `lag` may be one stall.
        backlog_seconds: how long the waiting frames take at the present pace.
        stage_shares: share of a core (CPU time) that the work of each stage takes.
        cpu_factor: how much of the time that work takes by the clock is CPU time; 1 where nothing else runs.
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
        self.components: dict[str, ComponentMonitor] = {}
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

    def observe(
        self, now: float, stats: ProgramStats, frame_size: Callable[[str], float | None] = lambda _: None
    ) -> None:
        """Take in the stats of a moment; `frame_size` gives the mean bytes of a component's messages."""
        elapsed = now - self._last if self.started is not None else 0.0
        if self.started is None:
            self.started = now
        self._last = now
        self._take_lag(now, stats.loop_lag)
        self._take_backlog(stats, elapsed)
        self._take_latency(now, stats)
        if stats.skipped:
            self.skipped.add(now, sum(stats.skipped.values()))
            self.skipped_by = tuple(sorted(stats.skipped, key=stats.skipped.__getitem__, reverse=True))
        if elapsed > 0:
            self.cpu.add(stats.cpu_share, elapsed)
        self._take_cpu_factor(stats)
        self._take_work(stats, elapsed)
        if stats.components is not None:
            self._take_components(now, stats.components, frame_size, take_slots="slot" not in stats.work)

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

    def _take_backlog(self, stats: ProgramStats, elapsed: float) -> None:
        pending = sum(line.connection.inbox.waiting for line in stats.lines)
        received = self._frames.advance(sum(line.connection.carried.frames for line in stats.lines))
        if elapsed > 0:
            drained = max(0.0, received - (pending - self.pending))
            self._drained.add(drained / elapsed, elapsed)
        self.pending = pending
        # A hundred a second at least: a few frames that wait on a quiet line are no minute's work.
        self.backlog_seconds = pending / max(self._drained.value, 100.0)

    def _take_latency(self, now: float, stats: ProgramStats) -> None:
        total = stats.stages.get("total")
        if total is not None:
            self._latency_count.add(now, self._latency[0].advance(total.count))
            self._latency_seconds.add(now, self._latency[1].advance(total.count * total.mean))

    def _take_components(
        self,
        now: float,
        components: tuple[ComponentStats, ...],
        frame_size: Callable[[str], float | None],
        *,
        take_slots: bool,
    ) -> None:
        elapsed = 0.0 if self._components_at is None else now - self._components_at
        self._components_at = now
        keep = math.exp(-elapsed / COMPONENT_SECONDS)
        for component in components:
            monitor = self.components.get(component.component_id)
            if monitor is None:
                monitor = self.components[component.component_id] = ComponentMonitor()
            monitor.observe(component, elapsed, keep, frame_size(component.component_id))
        if len(self.components) > len(components):
            for gone in self.components.keys() - {component.component_id for component in components}:
                del self.components[gone]
        if take_slots:
            # Components come and go: their monitors know what each one added, the sum of their counters would not.
            self._work.setdefault("slot", (Counter(), RecentMean(STAGE_SECONDS)))
            spent = sum([monitor.spent for monitor in self.components.values()])
            self._note_work("slot", spent * self.cpu_factor, elapsed)

    def _take_cpu_factor(self, stats: ProgramStats) -> None:
        used = self._measured[0].advance(stats.measured_cpu)
        passed = self._measured[1].advance(stats.measured_time)
        if used and passed:
            self.cpu_factor += (min(1.0, used / passed) - self.cpu_factor) * CPU_FACTOR_SHARE

    def _take_work(self, stats: ProgramStats, elapsed: float) -> None:
        for name, seconds in {**self._noted, **stats.work}.items():
            counter, _ = self._work.setdefault(name, (Counter(), RecentMean(STAGE_SECONDS)))
            self._note_work(name, counter.advance(seconds), elapsed)

    def _note_work(self, name: str, spent: float, elapsed: float) -> None:
        if elapsed > 0:
            self.stage_shares[name] = self._work[name][1].add(spent / elapsed, elapsed)

    def latency(self, now: float) -> float | None:
        """Return the mean seconds from receipt to the return of the last callback over the last minute.

        None where nothing was measured.
        """
        count = self._latency_count.total(now)
        return self._latency_seconds.total(now) / count if count else None

    def lag_p95(self, now: float) -> float:
        """Return the p95 of the lag readings of the last five minutes."""
        return self._lag_sketch.sketch(now).quantile(0.95)
