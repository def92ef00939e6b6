"""Which indicators, parameters and triggers can be asked for (protocol sheet "Indicators")."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TIMEFRAMES = frozenset({"5m", "15m", "60m", "240m", "1d"})
MOST_COMBINATIONS = 100
NUMERIC = ("period", "short_period", "long_period", "multiplier", "fast", "slow", "signal_period", "threshold")

# A parameter set is a tuple of (name, value) sorted by name; values are Decimal or str, so that 2, 2.0 and 2.00 agree.
Params = tuple[tuple[str, "Decimal | str"], ...]


def _params(**values: float | str) -> Params:
    return tuple(sorted((name, v if isinstance(v, str) else Decimal(str(v))) for name, v in values.items()))


def _periods(periods: Iterable[int]) -> frozenset[Params]:
    return frozenset(_params(period=period) for period in periods)


def _averages(periods: Iterable[int]) -> frozenset[Params]:
    return frozenset(_params(type=kind, period=period) for period in periods for kind in ("SMA", "EMA"))


_CROSSOVERS = frozenset(
    _params(type=kind, short_period=short, long_period=long)
    for short, long in ((5, 20), (20, 60), (30, 90), (50, 200))
    for kind in ("SMA", "EMA")
)
_MACDS = frozenset(
    _params(fast=fast, slow=slow, signal_period=signal) for fast, slow, signal in ((12, 26, 9), (8, 17, 9), (5, 35, 5))
)


def _bands(periods: Iterable[int], multipliers: Iterable[float]) -> frozenset[Params]:
    return frozenset(_params(period=period, multiplier=m) for period in periods for m in multipliers)


_PARAMS: dict[str, dict[str, frozenset[Params]]] = {
    "indicator": {
        "volume": _periods(range(5, 51, 5)),
        "rsi": _periods((*range(2, 15), 21, 25)),
        "moving_average": _averages((3, 5, 7, 10, 15, 20, 25, 30, 50, 60, 90, 99, 100, 120, 200)),
        "ma_crossover": _CROSSOVERS,
        "bollinger_bands": _bands((10, 20, 50), (1.0, 1.5, 2.0, 2.5, 3.0)),
        "macd": _MACDS,
    },
    "indicator_signal": {
        "volume": _periods((10, 20, 50)),
        "rsi": _periods((7, 9, 14, 21, 25)),
        "moving_average": _averages((5, 10, 20, 30, 60, 90, 120, 200)),
        "ma_crossover": _CROSSOVERS,
        "bollinger_bands": _bands((20,), (1.5, 2.0, 2.5)),
        "macd": _MACDS,
    },
}

_NO_PARAMS = frozenset({_params()})
_TRIGGERS: dict[str, dict[str, frozenset[Params]]] = {
    "volume": {"volume_spike": frozenset(_params(multiplier=m) for m in (2.0, 3.0, 5.0))},
    "rsi": {
        "overbought": frozenset(_params(threshold=t) for t in (70, 80)),
        "oversold": frozenset(_params(threshold=t) for t in (20, 30)),
    },
    "moving_average": {"price_cross_above": _NO_PARAMS, "price_cross_below": _NO_PARAMS},
    "ma_crossover": {"golden_cross": _NO_PARAMS, "dead_cross": _NO_PARAMS},
    "bollinger_bands": {"price_cross_above": _NO_PARAMS, "price_cross_below": _NO_PARAMS},
    "macd": dict.fromkeys(("golden_cross", "dead_cross", "zero_cross_above", "zero_cross_below"), _NO_PARAMS),
}


def canonical(params: Mapping[str, Any]) -> Params:
    """Return `params` sorted and with exact numbers, whatever their spelling.

    Raises:
        ValueError: If a value is neither a number nor a string.
    """
    values: list[tuple[str, Decimal | str]] = []
    for name, value in params.items():
        if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
            raise ValueError(f"{name} must be a number or a string")
        values.append((name, value if isinstance(value, str) else Decimal(value)))
    return tuple(sorted(values))


def is_known_indicator(stream: str, kind: str, params: Params) -> bool:
    """Tell whether `stream` (`indicator` or `indicator_signal`) serves this indicator with these parameters."""
    return params in _PARAMS[stream].get(kind, ())


def is_known_trigger(kind: str, trigger: str, event_params: Params) -> bool:
    """Tell whether indicator `kind` has this trigger with these event parameters."""
    return event_params in _TRIGGERS.get(kind, {}).get(trigger, ())
