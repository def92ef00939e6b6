"""Which formulas there are: their parameters, what they draw and where, and how they are reckoned.

TA-Lib does the sums, so that a value here is the value that other programs show; the day's VWAP and the shifts of
Ichimoku it has not. Each value depends on its candle and those before it: a closed candle's never changes while newer
ones come. (Where a formula remembers all of the past, such as an EMA, older history that is loaded later does change
it, a little.)
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from .candles import Column, Columns

__all__ = ["FORMULAS", "Curve", "Formula", "Line", "Parameter", "Place", "Style", "curves_of"]

_DAY = 86_400
_KST_SECONDS = 9 * 3600


class Place(StrEnum):
    """Where a formula is drawn."""

    PRICE = "price"
    """Over the candles: its values are prices."""
    VOLUME = "volume"
    """Over the columns of the volume."""
    OWN = "own"
    """In a pane of its own."""


class Style(StrEnum):
    """How one of its lines is drawn."""

    LINE = "line"
    DOTS = "dots"
    COLUMNS = "columns"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number that one may choose.

    Attributes:
        name: the key of its word.
        usual: what it is at first.
        least, most: what it may be.
        whole: whether it has no decimals.
    """

    name: str
    usual: float
    least: float
    most: float
    whole: bool = True

    def clamped(self, value: float) -> float:
        """Return the nearest value that is allowed; the usual one for what is no number."""
        if not np.isfinite(value):
            return self.usual
        near = min(max(value, self.least), self.most)
        return float(round(near)) if self.whole else near


@dataclass(frozen=True, slots=True)
class Line:
    """One of the lines of a formula; `colour` is the number of the colour that it has at first."""

    name: str
    colour: int
    style: Style = Style.LINE


class Curve(NamedTuple):
    """The values of a line, one for each candle, NaN where there is none yet.

    Attributes:
        values: as many as there are candles.
        shift: by how many candles later (or, negative, earlier) than its own a value is drawn.
    """

    values: Column
    shift: int = 0


@dataclass(frozen=True, slots=True)
class Formula:
    """One formula.

    Attributes:
        name: what files know it by.
        brief: what charts call it in every language.
        place: where it is drawn.
        parameters: in the order of the values that `curves_of` takes.
        lines: as many as `reckon` returns.
        levels: values that are marked by a line across.
        cloud: the names of two lines with the same shift between which is filled, in the colour of rising prices where
            the first is above; None for no such thing.
        reckon: from candles and parameters to its curves.
    """

    name: str
    brief: str
    place: Place
    parameters: tuple[Parameter, ...]
    lines: tuple[Line, ...]
    reckon: Callable[[Columns, Sequence[float]], tuple[Curve, ...]]
    levels: tuple[float, ...] = ()
    cloud: tuple[str, str] | None = None

    def allowed(self, values: Sequence[float]) -> tuple[float, ...]:
        """Return parameters as near to `values` as is allowed; the usual ones where there are too few."""
        given = [*values[: len(self.parameters)]]
        given += [each.usual for each in self.parameters[len(given) :]]
        return tuple(each.clamped(value) for each, value in zip(self.parameters, given, strict=True))


def curves_of(formula: Formula, columns: Columns, values: Sequence[float]) -> tuple[Curve, ...]:
    """Return the curves of a formula over candles; NaN alone where there are too few of them.

    Example:
        >>> from upbit_ws_qt.widgets.formulas.candles import Columns
        >>> columns = Columns.of(np.arange(3), np.array([[1.0, 2.0, 3.0]] * 5))
        >>> [average] = curves_of(FORMULAS["sma"], columns, (2,))
        >>> average.values.tolist()
        [nan, 1.5, 2.5]
    """
    if not len(columns):
        return tuple(Curve(np.empty(0)) for _ in formula.lines)
    return formula.reckon(columns, formula.allowed(values))


# TA-Lib is loaded by the first formula: that takes 50 ms, which a chart without any need not pay.
def _average(function: str) -> Callable[[Columns, Sequence[float]], tuple[Curve, ...]]:
    def reckon(columns: Columns, values: Sequence[float]) -> tuple[Curve, ...]:
        import talib

        return (Curve(getattr(talib, function)(columns.close, int(values[0]))),)

    return reckon


