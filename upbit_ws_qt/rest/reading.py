"""From the bytes of an answer to structs, and from those of a refusal to its name; no I/O."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec

from upbit_ws_qt.rest.models import MarketWarnings, RestMarket
from upbit_ws_qt.text import safe_text
from upbit_ws_qt.wire.shapes import check_digits

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator
    from decimal import Decimal

__all__ = ["ListedMarket", "read_answer", "read_refusal"]

_T = TypeVar("_T")

_MOST_CAUTIONS = 12
_LONGEST_NAME = 60
_DETAIL = 200  # characters of what the exchange said that are shown
# Numbers that are none are spelt with one of these, or hide behind an escape. (To search for the pattern of a number
# takes ten times as long as to read the answer.) Names and texts may hold them, too; then all numbers are checked.
_NO_NUMBERS = (b"nan", b"inf", b"\\u")


class ListedMarket(msgspec.Struct):
    """A market as the exchange spells it."""

    market: str
    korean_name: str
    english_name: str
    market_event: Any = None  # optional, and no reason to do without the market where it is misspelt

    def read(self) -> RestMarket:
        """Return the market."""
        return RestMarket(self.market, self.korean_name, self.english_name, _warnings(self.market_event))


class _Named(msgspec.Struct):
    name: str | int = ""
    message: str = ""


class _Refusal(msgspec.Struct):
    error: _Named


@cache
def _decoder(kind: Hashable) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(cast("Any", kind))


def read_answer(body: bytes, kind: type[_T]) -> _T:
    """Return the answer of a type, or of a tuple of one.

    Raises:
        ValueError: what cannot be read, in words that are safe to show.
    """
    reason = ""
    try:
        value: _T = _decoder(cast("Hashable", kind)).decode(body)
        lowered = body.lower()
        if any(spelling in lowered for spelling in _NO_NUMBERS):
            for number in _numbers(value):
                if not number.is_finite():
                    raise ValueError("a number is none")
        check_digits(value, len(body))
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else safe_text(str(error), _DETAIL)
    else:
        return value
    raise ValueError(reason)


def read_refusal(body: bytes) -> tuple[str | int, str]:
    """Return name and message of a refusal; "http" and the beginning of the text where it has no such form."""
    try:
        error = _decoder(_Refusal).decode(body).error
    except (msgspec.MsgspecError, ValueError, RecursionError):
        # Not a page of HTML: nobody wants to read that.
        text = "" if body.lstrip()[:1] in (b"<", b"{", b"[") else safe_text(body[: 4 * _DETAIL], _DETAIL)
        return "http", text
    name = safe_text(error.name, 60) if isinstance(error.name, str) else error.name
    return name or "http", safe_text(error.message, _DETAIL)


def _warnings(told: Any) -> MarketWarnings | None:
    if not isinstance(told, dict):
        return None
    caution = told.get("caution")
    names = [name for name, holds in caution.items() if holds is True] if isinstance(caution, dict) else []
    cautions = tuple(safe_text(name, _LONGEST_NAME) for name in names[:_MOST_CAUTIONS])
    return MarketWarnings(told.get("warning") is True, cautions)


def _numbers(value: Any) -> Iterator[Decimal]:
    """Yield all decimals anywhere inside."""
    if hasattr(value, "is_finite"):
        yield value
    elif isinstance(value, msgspec.Struct):
        for item in msgspec.structs.astuple(value):
            yield from _numbers(item)
    elif isinstance(value, tuple):
        for item in value:
            yield from _numbers(item)
