"""How amounts are held (whole numbers of 1e-8 and 1e-16) and spelt (as the real exchange spells them)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Context, Decimal, Inexact
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

UNIT = 10**8  # prices and volumes are whole numbers of 1e-8
FUNDS_UNIT = 10**16  # price x volume, hence whole numbers of 1e-16
RATE_UNIT = 10**10  # change rates carry ten decimals
_WIDE = Context(prec=60, traps=[Inexact])
_KST = timezone(timedelta(hours=9))
_TEXTS_KEPT = 100_000
_SMALL_PRICE = UNIT // 1000  # below 0.001 DEFAULT spells with an exponent: 9.101e-05
_SMALL_VOLUME = 100  # below 0.000001: 6E-8
_SMALL_RATE = RATE_UNIT // 1000
_EXPONENTS = tuple(f"E{digits - 17}" for digits in range(60))  # by the number of digits of 1e-16
_LARGE_FUNDS = 10**7 * FUNDS_UNIT  # from ten million: 1.16539E8


def to_units(amount: Decimal | int | str) -> int:
    """Return `amount` in units of 1e-8; ValueError when it has more than eight decimals or is not finite."""
    scaled = _WIDE.scaleb(Decimal(amount), 8)
    if not scaled.is_finite() or scaled != scaled.to_integral_value(context=_WIDE):
        raise ValueError(f"{amount} is not a number of at most eight decimals")
    return int(scaled)


def from_units(units: int) -> Decimal:
    """Return units of 1e-8 as an exact decimal."""
    return Decimal(f"{units}E-8")


def plain(units: int, digits: int) -> str:
    """Spell a whole number of 10**-digits without exponent and without trailing zeros, but for one: `12.0`."""
    sign = "-" if units < 0 else ""
    whole, part = divmod(abs(units), 10**digits)
    decimals = f"{part:0{digits}d}".rstrip("0") or "0"
    return f"{sign}{whole}.{decimals}"


def scientific(units: int, digits: int) -> str:
    """Spell a whole number of 10**-digits with one digit before the point: `9.101e-05`."""
    figures = str(abs(units))
    exponent = len(figures) - 1 - digits
    tail = figures[1:].rstrip("0")
    sign = "-" if units < 0 else ""
    return f"{sign}{figures[0]}{'.' + tail if tail else ''}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


class _PriceTexts(dict[int, str]):
    """Spellings of prices met lately; emptied when full, so that it stays bounded."""

    def __init__(self, exponents: bool) -> None:
        super().__init__()
        self._exponents = exponents

    def __missing__(self, units: int) -> str:
        if len(self) >= _TEXTS_KEPT:
            self.clear()
        if self._exponents and units and -_SMALL_PRICE < units < _SMALL_PRICE:
            text = scientific(units, 8)
        else:
            text = plain(units, 8)
        self[units] = text
        return text


PRICE_TEXT = _PriceTexts(exponents=True)  # PRICE_TEXT[units], as DEFAULT spells it
PRICE_TEXT_SIMPLE = _PriceTexts(exponents=False)


def volume_text(units: int) -> str:
    """Spell a volume with its eight decimals, `123.00000000`; a speck of dust as `6E-8`."""
    if 0 < units < _SMALL_VOLUME:
        return f"{units}E-8"
    return volume_text_simple(units)


def volume_text_simple(units: int) -> str:
    """Spell a volume with its eight decimals."""
    return "%d.%08d" % divmod(units, UNIT)  # noqa: UP031 - half the time of an f-string over divmod


def funds_text(units: int) -> str:
    """Spell a sum of money as DEFAULT does: from ten million with an exponent, exact to the last digit."""
    if units >= _LARGE_FUNDS:
        figures = str(units)
        return figures[0] + "." + (figures[1:].rstrip("0") or "0") + _EXPONENTS[len(figures)]
    return plain(units, 16)


def funds_text_simple(units: int) -> str:
    """Spell a sum of money plainly."""
    return "%d.%016d" % divmod(units, FUNDS_UNIT)  # noqa: UP031 - as above


def rate_text(units: int) -> str:
    """Spell a change rate, not below zero, with its ten decimals; a small one with an exponent."""
    if 0 < units < _SMALL_RATE:
        return scientific(units, 10)
    return rate_text_simple(units)


def rate_text_simple(units: int) -> str:
    """Spell a change rate, not below zero, with its ten decimals."""
    return "%d.%010d" % divmod(units, RATE_UNIT)  # noqa: UP031 - as above


def decimal_text(amount: Decimal) -> str:
    """Spell a decimal as a JSON number without exponent."""
    return format(amount, "f")


@lru_cache(maxsize=2048)
def clock_texts(second: int) -> tuple[str, str, str, str]:
    """Return the UTC date and time of an epoch second: `yyyyMMdd`, `HHmmss`, `yyyy-MM-dd`, `HH:mm:ss`."""
    moment = datetime.fromtimestamp(second, UTC)
    day, time = moment.strftime("%Y-%m-%d"), moment.strftime("%H:%M:%S")
    return day.replace("-", ""), time.replace(":", ""), day, time


@lru_cache(maxsize=2048)
def candle_times(second: int) -> tuple[str, str]:
    """Return `yyyy-MM-ddTHH:mm:ss` of an epoch second in UTC and in KST."""
    return (
        datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        datetime.fromtimestamp(second, _KST).strftime("%Y-%m-%dT%H:%M:%S"),
    )


@lru_cache(maxsize=512)
def kst_time(second: int) -> str:
    """Return `yyyy-MM-ddTHH:mm:ss+09:00`, as announcements carry it."""
    return datetime.fromtimestamp(second, _KST).isoformat()


def split(total: int, weights: Sequence[float]) -> list[int]:
    """Share a whole number out by weight, to the last unit."""
    whole = sum(weights)
    parts, given, reached = [], 0, 0.0
    for weight in weights[:-1]:
        reached += weight
        upto = int(total * (reached / whole))
        parts.append(upto - given if weight else 0)
        given += parts[-1]
    parts.append(total - given)
    return parts
