"""What the monitor is fed with: the raw counters of everything, read off about once a second."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from upbit_ws_qt.types import Priority

if TYPE_CHECKING:
    from upbit_ws_qt.sketch import SketchSummary
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.types import ConnectionState, WebSocketType

__all__ = ["ComponentReading", "ConnectionReading", "Readings", "RttSample", "StreamReading", "TaskReading"]


class RttSample(NamedTuple):
    """One ping answered.

    Attributes:
        seconds: from ping to pong as measured.
        lag: how much of it was our own loop being late; taken off before anything is judged.
    """

    seconds: float
    lag: float = 0.0


class ConnectionReading(Struct, frozen=True, kw_only=True):
    """One line's counters. All of them only grow while the program runs; one that falls is taken to have begun anew.

    Times are of the loop's clock, in seconds; None for "never" or "not now".

    Attributes:
        ws_type: which line.
        state: now.
        wanted: whether anything wants the line; a line that nothing wants is not judged.
        epoch: now.
        connected_since: when the present line was proved; None while down.
        last_message_at: last data frame.
        last_pong_at: last pong.
        ping_sent_at: when the ping left that is still unanswered.
        next_attempt_at: when it is dialled again.
        attempts: dials since it was last up.
        close_code: of the last close.
        close_cause: of the last close, in a few words.
        frames: data frames received.
        bytes_wire: as they came, compressed.
        bytes_inflated: what they held.
        bytes_spared: by how much longer that would have been without SIMPLE names, estimated.
        rtt_samples: pings answered since the last reading.
        event_ages: seconds by our wall clock from the exchange's timestamp to receipt, of REALTIME tickers, trades and
            order books since the last reading; some hundred of them are enough. Negative where our clock is behind.
        errors: unreadable frames and errors that the exchange reported; failed dials are not among them.
        decode_errors: the unreadable frames among the errors.
        reconnects: lines lost without being asked, that is without renewals and reconnects on demand.
        gaps: gap events; `lossy_gaps` are those of them that may have cost trades, orders or assets.
        pending: frames waiting in the inbox now.
        inbox_wait: seconds that the slowest frame since the last reading waited there.
        dropped: frames that the inbox gave up; what consumers' queues gave up is in their readings.
        sink_failures: frames lost on receipt to a failure of this library.
        duplicates: events recognised as such.
        conflated: events replaced by newer ones before delivery.
        stale: frames and events of older epochs, or older than what was delivered.
        current_subscriptions: streams on the line.
        live_subscriptions: those of them that are proved.
        restored: streams that were proved on the latest line, and `restorable` how many there were to prove.
        restorable: see there.
        requests: subscription requests sent.
        rate_budget_used: share (0 to 1) of the minute's message budget.
    """

    ws_type: WebSocketType
    state: ConnectionState
    wanted: bool = True
    epoch: int = 0
    connected_since: float | None = None
    last_message_at: float | None = None
    last_pong_at: float | None = None
    ping_sent_at: float | None = None
    next_attempt_at: float | None = None
    attempts: int = 0
    close_code: int | None = None
    close_cause: str = ""
    frames: int = 0
    bytes_wire: int = 0
    bytes_inflated: int = 0
    bytes_spared: int = 0
    rtt_samples: tuple[RttSample, ...] = ()
    event_ages: tuple[float, ...] = ()
    errors: int = 0
    decode_errors: int = 0
    reconnects: int = 0
    gaps: int = 0
    lossy_gaps: int = 0
    pending: int = 0
    inbox_wait: float = 0.0
    dropped: int = 0
    sink_failures: int = 0
    duplicates: int = 0
    conflated: int = 0
    stale: int = 0
    current_subscriptions: int = 0
    live_subscriptions: int = 0
    restored: int = 0
    restorable: int = 0
    requests: int = 0
    rate_budget_used: float = 0.0


class ComponentReading(Struct, frozen=True, kw_only=True, gc=False):  # there may be a thousand of them
    """One component's counters.

    Attributes:
        component_id: whose.
        priority: the most urgent of its wishes.
        subscriptions: its streams.
        received: events that were meant for it.
        delivered: callbacks made.
        conflated: events replaced by newer ones.
        skipped: those of the conflated that it wanted (Delivery.EVERY) and overload replaced.
        dropped: events its queue, or the line's inbox, gave up.
        failures: callbacks that raised.
        bytes: of the frames behind its events.
        slot_seconds: time spent in its callbacks, all together.
        slot: seconds per callback.
        pending: events waiting for it now.
        quarantined: whether it is put aside.
    """

    component_id: str
    priority: Priority = Priority.NORMAL
    subscriptions: int = 0
    received: int = 0
    delivered: int = 0
    conflated: int = 0
    skipped: int = 0
    dropped: int = 0
    failures: int = 0
    bytes: int = 0
    slot_seconds: float = 0.0
    slot: SketchSummary | None = None
    pending: int = 0
    quarantined: bool = False


class StreamReading(Struct, frozen=True, kw_only=True, gc=False):  # as above
    """One stream's counters.

    Attributes:
        key: which.
        events: received.
        bytes: of their frames, inflated.
        last_event_at: loop clock.
        depth: order book units per side as carried, 0 for other types.
    """

    key: StreamKey
    events: int = 0
    bytes: int = 0
    last_event_at: float | None = None
    depth: int = 0


class TaskReading(Struct, frozen=True, kw_only=True):
    """One of the calls that are made every few seconds.

    Attributes:
        name: what it does.
        interval: seconds from one call to the next.
        runs: completed calls.
        failures: calls that raised; the next one is made all the same.
        running: whether another call is due.
    """

    name: str
    interval: float
    runs: int = 0
    failures: int = 0
    running: bool = True


class Readings(Struct, frozen=True, kw_only=True):
    """Everything that was read off at one moment.

    Attributes:
        connections: one reading per line.
        wall_clock: seconds since 1970 at the same moment as `now`; needed for every time that is shown.
        loop_lag: seconds that the loop was late at worst since the last reading.
        memory_bytes: of the process (resident).
        cpu_share: of the process, in cores, since the last reading.
        gc_pause: longest garbage collection since the last reading, in seconds.
        messages_processed: events handed out.
        drain_failures: frames lost to a failure of this library while they were handed out.
        stages: seconds per frame from receipt to the end of each stage, waiting included, since the start: for show,
            and "total", from receipt to the return of the last callback, for `average_latency`. A sample will do.
        work: seconds of CPU time spent at each stage since the start: "decode", "dispatch", "slot" and "paint". The
            bottleneck is named by them; a stage that is left out is never blamed. "slot" is taken from the components
            where it is left out.
        measured_cpu: seconds of CPU time of some work since the start, and `measured_time` what passed meanwhile: how
            much of the time of callbacks and painting, which are timed by the clock, was CPU time.
        components: one reading per component, or None where they were not read this time.
        quarantined: the components that are put aside, where the components were not read.
        streams: one per stream, or None where they were not read this time (every ten seconds is enough).
        unserved: streams that were asked for and do not come.
        tasks: the calls that are made every few seconds.
        maintenance: titles of maintenance announcements that came since the last reading.
        skipped: by component, events that overload kept from it since the last reading although it wanted every one.
    """

    connections: tuple[ConnectionReading, ...] = ()
    wall_clock: float = 0.0
    loop_lag: float = 0.0
    memory_bytes: int = 0
    cpu_share: float = 0.0
    gc_pause: float = 0.0
    messages_processed: int = 0
    drain_failures: int = 0
    stages: dict[str, SketchSummary] = {}
    work: dict[str, float] = {}
    measured_cpu: float = 0.0
    measured_time: float = 0.0
    components: tuple[ComponentReading, ...] | None = ()
    quarantined: tuple[str, ...] = ()
    streams: tuple[StreamReading, ...] | None = None
    unserved: tuple[StreamKey, ...] = ()
    tasks: tuple[TaskReading, ...] = ()
    maintenance: tuple[str, ...] = ()
    skipped: dict[str, int] = {}
