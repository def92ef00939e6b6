"""Where the time goes: slow consumers, dead streams, hot symbols, growing queues, and the bottleneck by name."""

from __future__ import annotations

from collections import deque
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from upbit_ws_qt.monitoring.phrases import duration
from upbit_ws_qt.monitoring.windows import Counter, RecentSum
from upbit_ws_qt.text import Phrase, safe_text
from upbit_ws_qt.types import DataType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from upbit_ws_qt.monitoring.line_metrics import LineMonitor
    from upbit_ws_qt.monitoring.program_metrics import ProgramMonitor
    from upbit_ws_qt.monitoring.stats import ProgramStats
    from upbit_ws_qt.monitoring.stream_metrics import StreamMonitor
    from upbit_ws_qt.routing import ComponentStats
    from upbit_ws_qt.types import WebSocketType

__all__ = ["Bottleneck", "IssueKind", "PerformanceIssue", "SubscriptionPerformanceMonitor"]

SLOW_SHARE = 0.2
"""Share of a core from which on a component is slow."""
LOSS_SECONDS = 60.0
DEAD_EVENTS = 20
DEAD_RATE = 0.2
DEAD_AFTER = 60.0
DEAD_INTERVALS = 30.0
HOT_SHARE = 0.4
HOT_RATE = 200.0
QUEUE_STEP = 5.0
QUEUE_SAMPLES = 12
QUEUE_LEAST = 100
BUSY_LAG = 0.05
BUSY_BACKLOG = 0.5
BUSY_CPU = 0.8
STAGE_LEAST = 0.1
SLOW_RTT = 0.4
LATE_AGE = 1.0


class Bottleneck(StrEnum):
    """What everything waits for."""

    NONE = "none"
    NETWORK = "network"
    DECODE = "decode"
    DISPATCH = "dispatch"
    SLOT = "slot"
    PAINT = "paint"


class IssueKind(StrEnum):
    """What is wrong."""

    SLOW_CONSUMER = "slow_consumer"
    LOSSY_CONSUMER = "lossy_consumer"
    DEAD_STREAM = "dead_stream"
    HOT_SYMBOL = "hot_symbol"
    GROWING_QUEUE = "growing_queue"
    BOTTLENECK = "bottleneck"
    FAILURE = "failure"
    """Frames were lost to a failure of this library."""


_ADVICE: Mapping[IssueKind, Phrase] = {
    IssueKind.SLOW_CONSUMER: Phrase("do less in the callback, or take Delivery.FRAME"),
    IssueKind.LOSSY_CONSUMER: Phrase(
        "take Delivery.FRAME, or BackpressureStrategy.COALESCE_BY_SYMBOL, or a longer queue"
    ),
    IssueKind.DEAD_STREAM: Phrase("reconnect the line; if it stays dead the market may be halted or delisted"),
    IssueKind.HOT_SYMBOL: Phrase("take Delivery.FRAME for it where the newest is enough, or do less for each event"),
    IssueKind.GROWING_QUEUE: Phrase(
        "the consumer is slower than its data for good: take fewer streams or Delivery.FRAME"
    ),
    IssueKind.FAILURE: Phrase("the log has the traceback: please report it"),
}
_BOOK_ADVICE = Phrase("take Delivery.FRAME or a smaller book depth for it")
_STAGE_ADVICE: Mapping[Bottleneck, Phrase] = {
    Bottleneck.NETWORK: Phrase("check the network between here and the exchange"),
    Bottleneck.DECODE: Phrase("subscribe to fewer streams or smaller books, or use the SIMPLE format"),
    Bottleneck.DISPATCH: Phrase("share subscriptions: fewer consumers for each stream"),
    Bottleneck.SLOT: Phrase("do less in callbacks, or take Delivery.FRAME"),
    Bottleneck.PAINT: Phrase("draw less often: lower frame_rate, fewer visible rows"),
}


class PerformanceIssue(Struct, frozen=True, kw_only=True):
    """One thing that costs speed, and what to do about it.

    Attributes:
        kind: what is wrong.
        subject: the component, stream or stage.
        text: in words, with its figure.
        advice: what to do.
        value: the figure.
        bottleneck: which stage is at fault.
        ws_type: the line, None where it is not about one.
        since: loop clock when it was first seen.
    """

    kind: IssueKind
    subject: str
    text: str
    advice: str
    value: float
    bottleneck: Bottleneck
    ws_type: WebSocketType | None
    since: float


