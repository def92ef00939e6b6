"""What is asked: the exchange's calls, their groups, and the two forms of a query; no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from upbit_ws_qt.rest.limiter import ACCOUNT_GROUP
from upbit_ws_qt.specs import is_market_code

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["CANDLE_UNITS", "MINUTE_UNITS", "Question", "candle_call", "codes_of", "iso_utc", "whole"]

MINUTE_UNITS = (1, 3, 5, 10, 15, 30, 60, 240)
CANDLE_UNITS = ("1s", *(f"{unit}m" for unit in MINUTE_UNITS), "days", "weeks", "months", "years")
"""How the units of candles are written: seconds and minutes as for the line, the others as the exchange calls them."""


@dataclass(frozen=True, slots=True)
class Question:
    """One GET.

    Attributes:
        path: under /v1, such as "/orders/open".
        group: to which the documents count it.
        pairs: names and values in the order in which they are sent and hashed.
    """

    path: str
    group: str
    pairs: tuple[tuple[str, str], ...] = ()

    @property
    def is_private(self) -> bool:
        """Whether it needs a token."""
        return self.group == ACCOUNT_GROUP

    @property
    def hashed(self) -> str:
        """The query as it goes into the token: not percent-encoded (protocol sheet, "Authentication")."""
        return "&".join(f"{name}={value}" for name, value in self.pairs)

    @property
    def target(self) -> str:
        """Path and query as they are sent: values encoded, the brackets of a list's name not."""
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in self.pairs)
        return f"/v1{self.path}?{query}" if query else f"/v1{self.path}"


def codes_of(codes: str | Iterable[str]) -> tuple[str, ...]:
    """Return market codes upper-cased, each once, in order; ValueError for none, and for what can be none."""
    given = (codes,) if isinstance(codes, str) else tuple(codes)
    wanted = tuple(dict.fromkeys(str(code).strip().upper() for code in given))
    for code in wanted:
        if not is_market_code(code):
            raise ValueError(f"{code!r:.60} is not a market code; expected text like 'KRW-BTC'")
    if not wanted:
        raise ValueError("no market code was given")
    return wanted


def whole(name: str, value: int, low: int, high: int) -> str:
    """Return a whole number as text; ValueError where it is not within the exchange's bounds."""
    if type(value) is not int or not low <= value <= high:
        raise ValueError(f"{name}: {value!r:.60} is not a whole number from {low} to {high}")
    return str(value)


def iso_utc(moment: datetime) -> str:
    """Return an aware datetime as the exchange reads it, to the second, rounded up; ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r}: a time needs a zone, such as datetime.UTC")
    in_utc = moment.astimezone(UTC)
    if in_utc.microsecond:
        in_utc = datetime.fromtimestamp(int(in_utc.timestamp()) + 1, UTC)
    return in_utc.strftime("%Y-%m-%dT%H:%M:%SZ")


def candle_call(unit: str) -> str:
    """Return the path for a unit of CANDLE_UNITS, with or without "candle." before it; ValueError for another."""
    name = unit.removeprefix("candle.")
    if name not in CANDLE_UNITS:
        raise ValueError(f"{unit!r:.60} is no unit of candles; expected one of {', '.join(CANDLE_UNITS)}")
    if name == "1s":
        return "/candles/seconds"
    return f"/candles/minutes/{name[:-1]}" if name.endswith("m") else f"/candles/{name}"
