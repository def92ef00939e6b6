"""Whether the lines disturb each other: what happened to several at once, since when, and what would part them."""

from __future__ import annotations

from enum import StrEnum
from itertools import permutations
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from upbit_ws_qt.clocks import SLEPT, ClockJump
from upbit_ws_qt.monitoring.windows import Counter, RecentMean
from upbit_ws_qt.text import Phrase
from upbit_ws_qt.types import IndependenceLevel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from upbit_ws_qt.monitoring.stats import LineStats, ProgramStats
    from upbit_ws_qt.types import WebSocketType

__all__ = ["ConnectionImpact", "ConnectionIndependenceMonitor", "Interference", "InterferenceKind", "IsolationDecision"]

TOGETHER = 2.0
"""Seconds within which two losses are one event."""
APART = 5.0
"""Seconds of peace after which the same trouble is a new occurrence."""
KEPT = 600.0
"""Seconds that trouble is listed after its last occurrence."""
LATE = 0.1
"""Seconds that frames of a line must wait to be called delayed."""
FROZEN = 1.0
"""Seconds of our own lag that can cost lines their pings."""
RIGHT_AFTER = 10.0
LOADED_PENDING = 100
LOADED_RATE = 200.0
LOADED_FACTOR = 3.0
OCCURRENCES = 3
IMPACT_SECONDS = 300.0

_ORDER = (IndependenceLevel.BASIC, IndependenceLevel.ENHANCED, IndependenceLevel.ISOLATED)


class InterferenceKind(StrEnum):
    """What several lines suffered together."""

    FLOOD = "flood"
    """A flood on one line delays another: a share of the drain for each line (ENHANCED) parts them."""
    LAG = "lag"
    """Frames of several lines wait together, without a flood."""
    DROPS = "drops"
    """Several lines lose frames together: ENHANCED parts them."""
    RECONNECTS = "reconnects"
    """Several lines are lost together: the network between here and the exchange; no level helps."""
    FROZEN = "frozen"
    """Several lines are lost right after our own program stood still: threads (ISOLATED) part them."""


_REMEDY = {
    InterferenceKind.FLOOD: IndependenceLevel.ENHANCED,
    InterferenceKind.DROPS: IndependenceLevel.ENHANCED,
    InterferenceKind.FROZEN: IndependenceLevel.ISOLATED,
}


class Interference(Struct, frozen=True, kw_only=True):
    """One kind of trouble that some lines had together.

    Attributes:
        kind: what.
        lines: which.
        text: in words.
        since: loop clock of the first occurrence.
        last: loop clock of the latest.
        occurrences: how often.
        remedy: the level that would part the lines, None where none does.
    """

    kind: InterferenceKind
    lines: tuple[WebSocketType, ...]
    text: str
    since: float
    last: float
    occurrences: int = 1
    remedy: IndependenceLevel | None = None


class ConnectionImpact(Struct, frozen=True, kw_only=True):
    """What load on one line does to another, averaged over some minutes.

    Attributes:
        source: the line that was loaded.
        target: the line that had to wait.
        loaded_seconds: how long `source` was loaded so far.
        wait_loaded: seconds that the slowest frames of `target` waited meanwhile.
        wait_quiet: seconds that they waited otherwise.
    """

    source: WebSocketType
    target: WebSocketType
    loaded_seconds: float
    wait_loaded: float
    wait_quiet: float

    @property
    def added_wait(self) -> float:
        """Seconds of waiting that the load added."""
        return max(0.0, self.wait_loaded - self.wait_quiet)


class IsolationDecision(Struct, frozen=True, kw_only=True):
    """A level to change to, and why."""

    level: IndependenceLevel
    because: str


class _Line:
    """What is known of one line."""

    def __init__(self) -> None:
        self.frames = Counter()
        self.losses = Counter()
        self.drops = Counter()
        self.rate = RecentMean(60.0)
        self.lost_at = float("-inf")
        self.dropping = False
        self.loaded = False
        self.wait = 0.0

    def observe(self, now: float, stats: LineStats, elapsed: float) -> None:
        frames = self.frames.advance(stats.connection.carried.frames)
        if self.losses.advance(stats.connection.losses):
            self.lost_at = now
        self.dropping = bool(self.drops.advance(stats.connection.inbox.dropped))
        self.wait = stats.inbox_wait
        rate = frames / elapsed if elapsed > 0 else 0.0
        surge = rate >= LOADED_RATE and rate >= LOADED_FACTOR * self.rate.value > 0
        self.loaded = surge or stats.connection.inbox.waiting >= LOADED_PENDING
        if elapsed > 0 and not self.loaded:
            self.rate.add(rate, elapsed)


class _Pair:
    """How long one line waits with and without load on another."""

    def __init__(self) -> None:
        self.loaded_seconds = 0.0
        self.loaded = RecentMean(IMPACT_SECONDS)
        self.quiet = RecentMean(IMPACT_SECONDS)