class _Queue:
    """How long a queue was, every five seconds for a minute."""

    __slots__ = ("_at", "_lengths")

    def __init__(self) -> None:
        self._lengths: deque[int] = deque(maxlen=QUEUE_SAMPLES)
        self._at = float("-inf")

    def observe(self, now: float, length: int) -> None:
        if now - self._at >= QUEUE_STEP:
            self._at = now
            self._lengths.append(length)

    @property
    def grows(self) -> bool:
        """Whether its shortest of late is longer than its longest a minute ago: a sawtooth is not growth."""
        if len(self._lengths) < QUEUE_SAMPLES or self._lengths[-1] < QUEUE_LEAST:
            return False
        lengths = list(self._lengths)
        third = QUEUE_SAMPLES // 3
        return min(lengths[-third:]) > max(lengths[:third])


class SubscriptionPerformanceMonitor:
    """Watches consumers, streams and stages, and names what is slow."""

    def __init__(self, slow_callback: float) -> None:
        self._slow_callback = slow_callback
        self._queues: dict[str, _Queue] = {}
        self._losses: dict[str, tuple[Counter, RecentSum]] = {}
        self._since: dict[tuple[IssueKind, str], float] = {}
        self._issues: tuple[PerformanceIssue, ...] = ()
        self._consumer_issues: tuple[PerformanceIssue, ...] = ()
        self._stream_issues: tuple[PerformanceIssue, ...] = ()
        self.bottleneck = Bottleneck.NONE

    def track_subscription_metrics(
        self,
        now: float,
        stats: ProgramStats,
        program: ProgramMonitor,
        lines: Iterable[LineMonitor],
        streams: Iterable[StreamMonitor],
    ) -> None:
        """Take in the stats of a moment, after `program`, `lines` and `streams` have."""
        lines = tuple(lines)
        self.bottleneck = _bottleneck(now, program, lines)
        if stats.components is not None:
            self._take_queues(now, stats.components)
            self._consumer_issues = tuple(self._consumers(now, stats.components, program))
        if stats.has_streams:
            self._stream_issues = tuple(_streams(now, streams, lines))
        found = [
            *self._consumer_issues,
            *self._stream_issues,
            *self._bottleneck_issue(program),
            *_failures(stats),
        ]
        present = {(issue.kind, issue.subject) for issue in found}
        for gone in self._since.keys() - present:
            del self._since[gone]
        self._issues = tuple(
            structs.replace(issue, since=self._since.setdefault((issue.kind, issue.subject), now)) for issue in found
        )

    def detect_performance_issues(self) -> tuple[PerformanceIssue, ...]:
        """Return what is wrong as of the last reading."""
        return self._issues

    def _take_queues(self, now: float, components: tuple[ComponentStats, ...]) -> None:
        if self._queues:
            for gone in self._queues.keys() - {component.component_id for component in components}:
                del self._queues[gone]
                del self._losses[gone]
        for component in components:
            name = component.component_id
            if name not in self._queues:
                if not component.waiting and not component.dropped:
                    continue  # most have nothing to watch, and there may be a thousand
                self._queues[name] = _Queue()
                self._losses[name] = (Counter(), RecentSum(LOSS_SECONDS))
            self._queues[name].observe(now, component.waiting)
            counter, lost = self._losses[name]
            lost.add(now, counter.advance(component.dropped))

    def _consumers(
        self, now: float, components: tuple[ComponentStats, ...], program: ProgramMonitor
    ) -> Iterator[PerformanceIssue]:
        for component in components:
            monitor = program.components[component.component_id]
            share, rate = monitor.share, monitor.rate
            each = share / rate if rate > 0 else 0.0
            if share >= SLOW_SHARE or each >= self._slow_callback:
                name = safe_text(component.component_id, 80)
                text = Phrase(
                    "{name} takes {time} for each event, {share:.0%} of a core",
                    name=name,
                    time=duration(each),
                    share=share,
                )
                yield _issue(IssueKind.SLOW_CONSUMER, name, text, share, Bottleneck.SLOT)
            if component.component_id in self._queues:
                yield from self._queue_issues(now, component)

    def _queue_issues(self, now: float, component: ComponentStats) -> Iterator[PerformanceIssue]:
        name = safe_text(component.component_id, 80)
        lost = self._losses[component.component_id][1].total(now)
        if lost and not component.quarantine:  # what is put aside gets nothing on purpose
            text = Phrase("{name} lost {count:.0f} events in the last minute", name=name, count=lost)
            yield _issue(IssueKind.LOSSY_CONSUMER, name, text, lost, Bottleneck.SLOT)
        if self._queues[component.component_id].grows:
            text = Phrase("the queue of {name} grows: {count} events wait", name=name, count=component.waiting)
            yield _issue(IssueKind.GROWING_QUEUE, name, text, component.waiting, Bottleneck.SLOT)

    def _bottleneck_issue(self, program: ProgramMonitor) -> Iterator[PerformanceIssue]:
        stage = self.bottleneck
        if stage is Bottleneck.NONE:
            return
        share = program.stage_shares.get(stage.value, 0.0)
        text = Phrase("{stage} takes {share:.0%} of a core", stage=Phrase(stage.value), share=share)
        if stage is Bottleneck.NETWORK:
            text = Phrase("the network is slow")
        yield _issue(IssueKind.BOTTLENECK, stage.value, text, share, stage, advice=_STAGE_ADVICE[stage])


