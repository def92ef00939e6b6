"""What an alarm is: a condition on a market, how often it may fire, and by what it is told."""

from __future__ import annotations

import re
from decimal import Decimal  # noqa: TC003 - msgspec reads the types
from enum import StrEnum
from typing import TypeAlias

import msgspec

from ..formulas.catalog import FORMULAS

__all__ = [
    "BAR_SECONDS",
    "INDICATOR_UNITS",
    "MOST_ALARMS",
    "Alarm",
    "Condition",
    "Crossing",
    "DataLost",
    "DataSilent",
    "IndicatorLevel",
    "Keyword",
    "NewListing",
    "PriceChange",
    "PriceLevel",
    "Repeat",
    "SpreadWide",
    "VolumeSpike",
    "formula_lines",
]

MOST_ALARMS = 500
LONGEST_NOTE = 100
LONGEST_COMMAND = 500
LONGEST_WORDS = 200
_MARKET = re.compile(r"[A-Z0-9]{2,10}-[A-Z0-9]{1,20}")
_MOST_MINUTES = 24 * 60
BAR_SECONDS = {
    "1m": 60, "3m": 180, "5m": 300, "10m": 600, "15m": 900, "30m": 1800, "60m": 3600, "240m": 14_400, "days": 86_400,
}  # fmt: skip
"""The candles that "once per candle" counts, and how long each is; days begin at 09:00 in Korea."""
INDICATOR_UNITS = tuple(unit for unit in BAR_SECONDS if unit != "days")
"""The candles that the exchange sends live, on which indicators and volumes are watched."""


class Crossing(StrEnum):
    """Which way something goes."""

    UP = "up"
    DOWN = "down"
    EITHER = "either"


class Repeat(StrEnum):
    """How often an alarm may fire."""

    ONCE = "once"
    BAR = "bar"
    """At most once in each candle of the alarm's unit."""
    ALWAYS = "always"
    """Whenever it becomes true, and at most once a second."""


def _check(condition: bool, text: str) -> None:
    if not condition:
        raise ValueError(text)


class PriceLevel(msgspec.Struct, frozen=True, tag="price", tag_field="kind"):
    """The price reaches a level that it was below (UP) or above (DOWN)."""

    price: Decimal
    crossing: Crossing = Crossing.EITHER

    def __post_init__(self) -> None:
        _check(self.price.is_finite() and self.price > 0, "a price is above 0")


class PriceChange(msgspec.Struct, frozen=True, tag="change", tag_field="kind"):
    """The price is so many percent above its lowest, or below its highest, of so many minutes."""

    percent: Decimal
    minutes: int
    crossing: Crossing = Crossing.EITHER

    def __post_init__(self) -> None:
        _check(self.percent.is_finite() and 0 < self.percent <= 1000, "the percentage is above 0, and 1000 at most")
        _check(1 <= self.minutes <= _MOST_MINUTES, f"the minutes are 1 to {_MOST_MINUTES}")


class VolumeSpike(msgspec.Struct, frozen=True, tag="volume", tag_field="kind"):
    """The present candle's volume is so many times the mean of those before it."""

    times: Decimal
    candles: int = 20
    unit: str = "1m"

    def __post_init__(self) -> None:
        _check(self.times.is_finite() and 1 <= self.times <= 10_000, "the factor is 1 to 10000")
        _check(2 <= self.candles <= 200, "the candles are 2 to 200")
        _check(self.unit in INDICATOR_UNITS, f"{self.unit!r} is no unit of candles")


class SpreadWide(msgspec.Struct, frozen=True, tag="spread", tag_field="kind"):
    """The best ask is so many percent above the best bid."""

    percent: Decimal

    def __post_init__(self) -> None:
        _check(self.percent.is_finite() and 0 < self.percent <= 1000, "the percentage is above 0, and 1000 at most")


