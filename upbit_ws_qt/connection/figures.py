"""What a connection has carried over all its lines, and how it stands now."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from upbit_ws_qt.connection.transport import SocketFigures
from upbit_ws_qt.quantiles import QuantileSketch, SketchSummary

if TYPE_CHECKING:
    from collections.abc import Mapping

    from upbit_ws_qt.connection.inbox import Inbox, InboxFigures
    from upbit_ws_qt.connection.line import Line
    from upbit_ws_qt.connection.rate_limit import LimiterUsage
    from upbit_ws_qt.connection.states import StateChange
    from upbit_ws_qt.types import ConnectionState, WebSocketType

__all__ = ["ConnectionCounters", "ConnectionFigures"]

# The protocol sheet has seven names of errors; a server that makes up new ones all the time must not fill the memory.
_MOST_NAMES = 32
_OTHERS = "others"


@dataclass(frozen=True, slots=True)
class ConnectionFigures:
    """One connection at one moment; times are of the loop's clock, None where there is nothing to tell.

    Attributes:
        ws_type: endpoint.
        state: present one.
        epoch: present one.
        dials: handshakes begun.
        connects: lines that were opened, candidates of planned changes included.
        losses: lines that were lost without our asking.
        rotations: planned changes of the line that worked.
        failed_rotations: those that left the old line in use.
        attempts: dials since the last stable line.
        failures: failed dials and lost lines by cause.
        opened_at: when the present line was opened.
        next_attempt_at: when the next dial is due.
        last_frame_at: last data frame.
        last_pong_at: last pong.
        ping_sent_at: the ping of the present line that waits for its pong.
        carried: what all its lines have carried; what is no sum is the present one's.
        rtt_last: last round trip in seconds, the loop's own lag taken off.
        rtt: all round trips.
        refusals: errors of the exchange by name.
        gaps: changes of epoch; `lossy_gaps` are those of them that may have cost trades, orders or assets.
        close_code: of the last line that was lost or given up, None where it had none.
        close_cause: why it was, in a few words.
        addresses_avoided: addresses of the host that failed lately and are dialled last.
        inbox: the frames on their way in, with what an isolated thread had to drop.
        limiter: the message budget of the present line, None without one.
    """

    ws_type: WebSocketType
    state: ConnectionState
    epoch: int
    dials: int
    connects: int
    losses: int
    rotations: int
    failed_rotations: int
    attempts: int
    failures: Mapping[str, int]
    refusals: Mapping[str, int]
    opened_at: float | None
    next_attempt_at: float | None
    last_frame_at: float | None
    last_pong_at: float | None
    ping_sent_at: float | None
    carried: SocketFigures
    rtt_last: float | None
    rtt: SketchSummary
    inbox: InboxFigures
    limiter: LimiterUsage | None
    gaps: int = 0
    lossy_gaps: int = 0
    close_code: int | None = None
    close_cause: str = ""
    addresses_avoided: int = 0


@dataclass(slots=True)
class ConnectionCounters:
    """What is counted while a connection lives."""

    connects: int = 0
    losses: int = 0
    rotations: int = 0
    failed_rotations: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    rtt: QuantileSketch = field(default_factory=QuantileSketch)
    rtt_last: float | None = None
    past: SocketFigures = field(default_factory=SocketFigures)
    gaps: int = 0
    lossy_gaps: int = 0

    def connected(self) -> None:
        """Count a line that opened."""
        self.connects += 1

    def line_lost(self) -> None:
        """Count a line that went without being asked to."""
        self.losses += 1

    def rotated(self) -> None:
        """Count a planned change of lines."""
        self.rotations += 1

    def rotation_failed(self, kind: str) -> None:
        """Count a planned change of lines that came to nothing, under the name of what it failed for."""
        self.failed_rotations += 1
        self.failed(kind)

    def failed(self, kind: str) -> None:
        """Count a failure under its name."""
        self.failures[kind] += 1

    def epoch_changed(self, *, lossy: bool) -> None:
        """Count a change of epoch."""
        self.gaps += 1
        self.lossy_gaps += lossy

    def add_rtt(self, rtt: float, _: float) -> None:
        """Count a round trip."""
        self.rtt.add(rtt)
        self.rtt_last = rtt

    def add_refusal(self, name: str) -> None:
        """Count an error of the exchange under its name, beyond 32 names together with all others."""
        known = name in self.refusals or len(self.refusals) < _MOST_NAMES
        self.refusals[name if known else _OTHERS] += 1

    def line_ended(self, figures: SocketFigures) -> None:
        """Keep what a line has carried."""
        self.past = self.past.plus(figures)

    def reset_rtt(self) -> None:
        """Begin the round trips anew."""
        self.rtt.reset()
        self.rtt_last = None

    def figures(
        self,
        line: Line | None,
        inbox: Inbox,
        now: float,
        *,
        ws_type: WebSocketType,
        state: ConnectionState,
        epoch: int,
        dials: int,
        addresses_avoided: int,
        attempts: int,
        next_attempt_at: float | None,
        ended: StateChange | None,
    ) -> ConnectionFigures:
        """Return everything at one moment."""
        carried = self.past if line is None else self.past.plus(line.figures())
        return ConnectionFigures(
            ws_type=ws_type,
            state=state,
            epoch=epoch,
            dials=dials,
            connects=self.connects,
            losses=self.losses,
            rotations=self.rotations,
            failed_rotations=self.failed_rotations,
            attempts=attempts,
            failures=MappingProxyType(dict(self.failures)),
            refusals=MappingProxyType(dict(self.refusals)),
            opened_at=None if line is None else line.opened_at,
            next_attempt_at=next_attempt_at,
            last_frame_at=carried.last_frame_at or None,
            last_pong_at=carried.last_pong_at or None,
            ping_sent_at=None if line is None else carried.ping_sent_at or None,
            carried=carried,
            rtt_last=self.rtt_last,
            rtt=self.rtt.summary(),
            inbox=inbox.figures(superseded=carried.superseded, dropped=carried.dropped),
            limiter=None if line is None else line.limiter.usage(now),
            gaps=self.gaps,
            lossy_gaps=self.lossy_gaps,
            close_code=None if ended is None else ended.close_code,
            close_cause="" if ended is None else ended.cause,
            addresses_avoided=addresses_avoided,
        )
