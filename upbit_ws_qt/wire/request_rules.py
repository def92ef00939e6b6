"""What the exchange accepts in a request, as data and as pure checks; anything may call them before asking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

from upbit_ws_qt.errors import SubscriptionError
from upbit_ws_qt.regions import REGIONS
from upbit_ws_qt.specs import IndicatorSpec, SubscriptionSpec
from upbit_ws_qt.text import Phrase
from upbit_ws_qt.types import FULL_DEPTH, ORDERBOOK_DEPTHS, DataType

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "INDICATOR_RULES",
    "MAX_COMBINATIONS",
    "TIMEFRAMES",
    "IndicatorRule",
    "canonical_indicator",
    "check_indicator",
    "check_spec",
    "count_combinations",
    "region_problem",
]

TIMEFRAMES: tuple[str, ...] = ("5m", "15m", "60m", "240m", "1d")
MAX_COMBINATIONS = 100
"""Indicators × codes in one request, over all its type objects."""

_DEPTHS_IN_WORDS = "an orderbook is {}, {}, {} or {} rows deep".format(*ORDERBOOK_DEPTHS)
# Far above every value of the table: int() of a Decimal such as 1E+999999999 would not end.
_LARGEST_PARAM = 1_000_000

Choice: TypeAlias = Mapping[str, tuple[Any, ...]]
"""Parameter -> its allowed values; one line of the protocol's table."""


@dataclass(frozen=True, slots=True)
class IndicatorRule:
    """What an indicator takes.

    Attributes:
        params: for `indicator`: each way to choose all its parameters.
        signal_params: the same for `indicator_signal`.
        triggers: of `indicator_signal`: name -> the event_params it takes, empty for none.
    """

    params: tuple[Choice, ...]
    signal_params: tuple[Choice, ...]
    triggers: Mapping[str, Choice] = field(default_factory=dict)


def _numbers(*texts: str) -> tuple[Decimal, ...]:
    return tuple(Decimal(text) for text in texts)


_AVERAGES = ("SMA", "EMA")
_CROSSOVERS: tuple[Choice, ...] = tuple(
    {"type": _AVERAGES, "short_period": (short,), "long_period": (long,)}
    for short, long in ((5, 20), (20, 60), (30, 90), (50, 200))
)
_MACDS: tuple[Choice, ...] = tuple(
    {"fast": (fast,), "slow": (slow,), "signal_period": (signal,)}
    for fast, slow, signal in ((12, 26, 9), (8, 17, 9), (5, 35, 5))
)

# Protocol sheet, "Indicators (INFO)".
INDICATOR_RULES: Mapping[str, IndicatorRule] = MappingProxyType(
    {
        "volume": IndicatorRule(
            ({"period": tuple(range(5, 51, 5))},),
            ({"period": (10, 20, 50)},),
            {"volume_spike": {"multiplier": _numbers("2.0", "3.0", "5.0")}},
        ),
        "rsi": IndicatorRule(
            ({"period": (*range(2, 15), 21, 25)},),
            ({"period": (7, 9, 14, 21, 25)},),
            {"overbought": {"threshold": (70, 80)}, "oversold": {"threshold": (20, 30)}},
        ),
        "moving_average": IndicatorRule(
            ({"type": _AVERAGES, "period": (3, 5, 7, 10, 15, 20, 25, 30, 50, 60, 90, 99, 100, 120, 200)},),
            ({"type": _AVERAGES, "period": (5, 10, 20, 30, 60, 90, 120, 200)},),
            {"price_cross_above": {}, "price_cross_below": {}},
        ),
        "ma_crossover": IndicatorRule(_CROSSOVERS, _CROSSOVERS, {"golden_cross": {}, "dead_cross": {}}),
        "bollinger_bands": IndicatorRule(
            ({"period": (10, 20, 50), "multiplier": _numbers("1.0", "1.5", "2.0", "2.5", "3.0")},),
            ({"period": (20,), "multiplier": _numbers("1.5", "2.0", "2.5")},),
            {"price_cross_above": {}, "price_cross_below": {}},
        ),
        "macd": IndicatorRule(
            _MACDS,
            _MACDS,
            {"golden_cross": {}, "dead_cross": {}, "zero_cross_above": {}, "zero_cross_below": {}},
        ),
    }
)