class ConnectionIndependenceMonitor:
    """Watches for trouble that lines have in common.

    Attributes:
        level: the level in force; `ensure_connection_isolation` raises it where that is allowed.
    """

    def __init__(self, level: IndependenceLevel, *, may_raise: bool = True) -> None:
        self.level = level
        self._may_raise = may_raise
        self._lines: dict[WebSocketType, _Line] = {}
        self._pairs: dict[tuple[WebSocketType, WebSocketType], _Pair] = {}
        self._found: dict[tuple[InterferenceKind, tuple[WebSocketType, ...]], Interference] = {}
        self._last: float | None = None
        self._frozen_at = float("-inf")
        self._slept_at = float("-inf")
        self._clocks = ClockJump()

    def note_level(self, level: IndependenceLevel) -> None:
        """Take note of a level that somebody else raised the lines to; a lower one than the present changes nothing."""
        self.level = max(self.level, level, key=_rank)

    def observe(self, now: float, stats: ProgramStats) -> None:
        """Take in one reading."""
        elapsed = 0.0 if self._last is None else now - self._last
        self._last = now
        if stats.loop_lag >= FROZEN:
            self._frozen_at = now
        if self._clocks.look(now, stats.wall_clock) >= SLEPT:
            self._slept_at = now
        for line in stats.lines:
            self._lines.setdefault(line.connection.ws_type, _Line()).observe(now, line, elapsed)
        self._weigh_pairs(elapsed)
        self._look_for_delays(now)
        self._look_for_losses(now, stats)
        for key in [key for key, found in self._found.items() if now - found.last > KEPT]:
            del self._found[key]

    def monitor_cross_connection_impact(self) -> tuple[ConnectionImpact, ...]:
        """Return what load on each line does to each other one, as measured; the heaviest first."""
        impacts = [
            ConnectionImpact(
                source=source,
                target=target,
                loaded_seconds=pair.loaded_seconds,
                wait_loaded=pair.loaded.value,
                wait_quiet=pair.quiet.value,
            )
            for (source, target), pair in self._pairs.items()
        ]
        return tuple(sorted(impacts, key=lambda impact: -impact.added_wait))

    def detect_connection_interference(self) -> tuple[Interference, ...]:
        """Return the trouble of the last ten minutes, the latest first."""
        return tuple(sorted(self._found.values(), key=lambda found: -found.last))

    def ensure_connection_isolation(self) -> IsolationDecision | None:
        """Raise the level where lasting trouble asks for it and it is allowed; the caller puts it into force.

        Returns None where the level is enough, where no level helps, and where raising is not allowed.
        """
        if not self._may_raise:
            return None
        for found in self.detect_connection_interference():
            enough = 1 if found.kind is InterferenceKind.FROZEN else OCCURRENCES
            if found.remedy is None or found.occurrences < enough or _rank(found.remedy) <= _rank(self.level):
                continue
            self.level = found.remedy
            return IsolationDecision(level=found.remedy, because=found.text)
        return None

    def _weigh_pairs(self, elapsed: float) -> None:
        if elapsed <= 0:
            return
        for source, target in permutations(self._lines, 2):
            pair = self._pairs.setdefault((source, target), _Pair())
            wait = self._lines[target].wait
            if self._lines[source].loaded:
                pair.loaded_seconds += elapsed
                pair.loaded.add(wait, elapsed)
            elif not self._lines[target].loaded:
                pair.quiet.add(wait, elapsed)

    def _look_for_delays(self, now: float) -> None:
        late = [ws_type for ws_type, line in self._lines.items() if line.wait >= LATE]
        loaded = [ws_type for ws_type, line in self._lines.items() if line.loaded]
        victims = [ws_type for ws_type in late if ws_type not in loaded]
        if loaded and victims:
            ms = 1000 * max(self._lines[ws_type].wait for ws_type in victims)
            text = Phrase(
                "load on {lines} delays {others} by {ms:.0f} ms", lines=_names(loaded), others=_names(victims), ms=ms
            )
            self._note(now, InterferenceKind.FLOOD, [*loaded, *victims], text)
        elif len(late) > 1 and not loaded:
            self._note(now, InterferenceKind.LAG, late, Phrase("{lines} are delayed together", lines=_names(late)))
        dropping = [ws_type for ws_type, line in self._lines.items() if line.dropping]
        if len(dropping) > 1:
            text = Phrase("{lines} lose frames together", lines=_names(dropping))
            self._note(now, InterferenceKind.DROPS, dropping, text)

    def _look_for_losses(self, now: float, stats: ProgramStats) -> None:
        lost = [ws_type for ws_type, line in self._lines.items() if now - line.lost_at <= TOGETHER]
        if len(lost) < 2 or all(self._lines[ws_type].lost_at < now for ws_type in lost):
            return
        if now - self._slept_at <= RIGHT_AFTER:
            return  # a computer that slept loses all its lines, and nobody is to blame
        if now - self._frozen_at <= RIGHT_AFTER or stats.loop_lag >= FROZEN:
            text = Phrase("{lines} were lost together right after this program stood still", lines=_names(lost))
            self._note(now, InterferenceKind.FROZEN, lost, text)
        else:
            text = Phrase("{lines} were lost together: look at the network", lines=_names(lost))
            self._note(now, InterferenceKind.RECONNECTS, lost, text)

    def _note(self, now: float, kind: InterferenceKind, lines: list[WebSocketType], text: Phrase) -> None:
        key = (kind, tuple(sorted(set(lines))))
        before = self._found.get(key)
        if before is None:
            remedy = _REMEDY.get(kind)
            self._found[key] = Interference(kind=kind, lines=key[1], text=text, since=now, last=now, remedy=remedy)
            return
        again = 1 if now - before.last > APART else 0
        self._found[key] = structs.replace(before, text=text, last=now, occurrences=before.occurrences + again)


def _rank(level: IndependenceLevel) -> int:
    return _ORDER.index(level)


def _names(lines: Iterable[WebSocketType]) -> tuple[Phrase, ...]:
    return tuple(Phrase(ws_type.value) for ws_type in sorted(lines))