def _issue(
    kind: IssueKind,
    subject: str,
    text: Phrase,
    value: float,
    bottleneck: Bottleneck,
    *,
    advice: Phrase | None = None,
    ws_type: WebSocketType | None = None,
) -> PerformanceIssue:
    return PerformanceIssue(
        kind=kind,
        subject=subject,
        text=text,
        advice=_ADVICE[kind] if advice is None else advice,
        value=value,
        bottleneck=bottleneck,
        ws_type=ws_type,
        since=0.0,
    )


def _bottleneck(now: float, program: ProgramMonitor, lines: tuple[LineMonitor, ...]) -> Bottleneck:
    """Name the stage that takes most while we are busy; while we are not, the network where that is slow."""
    if program.lag >= BUSY_LAG or program.backlog_seconds >= BUSY_BACKLOG or program.cpu.value >= BUSY_CPU:
        shares = {
            stage: program.stage_shares.get(stage.value, 0.0)
            for stage in (Bottleneck.DECODE, Bottleneck.DISPATCH, Bottleneck.SLOT, Bottleneck.PAINT)
        }
        heaviest = max(shares, key=shares.__getitem__)
        return heaviest if shares[heaviest] >= STAGE_LEAST else Bottleneck.NONE
    for line in lines:
        if not line.is_connected:
            continue
        if line.judged_rtt(now) >= SLOW_RTT or line.age.sketch(now).quantile(0.95) >= LATE_AGE:
            return Bottleneck.NETWORK
    return Bottleneck.NONE


def _failures(stats: ProgramStats) -> Iterator[PerformanceIssue]:
    for line in stats.lines:
        ws_type = line.connection.ws_type
        if count := line.connection.carried.sink_failures:
            name = Phrase(ws_type.value)
            text = Phrase(
                "{line}: {count} frames were lost on receipt to a failure of this library", line=name, count=count
            )
            yield _issue(IssueKind.FAILURE, name, text, count, Bottleneck.NONE, ws_type=ws_type)
    if count := stats.drain_failures:
        text = Phrase("{count} frames were lost on their way to a failure of this library", count=count)
        yield _issue(IssueKind.FAILURE, "drain", text, count, Bottleneck.DISPATCH)
    for task in stats.tasks:
        if task.failures:
            text = Phrase("the task {name} failed {count} times", name=task.name, count=task.failures)
            yield _issue(IssueKind.FAILURE, task.name, text, task.failures, Bottleneck.NONE)
        if not task.running:
            text = Phrase("the task {name} has stopped", name=task.name)
            yield _issue(IssueKind.FAILURE, f"{task.name} stopped", text, 1, Bottleneck.NONE)


def _streams(
    now: float, streams: Iterable[StreamMonitor], lines: tuple[LineMonitor, ...]
) -> Iterator[PerformanceIssue]:
    watched = tuple(streams)
    total = sum(stream.rate for stream in watched)
    connected = {line.ws_type: line.connected_since for line in lines if line.connected_since is not None}
    for stream in watched:
        key = stream.key
        rate = stream.rate
        if rate >= HOT_RATE and rate >= HOT_SHARE * total and len(watched) > 1:
            text = Phrase(
                "{stream} brings {rate:.0f} messages a second, {share:.0%} of all",
                stream=str(key),
                rate=rate,
                share=rate / total,
            )
            advice = _BOOK_ADVICE if key.data_type is DataType.ORDERBOOK else None
            ws_type = key.websocket_type
            yield _issue(IssueKind.HOT_SYMBOL, str(key), text, rate, Bottleneck.NONE, advice=advice, ws_type=ws_type)
        since = connected.get(key.websocket_type)
        if since is not None and _is_dead(now, stream, since) and not key.data_type.is_event_only:
            silent = now - max(since, stream.last_event_at or since)
            text = Phrase(
                "nothing came on {stream} for {time}, where it used to be busy", stream=str(key), time=duration(silent)
            )
            yield _issue(IssueKind.DEAD_STREAM, str(key), text, silent, Bottleneck.NETWORK, ws_type=key.websocket_type)


def _is_dead(now: float, stream: StreamMonitor, connected_since: float) -> bool:
    """Whether a stream that came often stopped, on a line that is up: a minute, and 30 of its usual intervals."""
    if stream.events < DEAD_EVENTS or stream.last_event_at is None or stream.usual_rate < DEAD_RATE:
        return False
    silent = now - max(connected_since, stream.last_event_at)
    return silent >= max(DEAD_AFTER, DEAD_INTERVALS / stream.usual_rate)
