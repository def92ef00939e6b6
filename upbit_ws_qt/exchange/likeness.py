"""How like the real market ours is: the full market's figures beside those that were measured in September 2026."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .market.beat import GRID_MS, SILENT_SECONDS
from .world import World, WorldSettings

if TYPE_CHECKING:
    from collections.abc import Iterable

RATE = 1000.0
"""Messages a second of all types at which the full market's order books come as often as measured."""
_SECONDS = 60
_START_MS = 1_790_000_000_000


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the market.

    Attributes:
        name: What it is.
        ours: As it is here.
        low: The least that was measured.
        high: The most that was measured.
        unit: Of all three, "" for a number.
    """

    name: str
    ours: float
    low: float
    high: float
    unit: str = ""

    @property
    def is_like(self) -> bool:
        """Whether ours lies within a tenth of what was measured."""
        return 0.9 * self.low <= self.ours <= 1.1 * self.high


def figures(seed: int = 1, seconds: int = _SECONDS) -> list[Figure]:
    """Play the full market and return its figures: of order books, in DEFAULT, of all pairs on one line.

    Args:
        seed: Of the market.
        seconds: How long it is played, in its own time; 30 at least.
    """
    world = World(WorldSettings(seed=seed, full=True, rate=RATE, start_ms=_START_MS))
    books: Counter[str] = Counter()
    early: set[str] = set()
    phases: dict[str, set[int]] = {}
    size = 0
    for second in range(max(seconds, SILENT_SECONDS)):
        for change in world.advance_to(world.now_ms + 1000):
            if change.kind != "orderbook":
                continue
            frame = change.render("DEFAULT", "REALTIME")
            size += len(frame)
            books[change.code] += 1
            phases.setdefault(change.code, set()).add(_timestamp(frame) % GRID_MS)
            if second < SILENT_SECONDS:
                early.add(change.code)
    total, played = books.total(), max(seconds, SILENT_SECONDS)
    return [
        Figure("pairs", len(world.codes), 855, 855),
        Figure("order books of all pairs on one line", total / played, 785, 995, "/s"),
        Figure("their bytes", size / played / 1e6, 2.2, 2.2, "MB/s"),
        Figure("a frame of them", size / total / 1000, 2.7, 2.7, "kB"),
        Figure("pairs that send nothing for 30 s", 1 - len(early) / len(world.codes), 0.2, 0.2),
        Figure("books a second of the busiest pair", max(books.values()) / played, 10, 10, "/s"),
        Figure("phases of a pair on the grid of 100 ms", max(map(len, phases.values())), 1, 1),
    ]


def report(found: Iterable[Figure]) -> str:
    """Return the figures as a table for a terminal."""
    lines = [f"{'':42}{'here':>12}{'measured':>16}"]
    for each in found:
        measured = f"{each.low:g}" if each.low == each.high else f"{each.low:g}-{each.high:g}"
        unit = f" {each.unit}" if each.unit else ""
        mark = "" if each.is_like else "   <- unlike"
        lines.append(f"{each.name:42}{each.ours:>12.4g}{measured:>16}{unit}{mark}")
    return "\n".join(lines)


def _timestamp(frame: bytes) -> int:
    return int(frame.rpartition(b'"timestamp":')[2].partition(b",")[0])