def _bollinger(columns: Columns, values: Sequence[float]) -> tuple[Curve, ...]:
    import talib

    period, width = int(values[0]), values[1]
    return tuple(Curve(each) for each in talib.BBANDS(columns.close, period, width, width))


def _ichimoku(columns: Columns, values: Sequence[float]) -> tuple[Curve, ...]:
    import talib

    short, middle, long = (int(each) for each in values)
    conversion = talib.MIDPRICE(columns.high, columns.low, short)
    base = talib.MIDPRICE(columns.high, columns.low, middle)
    far = talib.MIDPRICE(columns.high, columns.low, long)
    # The present candle counts as the first of the shift, as in Hosoda's own charts and at the exchanges.
    ahead = middle - 1
    return (
        Curve(conversion),
        Curve(base),
        Curve((conversion + base) / 2, ahead),
        Curve(far, ahead),
        Curve(columns.close.copy(), -ahead),
    )


def _day_vwap(columns: Columns, _values: Sequence[float]) -> tuple[Curve, ...]:
    """Return the mean price of what was traded since the day began in Korea."""
    return _vwap_of(columns, (columns.start + _KST_SECONDS) // _DAY)


def _session_vwap(columns: Columns, values: Sequence[float]) -> tuple[Curve, ...]:
    """Return the same of sessions of so many hours, the first of which begins with the day in Korea."""
    days, seconds = np.divmod(columns.start + _KST_SECONDS, _DAY)
    return _vwap_of(columns, days * 24 + seconds // int(values[0] * 3600))


def _vwap_of(columns: Columns, spans: NDArray[np.int64]) -> tuple[Curve, ...]:
    """Return the mean price of what was traded since a span began; `spans` has a number for each candle's."""
    typical = (columns.high + columns.low + columns.close) / 3
    begins = np.flatnonzero(np.diff(spans, prepend=spans[0] - 1))
    if len(begins) == len(spans):  # each candle is a span of its own
        return (Curve(np.divide(typical * columns.volume, columns.volume, out=typical, where=columns.volume > 0)),)
    money, volume = typical * columns.volume, columns.volume
    found = np.empty_like(typical)
    for begin, end in zip(begins, [*begins[1:], len(spans)], strict=True):
        traded = np.cumsum(volume[begin:end])
        paid = np.cumsum(money[begin:end])
        found[begin:end] = np.divide(paid, traded, out=typical[begin:end].copy(), where=traded > 0)
    return (Curve(found),)


def _parabolic(columns: Columns, values: Sequence[float]) -> tuple[Curve, ...]:
    import talib

    return (Curve(talib.SAR(columns.high, columns.low, values[0], max(values))),)


def _donchian(columns: Columns, values: Sequence[float]) -> tuple[Curve, ...]:
    import talib

    return tuple(Curve(each) for each in talib.DONCHIAN(columns.high, columns.low, int(values[0])))


def _supertrend(columns: Columns, values: Sequence[float]) -> tuple[Curve, ...]:
    """Return two lines, of which at each candle one has a value: below a rising trend, or above a falling one."""
    import talib

    trend, direction = talib.SUPERTREND(columns.high, columns.low, columns.close, int(values[0]), values[1])
    return Curve(np.where(direction > 0, trend, np.nan)), Curve(np.where(direction < 0, trend, np.nan))


def _rsi(columns: Columns, values: Sequence[float]) -> tuple[Curve, ...]:
    import talib

    return (Curve(talib.RSI(columns.close, int(values[0]))),)


def _macd(columns: Columns, values: Sequence[float]) -> tuple[Curve, ...]:
    import talib

    fast, slow, signal = (int(each) for each in values)
    line, average, difference = talib.MACD(columns.close, fast, slow, signal)
    return Curve(difference), Curve(line), Curve(average)


def _stochastic(columns: Columns, values: Sequence[float]) -> tuple[Curve, ...]:
    import talib

    length, slow, signal = (int(each) for each in values)
    found = talib.STOCH(columns.high, columns.low, columns.close, length, slow, slowd_period=signal)
    return tuple(Curve(each) for each in found)


def _of_range(function: str) -> Callable[[Columns, Sequence[float]], tuple[Curve, ...]]:
    def reckon(columns: Columns, values: Sequence[float]) -> tuple[Curve, ...]:
        import talib

        found = getattr(talib, function)(columns.high, columns.low, columns.close, int(values[0]))
        return (Curve(found),)

    return reckon


def _obv(columns: Columns, _values: Sequence[float]) -> tuple[Curve, ...]:
    import talib

    return (Curve(talib.OBV(columns.close, columns.volume)),)


def _volume_average(columns: Columns, values: Sequence[float]) -> tuple[Curve, ...]:
    import talib

    return (Curve(talib.SMA(columns.volume, int(values[0]))),)


def _period(usual: int, least: int = 2) -> Parameter:
    return Parameter("period", usual, least, 500)


_ALL = (
    Formula("sma", "MA", Place.PRICE, (_period(20),), (Line("average", 0),), _average("SMA")),
    Formula("ema", "EMA", Place.PRICE, (_period(20),), (Line("average", 1),), _average("EMA")),
    Formula("wma", "WMA", Place.PRICE, (_period(20),), (Line("average", 2),), _average("WMA")),
    Formula(
        "bollinger", "BB", Place.PRICE, (_period(20), Parameter("deviations", 2.0, 0.1, 10.0, whole=False)),
        (Line("upper", 3), Line("middle", 0), Line("lower", 3)), _bollinger,
    ),
    Formula(
        "ichimoku", "Ichimoku", Place.PRICE,
        (Parameter("short", 9, 2, 500), Parameter("middle", 26, 2, 500), Parameter("long", 52, 2, 500)),
        (Line("conversion", 1), Line("base", 4), Line("span_a", 2), Line("span_b", 5), Line("lagging", 6)), _ichimoku,
        cloud=("span_a", "span_b"),
    ),
    Formula("vwap", "VWAP", Place.PRICE, (), (Line("average", 4),), _day_vwap),
    Formula(
        "session_vwap", "VWAP h", Place.PRICE, (Parameter("hours", 8, 1, 24),), (Line("average", 1),), _session_vwap
    ),
    Formula(
        "sar", "SAR", Place.PRICE,
        (Parameter("step", 0.02, 0.001, 1.0, whole=False), Parameter("limit", 0.2, 0.001, 5.0, whole=False)),
        (Line("stop", 5, Style.DOTS),), _parabolic,
    ),
    Formula(
        "donchian", "DC", Place.PRICE, (_period(20),),
        (Line("upper", 2), Line("middle", 6), Line("lower", 2)), _donchian,
    ),
    Formula(
        "supertrend", "SuperTrend", Place.PRICE,
        (_period(10), Parameter("multiplier", 3.0, 0.1, 20.0, whole=False)),
        (Line("rising", 2), Line("falling", 5)), _supertrend,
    ),
    Formula("volume_average", "MA", Place.VOLUME, (_period(20),), (Line("average", 0),), _volume_average),
    Formula("rsi", "RSI", Place.OWN, (_period(14),), (Line("value", 3),), _rsi, (30.0, 70.0)),
    Formula(
        "macd", "MACD", Place.OWN,
        (Parameter("fast", 12, 2, 500), Parameter("slow", 26, 2, 500), Parameter("signal", 9, 1, 500)),
        (Line("difference", 6, Style.COLUMNS), Line("value", 1), Line("signal", 0)), _macd, (0.0,),
    ),
    Formula(
        "stochastic", "Stoch", Place.OWN,
        (Parameter("length", 14, 1, 500), Parameter("slow", 3, 1, 500), Parameter("signal", 3, 1, 500)),
        (Line("k", 1), Line("d", 0)), _stochastic, (20.0, 80.0),
    ),
    Formula("atr", "ATR", Place.OWN, (_period(14, 1),), (Line("value", 4),), _of_range("ATR")),
    Formula("obv", "OBV", Place.OWN, (), (Line("value", 2),), _obv),
    Formula("cci", "CCI", Place.OWN, (_period(20),), (Line("value", 5),), _of_range("CCI"), (-100.0, 100.0)),
)  # fmt: skip

FORMULAS: Mapping[str, Formula] = {each.name: each for each in _ALL}
"""By the name that files know them by, in the order in which they are offered."""