def check_spec(spec: SubscriptionSpec, index: int | None = None, *, region: str = "kr") -> None:
    """Raise SubscriptionError, naming the spec and the reason, for what the exchange would refuse or leave unserved.

    Args:
        spec: what is wanted.
        index: its place in the list it came from, for the error.
        region: of the exchange, see ServiceConfig.region.
    """
    problem = region_problem(spec, region) or _problem(spec)
    if problem is not None:
        raise SubscriptionError(problem, spec=spec, index=index, codes=spec.symbols)


def region_problem(spec: SubscriptionSpec, region: str) -> str | None:
    """Return what a region's exchange lacks of what is wanted, None where it has it all."""
    offer = REGIONS[region]
    if spec.data_type.is_indicator and not offer.has_info:
        return Phrase("the exchange of this region ({region}) has no indicators", region=region)
    if spec.data_type is DataType.ANNOUNCEMENT and not offer.has_announcement:
        return Phrase("the exchange of this region ({region}) has no announcements", region=region)
    if spec.level and not offer.has_levels:
        return Phrase("the exchange of this region ({region}) does not group order books", region=region)
    return None


def check_indicator(entry: IndicatorSpec, *, signal: bool) -> str | None:
    """Return what is wrong with an entry of `indicators`, None where nothing is."""
    rule = INDICATOR_RULES.get(entry.type)
    if rule is None:
        return f"unknown indicator {entry.type!r:.60}; expected one of {', '.join(INDICATOR_RULES)}"
    choices = rule.signal_params if signal else rule.params
    if not any(_fits(dict(entry.params), choice) for choice in choices):
        return f"{entry.type} does not take params {dict(entry.params)!r:.120}; allowed: {_shown(choices)}"
    if not signal:
        given = entry.trigger is not None or entry.event_params
        return "a trigger belongs to indicator_signal only" if given else None
    limits = rule.triggers.get(entry.trigger or "")
    if limits is None:
        return f"{entry.type} has no trigger {entry.trigger!r:.60}; expected one of {', '.join(rule.triggers)}"
    if not _fits(dict(entry.event_params), limits):
        wrong = f"{dict(entry.event_params)!r:.120}"
        return f"{entry.trigger} does not take event_params {wrong}; allowed: {_shown((limits,))}"
    return None


def canonical_indicator(entry: IndicatorSpec) -> IndicatorSpec:
    """Return the entry with its numbers in one spelling: for the exchange 2, 2.0 and 2.00 are the same."""
    return IndicatorSpec(entry.type, _canonical(entry.params), entry.trigger, _canonical(entry.event_params))


def count_combinations(specs: Iterable[SubscriptionSpec]) -> int:
    """Return how many of the 100 indicator combinations one request for all of `specs` would use."""
    return len(
        {
            (spec.data_type, spec.timeframe, code, canonical_indicator(entry))
            for spec in specs
            for code in spec.symbols
            for entry in spec.indicators
        }
    )


# The exchange answers a wrong request with one word and closes the connection, for everybody who shares it. So what it
# would refuse is found before, and said in words to the one who asked for it.
def _problem(spec: SubscriptionSpec) -> str | None:
    for check in (_codes_problem, _flags_problem, _orderbook_problem, _announcement_problem, _indicator_problem):
        problem = check(spec)
        if problem is not None:
            return problem
    return None


