"""What indicators may be asked for, offered so that nothing invalid can be chosen; from the exchange's rules, no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from upbit_ws_qt import INDICATOR_RULES, TIMEFRAMES, IndicatorSpec

from ..base.text import mark, tr

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "FIRST_WATCHES",
    "Offer",
    "event_offers",
    "indicator_types",
    "offers",
    "param_offers",
    "spec_of",
    "spec_text",
    "trigger_text",
    "triggers_of",
    "type_text",
    "watch_from",
    "watch_to_plain",
    "word_text",
]

_TYPES = {
    "volume": mark("Trading volume"),
    "rsi": "RSI",
    "moving_average": mark("Moving average"),
    "ma_crossover": mark("Crossing averages"),
    "bollinger_bands": mark("Bollinger bands"),
    "macd": "MACD",
}
_TRIGGERS = {
    "volume_spike": mark("volume spike"),
    "overbought": mark("overbought"),
    "oversold": mark("oversold"),
    "price_cross_above": mark("price crosses above"),
    "price_cross_below": mark("price crosses below"),
    "golden_cross": mark("golden cross"),
    "dead_cross": mark("dead cross"),
    "zero_cross_above": mark("crosses zero upwards"),
    "zero_cross_below": mark("crosses zero downwards"),
}
_WORDS = {
    "period": mark("Period"),
    "type": mark("Average of"),
    "short_period": mark("Short period"),
    "long_period": mark("Long period"),
    "multiplier": mark("Multiplier"),
    "fast": mark("Fast"),
    "slow": mark("Slow"),
    "signal_period": mark("Signal"),
    "threshold": mark("Threshold"),
    "volume": mark("volume"),
    "avg_volume": mark("average volume"),
    "ratio": mark("ratio"),
    "value": mark("average"),
    "ma_short": mark("short"),
    "ma_long": mark("long"),
    "bb_upper": mark("upper"),
    "bb_middle": mark("middle"),
    "bb_lower": mark("lower"),
    "macd_signal": mark("signal line"),
    "histogram": mark("histogram"),
}


FIRST_WATCHES = ((IndicatorSpec.of("rsi", {"period": 14}), "5m"),)
"""What is watched where nobody has chosen yet, as (spec, time frame)."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One thing to choose: its name, what may be chosen, and what is."""

    name: str
    values: tuple[Any, ...]
    chosen: Any


def indicator_types() -> tuple[str, ...]:
    """Return the types that there are."""
    return tuple(INDICATOR_RULES)


def triggers_of(indicator: str) -> tuple[str, ...]:
    """Return the conditions that a type's signals have."""
    return tuple(INDICATOR_RULES[indicator].triggers)


def param_offers(indicator: str, wished: Mapping[str, Any], *, signal: bool) -> list[Offer]:
    """Return the parameters of a type; see offers."""
    rule = INDICATOR_RULES[indicator]
    return offers(rule.signal_params if signal else rule.params, wished)


def event_offers(indicator: str, trigger: str, wished: Mapping[str, Any]) -> list[Offer]:
    """Return the limits that a condition takes; see offers."""
    return offers((INDICATOR_RULES[indicator].triggers[trigger],), wished)


def offers(choices: Sequence[Mapping[str, tuple[Any, ...]]], wished: Mapping[str, Any]) -> list[Offer]:
    """Return, for each parameter in turn, the values that fit those chosen before it.

    Args:
        choices: each way to choose all parameters.
        wished: what somebody would like; what does not fit is replaced by the first value that does.
    """
    left = list(choices)
    found: list[Offer] = []
    for name in left[0] if left else ():
        values = tuple(dict.fromkeys(value for choice in left for value in choice[name]))
        chosen = wished[name] if wished.get(name) in values else values[0]
        found.append(Offer(name, values, chosen))
        left = [choice for choice in left if chosen in choice[name]]
    return found


def spec_of(
    indicator: str, params: Sequence[Offer], trigger: str | None = None, event_params: Sequence[Offer] = ()
) -> IndicatorSpec:
    """Return the wish for what was chosen."""
    return IndicatorSpec.of(
        indicator,
        {offer.name: offer.chosen for offer in params},
        trigger=trigger,
        event_params={offer.name: offer.chosen for offer in event_params},
    )


def watch_to_plain(spec: IndicatorSpec, timeframe: str) -> dict[str, Any]:
    """Return what can be written as JSON; numbers as they are shown."""
    plain: dict[str, Any] = {
        "type": spec.type,
        "timeframe": timeframe,
        "params": {name: _shown(value) for name, value in spec.params},
    }
    if spec.trigger is not None:
        plain |= {"trigger": spec.trigger, "limits": {name: _shown(value) for name, value in spec.event_params}}
    return plain


def watch_from(plain: object) -> tuple[IndicatorSpec, str] | None:
    """Read (spec, time frame) back; None for what the exchange would not serve. Never raises."""
    if not isinstance(plain, dict):
        return None
    indicator, timeframe, trigger = plain.get("type"), plain.get("timeframe"), plain.get("trigger")
    if not isinstance(indicator, str) or indicator not in INDICATOR_RULES or timeframe not in TIMEFRAMES:
        return None
    rule = INDICATOR_RULES[indicator]
    if trigger is not None and (not isinstance(trigger, str) or trigger not in rule.triggers):
        return None
    params = _exactly(rule.params if trigger is None else rule.signal_params, plain.get("params"))
    limits = [] if trigger is None else _exactly((rule.triggers[trigger],), plain.get("limits"))
    return None if params is None or limits is None else (spec_of(indicator, params, trigger, limits), timeframe)


def _exactly(choices: Sequence[Mapping[str, tuple[Any, ...]]], given: object) -> list[Offer] | None:
    """Return the choice of all parameters that is spelt in `given`; None where it is none of `choices`."""
    if not isinstance(given, dict):
        return None
    wished = {
        name: value
        for choice in choices
        for name, values in choice.items()
        for value in values
        if _shown(value) == given.get(name)
    }
    found = offers(choices, wished)
    return found if {offer.name: _shown(offer.chosen) for offer in found} == given else None


def type_text(indicator: str) -> str:
    """Return the name of a type in the language in force; one that is not known as it is."""
    return tr(_TYPES[indicator]) if indicator in _TYPES else indicator


def trigger_text(trigger: str) -> str:
    """Return a condition in the language in force."""
    return tr(_TRIGGERS[trigger]) if trigger in _TRIGGERS else trigger


def word_text(name: str) -> str:
    """Return the name of a parameter or value in the language in force."""
    return tr(_WORDS[name]) if name in _WORDS else name.upper()


def spec_text(spec: IndicatorSpec) -> str:
    """Return a wish in few words: "RSI 14", "Bollinger bands 20/2.0 · price crosses above"."""
    params = dict(spec.params)
    rule = INDICATOR_RULES.get(spec.type)
    order = rule.params[0] if rule is not None and params.keys() == rule.params[0].keys() else params
    words = [type_text(spec.type), "/".join(_shown(params[name]) for name in order)]
    if spec.trigger is not None:
        words += ["·", trigger_text(spec.trigger), "/".join(_shown(value) for _, value in spec.event_params)]
    return " ".join(word for word in words if word)


def _shown(value: object) -> str:
    return format(value, "f") if isinstance(value, Decimal) else str(value)