class IndicatorLevel(msgspec.Struct, frozen=True, tag="indicator", tag_field="kind"):
    """A line of an indicator goes above or below a level; or, without a level, the price does so of the line.

    Attributes:
        formula: its name in `formulas.catalog.FORMULAS`.
        values: of its parameters.
        line: the name of the line.
        crossing: UP or DOWN, or EITHER.
        level: None for the price.
        unit: of the candles.
        closed: whether only closed candles count; else the present one does too, which may turn back.
    """

    formula: str
    values: tuple[float, ...] = ()
    line: str = ""
    crossing: Crossing = Crossing.UP
    level: Decimal | None = None
    unit: str = "1m"
    closed: bool = True

    def __post_init__(self) -> None:
        _check(self.formula in FORMULAS, f"there is no indicator {self.formula[:40]!r}")
        _check(self.line in formula_lines(self.formula), f"{self.formula} has no line {self.line[:40]!r}")
        _check(self.level is None or self.level.is_finite(), "a level is a number")
        _check(self.unit in INDICATOR_UNITS, f"{self.unit!r} is no unit of candles")
        _check(len(self.values) <= 8, "an indicator has 8 parameters at most")


class NewListing(msgspec.Struct, frozen=True, tag="listing", tag_field="kind"):
    """A market is listed; of one quote currency ("KRW"), or of any ("")."""

    quote: str = ""

    def __post_init__(self) -> None:
        _check(len(self.quote) <= 10, "a currency has 10 letters at most")


class Keyword(msgspec.Struct, frozen=True, tag="announcement", tag_field="kind"):
    """An announcement has one of these words, parted by commas, in its title or text; capitals do not matter."""

    words: str

    def __post_init__(self) -> None:
        _check(bool(self.split()), "a word is wanted")
        _check(len(self.words) <= LONGEST_WORDS, f"the words are {LONGEST_WORDS} letters at most")

    def split(self) -> tuple[str, ...]:
        """Return the words."""
        return tuple(word for each in self.words.split(",") if (word := each.strip()))


class DataSilent(msgspec.Struct, frozen=True, tag="silent", tag_field="kind"):
    """For so many seconds the market's data have not been the present ones: its line is down, or it fell silent."""

    seconds: int

    def __post_init__(self) -> None:
        _check(1 <= self.seconds <= 86_400, "the seconds are 1 to 86400")


class DataLost(msgspec.Struct, frozen=True, tag="lost", tag_field="kind"):
    """Trades of the market were missed in an outage, and cannot be recovered."""


Condition: TypeAlias = (
    PriceLevel | PriceChange | VolumeSpike | SpreadWide | IndicatorLevel | NewListing | Keyword | DataSilent | DataLost
)


class Alarm(msgspec.Struct, frozen=True):
    """One alarm.

    Attributes:
        id: unique, and kept when the alarm is changed.
        condition: what has to happen.
        market: where; empty for NewListing and Keyword, which are about none.
        repeat: how often it may fire.
        unit: the candle of Repeat.BAR.
        on: whether it is watched; an alarm of Repeat.ONCE is off once it has fired.
        sound, note, system: by what it is told, beside the log: a sound, a note in the window, a message of the system.
        command: a program that is run, with its arguments; needs to be allowed apart from this.
        comment: of its owner.
    """

    id: str
    condition: Condition
    market: str = ""
    repeat: Repeat = Repeat.ONCE
    unit: str = "1m"
    on: bool = True
    sound: bool = True
    note: bool = True
    system: bool = False
    command: str = ""
    comment: str = ""

    def __post_init__(self) -> None:
        _check(0 < len(self.id) <= 64, "an alarm has an id")
        without = isinstance(self.condition, (NewListing, Keyword))
        _check(without is not bool(self.market), "a market is wanted, but for listings and announcements")
        _check(not self.market or _MARKET.fullmatch(self.market) is not None, "that is no market")
        _check(self.unit in BAR_SECONDS, f"{self.unit[:10]!r} is no unit of candles")
        _check(len(self.comment) <= LONGEST_NOTE, f"the comment is {LONGEST_NOTE} letters at most")
        _check(len(self.command) <= LONGEST_COMMAND, f"the command is {LONGEST_COMMAND} letters at most")


def formula_lines(name: str) -> tuple[str, ...]:
    """Return the lines of an indicator that can be watched: all that are known at their candle."""
    formula = FORMULAS.get(name)
    lines = () if formula is None else tuple(line.name for line in formula.lines)
    return tuple(line for line in lines if line != "lagging")  # the close of 25 candles later
