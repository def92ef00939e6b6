"""What alarms, their conditions and their firings are called, in the language in force."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from ..alarm_rules.rules import (
    Crossing,
    DataLost,
    DataSilent,
    IndicatorLevel,
    Keyword,
    NewListing,
    PriceChange,
    PriceLevel,
    Repeat,
    SpreadWide,
    VolumeSpike,
)
from ..alarm_rules.seen import Basis
from ..base.kst import kst_stamp
from ..base.price_format import brief_text, price_text
from ..base.text import mark, tr
from ..base.units import unit_text
from ..chart.choice import ChosenFormula
from ..chart.words import line_text
from .keeper import AlarmStanding

if TYPE_CHECKING:
    from ..alarm_rules.rules import Alarm
    from ..alarm_rules.watch import Firing

__all__ = [
    "KINDS",
    "basis_text",
    "condition_text",
    "crossing_text",
    "firing_text",
    "kind_text",
    "repeat_text",
    "standing_text",
]

KINDS: dict[type, str] = {
    PriceLevel: mark("Price reaches a level"),
    PriceChange: mark("Price changes within minutes"),
    VolumeSpike: mark("Volume spike"),
    SpreadWide: mark("Spread is wide"),
    IndicatorLevel: mark("Indicator"),
    NewListing: mark("New listing"),
    Keyword: mark("Word in an announcement"),
    DataSilent: mark("Data stop coming"),
    DataLost: mark("Trades are lost for good"),
}
"""The kinds of conditions, in the order in which they are offered."""
_CROSSINGS = {
    Crossing.EITHER: mark("up or down"),
    Crossing.UP: mark("up"),
    Crossing.DOWN: mark("down"),
}
_REPEATS = {
    Repeat.ONCE: mark("once"),
    Repeat.BAR: mark("once per candle"),
    Repeat.ALWAYS: mark("each time"),
}
_BASES = {
    Basis.LIVE: mark("live data"),
    Basis.LATE: mark("late data: the exchange's own time is older"),
    Basis.RECOVERED: mark("recovered data: they were missed, and asked for afterwards"),
    Basis.GAP: mark("over an outage: it happened while the data did not come"),
    Basis.START: mark("since last time: it happened while the program did not run"),
}
_STANDINGS = {
    AlarmStanding.OFF: mark("off"),
    AlarmStanding.DONE: mark("has fired"),
    AlarmStanding.WAITING: mark("waits for data"),
    AlarmStanding.WATCHING: mark("watches"),
    AlarmStanding.BLIND: mark("sees nothing now"),
    AlarmStanding.UNSERVED: mark("not served"),
    AlarmStanding.NO_KEY: mark("needs a key"),
}


def kind_text(kind: type) -> str:
    """Return the name of a kind of condition."""
    return tr(KINDS[kind])


def crossing_text(crossing: Crossing) -> str:
    """Return the name of a direction."""
    return tr(_CROSSINGS[crossing])


def repeat_text(repeat: Repeat, unit: str = "") -> str:
    """Return how often an alarm fires; with the unit of the candle where that decides."""
    text = tr(_REPEATS[repeat])
    return f"{text} ({unit_text(unit)})" if repeat is Repeat.BAR and unit else text


def basis_text(basis: Basis) -> str:
    """Return what a firing rests on."""
    return tr(_BASES[basis])


def standing_text(standing: AlarmStanding) -> str:
    """Return how it stands with an alarm."""
    return tr(_STANDINGS[standing])


def indicator_text(condition: IndicatorLevel) -> str:
    """Return the line of an indicator: "RSI 14", "MACD 12 26 9 · Signal"."""
    chosen = ChosenFormula.usual(condition.formula, *condition.values)
    many = len(chosen.formula.lines) > 1
    return chosen.title + (f" · {line_text(condition.line)}" if many else "")


def condition_text(alarm: Alarm) -> str:
    """Return a condition in a few words."""
    condition, market = alarm.condition, alarm.market
    match condition:
        case PriceLevel():
            way = "" if condition.crossing is Crossing.EITHER else f" ({crossing_text(condition.crossing)})"
            return tr("price reaches {price}", price=price_text(market, condition.price)) + way
        case PriceChange():
            way = crossing_text(condition.crossing)
            return tr("{percent} % {way} within {minutes} min",
                      percent=_brief(condition.percent), way=way, minutes=condition.minutes)  # fmt: skip
        case VolumeSpike():
            return tr("volume of {unit} at {times} times the mean of {candles}",
                      unit=unit_text(condition.unit), times=_brief(condition.times),
                      candles=condition.candles)  # fmt: skip
        case SpreadWide():
            return tr("spread of {percent} % or more", percent=_brief(condition.percent))
        case IndicatorLevel():
            return _indicator_condition(condition)
        case NewListing():
            quote = condition.quote
            return tr("new market in {currency}", currency=quote) if quote else tr("new market")
        case Keyword():
            return tr("announcement with “{words}”", words=", ".join(condition.split()))
        case DataSilent():
            return tr("no present data for {seconds} s", seconds=condition.seconds)
        case DataLost():
            return tr("trades are lost for good")


def _indicator_condition(condition: IndicatorLevel) -> str:
    line, unit = indicator_text(condition), unit_text(condition.unit)
    way = crossing_text(condition.crossing)
    if condition.level is None:
        text = tr("price crosses {line} {way} ({unit})", line=line, way=way, unit=unit)
    else:
        text = tr("{line} crosses {level} {way} ({unit})",
                  line=line, level=_brief(condition.level), way=way, unit=unit)  # fmt: skip
    return text if condition.closed else text + " · " + tr("the present candle too")


def firing_text(firing: Firing) -> str:
    """Return what has happened, with the values, in one line; without what it rests on."""
    told = _happened(firing)
    return f"{firing.market}: {told}" if firing.market else told


def _happened(firing: Firing) -> str:
    condition, market, values = firing.condition, firing.market, firing.values
    price, before = (price_text(market, _decimal(values.get(name))) for name in ("price", "before"))
    way = crossing_text(Crossing(values["way"])) if values.get("way") in tuple(Crossing) else ""
    match condition:
        case PriceLevel():
            level = price_text(market, condition.price)
            return tr("price {price} has reached {level} ({way}, before {before})",
                      price=price, level=level, way=way, before=before)  # fmt: skip
        case PriceChange():
            return tr("price {price}, {percent} % in {seconds} s (from {before})",
                      price=price, percent=values.get("percent", ""), seconds=values.get("seconds", ""),
                      before=before)  # fmt: skip
        case VolumeSpike():
            return tr("volume of {unit} {volume}, {times} times the mean {mean}",
                      unit=unit_text(condition.unit), volume=_brief_value(values, "volume"),
                      times=values.get("times", ""), mean=_brief_value(values, "mean"))  # fmt: skip
        case SpreadWide():
            bid, ask = (price_text(market, _decimal(values.get(name))) for name in ("bid", "ask"))
            return tr("spread {spread} % ({bid} – {ask})", spread=values.get("spread", ""), bid=bid, ask=ask)
        case IndicatorLevel():
            start = values.get("candle", "")
            candle = kst_stamp(int(start) * 1000) if start.isdecimal() and len(start) < 12 else start
            return tr("{condition}: {line} {value}, price {price}, candle of {candle}",
                      condition=_indicator_condition(condition), line=indicator_text(condition),
                      value=_brief_value(values, "value"), price=price, candle=candle)  # fmt: skip
        case NewListing():
            return tr("new market: {markets}", markets=values.get("markets", ""))
        case Keyword():
            return tr("announcement with “{words}”: {title}",
                      words=values.get("words", ""), title=values.get("title", ""))  # fmt: skip
        case DataSilent():
            return tr("no present data for {seconds} s", seconds=values.get("seconds", ""))
        case DataLost():
            return tr("{trades} trades are lost for good ({reason})",
                      trades=values.get("trades", ""), reason=values.get("reason", ""))  # fmt: skip


def _brief(number: Decimal) -> str:
    return format(number.normalize(), "f")


def _brief_value(values: dict[str, str], name: str) -> str:
    return brief_text(_decimal(values.get(name)))


def _decimal(text: str | None) -> Decimal | None:
    try:
        number = Decimal(text or "")
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
