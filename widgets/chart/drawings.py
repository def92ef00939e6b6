"""What a user draws on the charts of a market: plain data, undone and redone, and read back from files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from upbit_ws_qt import is_market_code, safe_text

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["FIBONACCI", "Drawing", "DrawingBook", "DrawingKind", "Point"]

MOST_DRAWINGS = 200  # of a market
MOST_MARKETS = 500
_LATEST = 1e11  # seconds since 1970
MOST_STEPS = 100  # that can be undone
LONGEST_TEXT = 80
FIBONACCI = tuple(Decimal(each) for each in ("0", "0.236", "0.382", "0.5", "0.618", "0.786", "1"))
"""Shares of the way from the second point back to the first one."""


class DrawingKind(StrEnum):
    """What can be drawn."""

    TREND = "trend"
    RAY = "ray"
    HORIZONTAL = "horizontal"
    RECTANGLE = "rectangle"
    FIBONACCI = "fibonacci"
    TEXT = "text"

    @property
    def points(self) -> int:
        """How many points it takes."""
        return 1 if self in (DrawingKind.HORIZONTAL, DrawingKind.TEXT) else 2


@dataclass(frozen=True, slots=True)
class Point:
    """A place that stays where it is in every unit: a time in seconds since 1970 UTC, and a price."""

    time: float
    price: Decimal


@dataclass(frozen=True, slots=True)
class Drawing:
    """One drawing."""

    kind: DrawingKind
    points: tuple[Point, ...]
    text: str = ""

    def moved(self, seconds: float, price: Decimal) -> Drawing:
        """Return it at another place; one whose price would not be above 0 stays."""
        points = tuple(Point(each.time + seconds, each.price + price) for each in self.points)
        return self if any(each.price <= 0 for each in points) else replace(self, points=points)

    def with_point(self, place: int, point: Point) -> Drawing:
        """Return it with one point at another place."""
        return replace(self, points=(*self.points[:place], point, *self.points[place + 1 :]))


class DrawingBook:
    """The drawings of all markets, oldest first; what is done to those of one can be undone."""

    def __init__(self) -> None:
        self._drawings: dict[str, tuple[Drawing, ...]] = {}
        self._undone: dict[str, list[tuple[Drawing, ...]]] = {}
        self._done: dict[str, list[tuple[Drawing, ...]]] = {}

    def of(self, market: str) -> tuple[Drawing, ...]:
        """Return the drawings of a market."""
        return self._drawings.get(market, ())

    def put(self, market: str, drawings: Iterable[Drawing]) -> bool:
        """Have other drawings; False, and nothing to undo, where they are the same ones or too many."""
        wanted = tuple(drawings)
        if wanted == self.of(market) or len(wanted) > MOST_DRAWINGS:
            return False
        done = self._done.setdefault(market, [])
        done.append(self.of(market))
        del done[:-MOST_STEPS]
        self._undone.pop(market, None)
        self._drawings[market] = wanted
        return True

    def undo(self, market: str) -> bool:
        """Take the last change back; False where there is none."""
        return self._step(market, self._done, self._undone)

    def redo(self, market: str) -> bool:
        """Do again what was undone last; False where nothing was."""
        return self._step(market, self._undone, self._done)

    def _step(
        self, market: str, back: dict[str, list[tuple[Drawing, ...]]], forth: dict[str, list[tuple[Drawing, ...]]]
    ) -> bool:
        if not back.get(market):
            return False
        forth.setdefault(market, []).append(self.of(market))
        self._drawings[market] = back[market].pop()
        return True

    # -- files --------------------------------------------------------------------------------------------------------
    def to_plain(self) -> dict[str, Any]:
        """Return what can be written as JSON; markets without drawings are left out."""
        return {
            market: [
                {
                    "kind": each.kind,
                    "points": [[point.time, format(point.price, "f")] for point in each.points],
                    "text": each.text,
                }
                for each in drawings
            ]
            for market, drawings in self._drawings.items()
            if drawings
        }

    @classmethod
    def from_plain(cls, plain: object) -> DrawingBook:
        """Read them back; what cannot be used is left out. Never raises."""
        book = cls()
        for market, drawings in list(plain.items())[:MOST_MARKETS] if isinstance(plain, dict) else ():
            if isinstance(market, str) and is_market_code(market) and isinstance(drawings, list):
                found = [each for each in map(_drawing_from, drawings[:MOST_DRAWINGS]) if each is not None]
                book._drawings[market] = tuple(found)
        return book


def _drawing_from(plain: object) -> Drawing | None:
    if not isinstance(plain, dict) or plain.get("kind") not in tuple(DrawingKind):
        return None
    kind, points, text = DrawingKind(plain["kind"]), plain.get("points"), plain.get("text")
    if not isinstance(points, list) or len(points) != kind.points:
        return None
    found = [_point_from(each) for each in points]
    told = safe_text(text, LONGEST_TEXT) if isinstance(text, str) else ""
    usable = tuple(each for each in found if each is not None)
    return (
        Drawing(kind, usable, told) if len(usable) == kind.points and (told or kind is not DrawingKind.TEXT) else None
    )


def _point_from(plain: object) -> Point | None:
    if not isinstance(plain, list) or len(plain) != 2:
        return None
    time, price = plain
    if (
        isinstance(time, bool)
        or not isinstance(time, (int, float))
        or not 0 <= time < 1e11
        or not isinstance(price, str)
    ):
        return None
    try:
        exact = Decimal(price)
    except InvalidOperation:
        return None
    return Point(float(time), exact) if exact.is_finite() and 0 < exact < Decimal("1e15") else None
