"""Indicators and signals that somebody watches, worked out whenever a candle closes."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from upbit_ws_qt.exchange.private_messages import IndicatorChange

from .candles import DAY_MS, MINUTE_MS
from .formulas import KINDS, exact, holds, rounded
from .numbers import from_units

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from upbit_ws_qt.exchange.messages import CandleValues, Change
    from upbit_ws_qt.exchange.private_messages import Number

TIMEFRAMES = {"5m": 5 * MINUTE_MS, "15m": 15 * MINUTE_MS, "60m": 60 * MINUTE_MS, "240m": 240 * MINUTE_MS, "1d": DAY_MS}
WINDOW = 400  # closed candles an indicator is computed over; twice the longest average
_ORDER = ("period", "type", "short_period", "long_period", "multiplier", "fast", "slow", "signal_period", "threshold")

Params = tuple[tuple[str, Decimal | str], ...]


class CandleSource(Protocol):
    """Where closed candles come from."""

    def closed_candles(self, code: str, timeframe: str, count: int, before_ms: int) -> list[CandleValues]:
        """Return the last `count` candles that ended by `before_ms`, oldest first; KeyError for an unknown code."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What one indicator or signal is: the key of its changes. Equal for equal wishes."""

    code: str
    timeframe: str
    indicator: str
    params: Params
    trigger: str | None = None
    event_params: Params = ()


class IndicatorBoard:
    """All that is watched, counted by how many want it."""

    def __init__(self, source: CandleSource, now_ms: int) -> None:
        self._source = source
        self._now_ms = self._started_ms = now_ms
        self._wanted: dict[Watch, int] = {}
        self._series: dict[tuple[str, str], deque[tuple[Decimal, Decimal]]] = {}

    def watch(
        self,
        code: str,
        timeframe: str,
        type: str,
        params: Mapping[str, Number | str],
        trigger: str | None = None,
        event_params: Mapping[str, Number | str] | None = None,
    ) -> Watch:
        """Begin to compute something; its changes carry the returned key until as many `unwatch` calls have come.

        Which parameters are on offer is for the server to check; here they only have to make sense.

        Raises:
            ValueError: unknown timeframe, type or trigger, or a missing parameter.
            KeyError: unknown code.
        """
        if timeframe not in TIMEFRAMES or type not in KINDS:
            raise ValueError(f"no indicator {type!r} of {timeframe!r}")
        key = Watch(code, timeframe, type, _normal(params), trigger, _normal(event_params or {}))
        if key not in self._wanted:
            self._check(key)
            self._series_of(code, timeframe)
        self._wanted[key] = self._wanted.get(key, 0) + 1
        return key

    def unwatch(self, key: Watch) -> None:
        """Take one `watch` back; KeyError when there is none."""
        self._wanted[key] -= 1
        if self._wanted[key]:
            return
        del self._wanted[key]
        pair = (key.code, key.timeframe)
        if all((other.code, other.timeframe) != pair for other in self._wanted):
            del self._series[pair]

    def __len__(self) -> int:
        return len(self._wanted)

    def close(self, now_ms: int, out: list[Change]) -> None:
        """Send what the candles that ended at `now_ms` (a whole second) say; only candles with trades exist."""
        self._now_ms = now_ms
        if not self._wanted or now_ms % (5 * MINUTE_MS):
            return
        for (code, timeframe), series in self._series.items():
            length = TIMEFRAMES[timeframe]
            if now_ms % length:
                continue
            last = self._source.closed_candles(code, timeframe, 1, now_ms)
            if not last or last[-1][0] != now_ms - length:
                continue
            series.append(_point(last[-1]))
            keys = [key for key in self._wanted if key.code == code and key.timeframe == timeframe]
            out.extend(self._changes(keys, series, last[-1][0], now_ms))

    def _changes(
        self, keys: Iterable[Watch], series: deque[tuple[Decimal, Decimal]], candle_ms: int, now_ms: int
    ) -> Iterable[Change]:
        points = list(series)
        now, before = points[-WINDOW:], points[-WINDOW - 1 : -1]
        for key in keys:
            params = dict(key.params)
            values = exact(key.indicator, [close for close, _ in now], [volume for _, volume in now], params)
            if values is None:
                continue
            if key.trigger is not None:
                if candle_ms < self._started_ms:
                    continue  # protocol sheet, "Indicators": the first candle after a restart gives no signals
                event = {name: value for name, value in key.event_params if isinstance(value, Decimal)}
                if not holds(key.trigger, values, now[-1][0], event):
                    continue
                earlier = exact(key.indicator, [p[0] for p in before], [p[1] for p in before], params)
                if earlier is not None and holds(key.trigger, earlier, before[-1][0], event):
                    continue
            yield IndicatorChange(
                key,
                key.code,
                key.timeframe,
                key.indicator,
                _spelt(key.params),
                rounded(values),
                candle_ms,
                now_ms,
                key.trigger,
                {name: value for name, value in _spelt(key.event_params).items() if not isinstance(value, str)},
            )

    def _series_of(self, code: str, timeframe: str) -> None:
        if (code, timeframe) in self._series:
            return
        end = self._now_ms - self._now_ms % TIMEFRAMES[timeframe]
        candles = self._source.closed_candles(code, timeframe, WINDOW + 1, end)
        self._series[code, timeframe] = deque(map(_point, candles), maxlen=WINDOW + 1)

    @staticmethod
    def _check(key: Watch) -> None:
        """Compute once over made-up candles, so that nonsense is refused at once."""
        ramp = [Decimal(place) for place in range(1, WINDOW + 1)]
        try:
            values = exact(key.indicator, ramp, ramp, dict(key.params))
            event = {name: Decimal(value) for name, value in key.event_params}
            if values is not None and key.trigger is not None:
                holds(key.trigger, values, ramp[-1], event)
        except (KeyError, ArithmeticError, IndexError) as error:
            raise ValueError(f"{key.indicator} cannot be computed with {dict(key.params)}: {error!r}") from error


def _point(candle: CandleValues) -> tuple[Decimal, Decimal]:
    return from_units(candle[4]), from_units(candle[5])


def _normal(params: Mapping[str, Number | str]) -> Params:
    """Return parameters in the order of the protocol sheet; 2, 2.0 and 2.00 come out the same."""
    values = {name: value if isinstance(value, str) else Decimal(value) for name, value in params.items()}
    return tuple(sorted(values.items(), key=lambda item: (_ORDER.index(item[0]) if item[0] in _ORDER else 99, item[0])))


def _spelt(params: Params) -> dict[str, Number | str]:
    """Return parameters as they are sent: whole numbers as such, but for multipliers (2.0)."""
    found: dict[str, Number | str] = {}
    for name, value in params:
        if isinstance(value, str):
            found[name] = value
        elif name == "multiplier":
            found[name] = value.quantize(Decimal("0.1"))
        else:
            found[name] = int(value)
    return found