def _codes_problem(spec: SubscriptionSpec) -> str | None:
    name = spec.data_type.value
    if spec.symbols and not spec.data_type.takes_codes:
        return f"{name} takes no codes"
    if not spec.symbols and spec.data_type.needs_codes:
        return f"{name} needs at least one code"
    if spec.data_type is not DataType.ORDERBOOK:
        suffixed = [code for code in spec.symbols if "." in code]
        return f"{suffixed[0]}: a depth suffix belongs to orderbook only" if suffixed else None
    for code in spec.symbols:
        suffix = code.partition(".")[2]
        if suffix and suffix not in map(str, ORDERBOOK_DEPTHS):
            return f"{code}: {_DEPTHS_IN_WORDS}"
    return None


def _flags_problem(spec: SubscriptionSpec) -> str | None:
    if spec.only_snapshot and spec.only_realtime:
        return "only_snapshot and only_realtime exclude each other"
    if (spec.only_snapshot or spec.only_realtime) and not spec.data_type.has_snapshot:
        return f"{spec.data_type.value} has neither snapshots nor flags for them"
    return None


def _orderbook_problem(spec: SubscriptionSpec) -> str | None:
    if spec.data_type is not DataType.ORDERBOOK:
        return "level and depth belong to orderbook only" if spec.level or spec.depth != FULL_DEPTH else None
    if spec.depth not in ORDERBOOK_DEPTHS:
        return f"depth {spec.depth!r:.20}: {_DEPTHS_IN_WORDS}"
    if spec.level:
        foreign = [code for code in spec.symbols if not code.startswith("KRW-")]
        if foreign:
            return f"{foreign[0]}: only KRW markets have levels"
    return None


def _announcement_problem(spec: SubscriptionSpec) -> str | None:
    if spec.data_type is not DataType.ANNOUNCEMENT:
        asked = spec.categories or spec.include_body
        return "categories and include_body belong to announcement only" if asked else None
    if not all(spec.categories):
        return "a category is a word such as 'notice'"
    return None


def _indicator_problem(spec: SubscriptionSpec) -> str | None:
    if not spec.data_type.is_indicator:
        asked = spec.timeframe is not None or spec.indicators
        return "timeframe and indicators belong to indicator and indicator_signal only" if asked else None
    if spec.timeframe not in TIMEFRAMES:
        return f"timeframe {spec.timeframe!r:.20}: expected one of {', '.join(TIMEFRAMES)}"
    foreign = [code for code in spec.symbols if not code.startswith("KRW-")]
    if foreign:
        return f"{foreign[0]}: only KRW markets have indicators"
    if not spec.indicators:
        return f"{spec.data_type.value} needs at least one indicator"
    for entry in spec.indicators:
        problem = check_indicator(entry, signal=spec.data_type is DataType.INDICATOR_SIGNAL)
        if problem is not None:
            return problem
    used = count_combinations([spec])
    return f"{used} indicator combinations; at most {MAX_COMBINATIONS}" if used > MAX_COMBINATIONS else None


def _fits(params: Mapping[str, Any], choice: Choice) -> bool:
    return params.keys() == choice.keys() and all(_allowed(params[name], choice[name]) for name in choice)


def _allowed(value: Any, values: tuple[Any, ...]) -> bool:
    return _plain(value) in [_plain(other) for other in values]


def _plain(value: Any) -> Any:
    """Return a number as the int or Decimal it equals; anything else as (type name, itself), so that True is not 1."""
    if isinstance(value, float):
        value = Decimal(str(value))
    if isinstance(value, Decimal):
        return int(value) if value.is_finite() and abs(value) < _LARGEST_PARAM and value == int(value) else value
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return value if isinstance(value, str) else (type(value).__name__, str(value))


def _canonical(params: tuple[tuple[str, Any], ...]) -> tuple[tuple[str, Any], ...]:
    return tuple((name, _plain(value)) for name, value in sorted(params, key=lambda pair: pair[0]))


def _shown(choices: tuple[Choice, ...]) -> str:
    return " or ".join(
        ", ".join(f"{name} {'/'.join(map(str, values))}" for name, values in choice.items()) or "none"
        for choice in choices
    )
