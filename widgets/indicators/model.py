"""The indicators that are watched and the signals that fired, as plain data and as tables."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from PyQt6.QtGui import QColor

from upbit_ws_qt import IndicatorEvent, IndicatorSignalEvent, IndicatorSpec, safe_text

from ..base.kst import kst_clock, kst_exact, kst_stamp
from ..base.price_format import brief_text, full_text
from ..base.tables import RowsModel
from ..base.text import mark, said, tr
from ..base.units import unit_text
from .choice import spec_text, trigger_text, word_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from upbit_ws_qt import Subscription

__all__ = ["FiredSignal", "SignalsModel", "Watch", "WatchesModel", "next_close_text", "values_of"]

MOST_POINTS = 500
MOST_SIGNALS = 200
_LONGEST = 40
_SECONDS = {"5m": 300, "15m": 900, "60m": 3600, "240m": 14_400, "1d": 86_400}


@dataclass(slots=True, eq=False)
class Watch:
    """An indicator or signal that is wanted.

    Attributes:
        spec: what; one with a trigger is a signal.
        timeframe: "5m", "15m", "60m", "240m" or "1d".
        subscription: None where the market has no indicators.
        points: (start of the candle in seconds, values by name), oldest first.
        refused: why the exchange does not serve it; empty where it does.
        fired: how often it fired, for a signal.
    """

    spec: IndicatorSpec
    timeframe: str
    subscription: Subscription | None = None
    points: deque[tuple[int, dict[str, Decimal]]] = field(default_factory=lambda: deque(maxlen=MOST_POINTS))
    refused: str = ""
    fired: int = 0

    def take(self, event: IndicatorEvent) -> None:
        """Note the values of a candle; a candle that comes again is corrected."""
        start = int(event.start.timestamp())
        if self.points and self.points[-1][0] == start:
            self.points.pop()
        if not self.points or self.points[-1][0] < start:
            self.points.append((start, values_of(event)))

    def forget(self) -> None:
        """Drop what belongs to the last market."""
        self.points.clear()
        self.refused = ""
        self.fired = 0


def values_of(event: IndicatorEvent | IndicatorSignalEvent) -> dict[str, Decimal]:
    """Return the values that an event carries, by name."""
    value = event.value
    return {name: found for name in value.__struct_fields__ if (found := getattr(value, name)) is not None}


def values_text(values: dict[str, Decimal]) -> str:
    """Return values in one line; the name is left out where there is only one."""
    if len(values) == 1:
        return brief_text(next(iter(values.values())))
    return " · ".join(f"{word_text(name)} {brief_text(value)}" for name, value in values.items())


def next_close_text(timeframe: str, now: float | None = None) -> str:
    """Return when the present candle closes, as Korean clock time."""
    seconds = _SECONDS.get(timeframe, 60)
    now = time.time() if now is None else now
    return kst_clock((int(now) // seconds + 1) * seconds * 1000)


class WatchesModel(RowsModel[Watch]):
    """One row per watch."""

    headings = (mark("Indicator"), mark("Time frame"), mark("Newest value"))
    bad = muted = QColor()

    def sort_key(self, row: Watch, column: int) -> Any:
        """Sort time frames by their length."""
        return _SECONDS.get(row.timeframe) if column == 1 else super().sort_key(row, column)

    def text(self, row: Watch, column: int) -> str:
        """Return what a cell shows."""
        if column == 0:
            return spec_text(row.spec)
        if column == 1:
            return unit_text(row.timeframe)
        if row.refused:
            return "✖ " + safe_text(said(row.refused), 120)
        if row.spec.trigger is not None:
            return tr("fired %n times", row.fired) if row.fired else tr("waiting")
        if row.points:
            return values_text(row.points[-1][1])
        return tr("first value at {time} KST", time=next_close_text(row.timeframe))

    def hint(self, row: Watch, column: int) -> str:
        """Say all digits, or all of what was refused."""
        if column != 2:
            return spec_text(row.spec) if column == 0 else ""
        newest = row.points[-1][1] if row.points else {}
        lines = [f"{word_text(name)} {full_text(value)}" for name, value in newest.items()]
        return safe_text(said(row.refused)) if row.refused else "\n".join(lines)

    def colour(self, row: Watch, column: int) -> QColor | None:
        """Return grey for what is still to come."""
        if column != 2:
            return None
        if row.refused:
            return self.bad
        return None if row.points or row.fired else self.muted


@dataclass(frozen=True, slots=True, eq=False)
class FiredSignal:
    """A condition that became true."""

    event: IndicatorSignalEvent

    def texts(self) -> Iterable[str]:
        """Return what the columns show."""
        event = self.event
        params = {
            name: value for name in event.params.__struct_fields__ if (value := getattr(event.params, name)) is not None
        }
        spec = IndicatorSpec.of(safe_text(event.indicator, _LONGEST), params)
        yield kst_stamp(event.timestamp)
        yield event.code
        yield f"{spec_text(spec)} · {unit_text(safe_text(event.timeframe, _LONGEST))}"
        yield "⚑ " + trigger_text(safe_text(event.trigger, _LONGEST))
        yield values_text(values_of(event))


class SignalsModel(RowsModel[FiredSignal]):
    """One row per signal, newest on top."""

    headings = (mark("Time"), mark("Market"), mark("Indicator"), mark("Condition"), mark("Value"))

    def take(self, event: IndicatorSignalEvent) -> None:
        """Note a signal."""
        self.replace([FiredSignal(event), *self.usual[: MOST_SIGNALS - 1]])

    def sort_key(self, row: FiredSignal, column: int) -> Any:
        """Sort by time as it is."""
        return row.event.timestamp if column == 0 else super().sort_key(row, column)

    def exact(self, row: FiredSignal, column: int) -> str | None:
        """Return the time with its date."""
        return kst_exact(row.event.timestamp) if column == 0 else None

    def largest_first(self, column: int) -> bool:
        """Begin with the newest."""
        return column == 0

    def text(self, row: FiredSignal, column: int) -> str:
        """Return what a cell shows."""
        return tuple(row.texts())[column]
