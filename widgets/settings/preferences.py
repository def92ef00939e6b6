"""What the user chose in the settings dialog; kept as JSON, and clamped when read."""

from __future__ import annotations

import contextlib
import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from upbit_ws_qt import (
    MAX_COMBINATIONS,
    AlertKind,
    AlertLimits,
    ConfigurationError,
    DataFormat,
    IndependenceLevel,
    IndicatorSpec,
    is_market_code,
)

from ..base.countries import COUNTRIES, USUAL_COUNTRY
from ..base.exchange_choice import ExchangeChoice
from ..base.text import Language
from ..base.theme import MarketScheme, ThemeMode
from ..base.tokens import Density
from ..indicators.choice import FIRST_WATCHES, watch_from, watch_to_plain
from .quiet_hours import is_clock

if TYPE_CHECKING:
    from enum import StrEnum

__all__ = ["Preferences", "line_settings", "preferences_from", "preferences_to_plain"]

MOST_FAVOURITES = 500
_USUAL_LIMITS = AlertLimits()


@dataclass(frozen=True, slots=True)
class Preferences:
    """Every choice, with its default.

    Attributes:
        exchange: which one is shown where the command line names none.
        region: country of the real one.
        language: of the texts.
        theme: light or dark.
        scheme: colours of rising and falling prices.
        density: how much there is on a screen.
        reduce_motion: nothing flashes or slides.
        toast_fills: tell own fills.
        toast_lost: tell lost lines, and errors.
        toast_recovered: tell recovered lines.
        toast_signals: tell indicator signals.
        toast_alerts: tell alerts of the monitor.
        alerts_muted: kinds of alerts that make neither note nor sound; the monitor has them all the same.
        alert_sound: make a sound for those that are told.
        alarm_commands: alarms on markets may run the programs that they name.
        flight_recorder: the last ten minutes are always on disk.
        quiet_hours: make neither note nor sound for any of them from `quiet_from` until `quiet_until`.
        quiet_from: time of the day by the computer's clock, "22:00".
        quiet_until: likewise.
        alert_limits: from which figures on alerts are raised.
        data_format: how the exchange spells its frames.
        compression: permessage-deflate.
        independence: how much the lines are kept apart.
        favourites: market codes with a star.
        symbol: the market that was selected last.
        unit: of the chart.
        watches: the indicators and signals that are watched, as (spec, time frame).
    """

    exchange: ExchangeChoice = ExchangeChoice.ASK
    region: str = USUAL_COUNTRY
    language: Language = Language.SYSTEM
    theme: ThemeMode = ThemeMode.SYSTEM
    scheme: MarketScheme = MarketScheme.KOREAN
    density: Density = Density.NORMAL
    reduce_motion: bool = False
    toast_fills: bool = True
    toast_lost: bool = True
    toast_recovered: bool = True
    toast_signals: bool = True
    toast_alerts: bool = True
    # How the program itself does is in the monitor and in the log: no news for who trades.
    alerts_muted: tuple[str, ...] = ("memory", "backlog", "loop_lag")
    alert_sound: bool = False
    alarm_commands: bool = False
    flight_recorder: bool = True
    quiet_hours: bool = False
    quiet_from: str = "22:00"
    quiet_until: str = "07:00"
    alert_limits: AlertLimits = _USUAL_LIMITS
    data_format: DataFormat = DataFormat.AUTO
    compression: bool = True
    independence: IndependenceLevel = IndependenceLevel.ENHANCED
    favourites: tuple[str, ...] = ()
    symbol: str = "KRW-BTC"
    unit: str = "1m"
    watches: tuple[tuple[IndicatorSpec, str], ...] = FIRST_WATCHES


# The preferences that decide about a setting of the service, and that setting; the dialog has them on one page.
_LINE_SETTINGS = {
    "data_format": "data_format",
    "compression": "compression",
    "independence": "independence_level",
    "alert_limits": "alert_limits",
}
_CHOICES: dict[str, type[StrEnum]] = {
    "exchange": ExchangeChoice,
    "language": Language,
    "theme": ThemeMode,
    "scheme": MarketScheme,
    "density": Density,
    "data_format": DataFormat,
    "independence": IndependenceLevel,
}


def line_settings(preferences: Preferences) -> dict[str, Any]:
    """Return what the user chose for the connections, by the names that ServiceConfig has for it."""
    return {setting: getattr(preferences, name) for name, setting in _LINE_SETTINGS.items()}


def preferences_to_plain(preferences: Preferences) -> dict[str, Any]:
    """Return what can be written as JSON."""
    plain = {item.name: getattr(preferences, item.name) for item in dataclasses.fields(preferences)}
    plain["alert_limits"] = dataclasses.asdict(preferences.alert_limits)
    return plain | {"watches": [watch_to_plain(*watch) for watch in preferences.watches]}


def preferences_from(plain: dict[str, Any]) -> Preferences:
    """Read them back; whatever cannot be used is the default. Never raises."""
    values: dict[str, Any] = {}
    for item in dataclasses.fields(Preferences):
        value = plain.get(item.name)
        if item.name in _CHOICES:
            if value in tuple(_CHOICES[item.name]):
                values[item.name] = _CHOICES[item.name](value)
        elif item.name == "favourites":
            values[item.name] = _codes(value)
        elif item.name == "alerts_muted":
            if isinstance(value, list):
                values[item.name] = tuple(kind.value for kind in AlertKind if kind in value)
        elif item.name == "alert_limits":
            values[item.name] = _limits(value)
        elif item.name in ("quiet_from", "quiet_until"):
            values[item.name] = value if is_clock(value) else item.default
        elif item.name == "watches":
            values[item.name] = _watches(value)
        elif item.name == "region":
            values[item.name] = value if isinstance(value, str) and value in COUNTRIES else item.default
        elif item.name == "symbol":
            values[item.name] = value if _is_code(value) else item.default
        elif isinstance(value, type(item.default)) and (not isinstance(value, str) or len(value) <= 10):
            values[item.name] = value
    return Preferences(**values)


def _limits(value: object) -> AlertLimits:
    """Read each figure for itself: one that cannot be used is the usual one."""
    limits = _USUAL_LIMITS
    for item in dataclasses.fields(AlertLimits):
        figure: Any = value.get(item.name) if isinstance(value, dict) else None
        with contextlib.suppress(ConfigurationError):
            if type(figure) in (int, float):
                limits = dataclasses.replace(limits, **{item.name: figure})
    return limits


def _watches(value: object) -> tuple[tuple[IndicatorSpec, str], ...]:
    if not isinstance(value, list):
        return FIRST_WATCHES
    found = (watch_from(each) for each in value[:MAX_COMBINATIONS])
    return tuple(dict.fromkeys(each for each in found if each is not None))


def _codes(value: object) -> tuple[str, ...]:
    given = value[:MOST_FAVOURITES] if isinstance(value, list) else []
    return tuple(dict.fromkeys(code for code in given if _is_code(code)))


def _is_code(value: object) -> bool:
    return isinstance(value, str) and is_market_code(value)
