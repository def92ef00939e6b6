"""Numbers of finished frames in other spellings that were seen (protocol sheet, "Messages"): the values stay."""

from __future__ import annotations

import re
from decimal import Decimal

_PRICE_NAMES = (
    "opening_price", "high_price", "low_price", "trade_price", "prev_closing_price", "change_price",
    "signed_change_price", "highest_52_week_price", "lowest_52_week_price", "ask_price", "bid_price", "best_ask_price",
    "best_bid_price",
)  # fmt: skip
_SIZE_KEYS = ("tv", "aav", "abv", "atv", "atv24h", "bas", "bbs", "as", "bs", "tas", "tbs", "catv")


def _numbers(names: tuple[str, ...]) -> re.Pattern[bytes]:
    return re.compile(rb'"(%b)":(-?\d[\d.eE+-]*)' % "|".join(names).encode())


_PRICES, _SIZES = _numbers(_PRICE_NAMES), _numbers(_SIZE_KEYS)
_LARGE, _SMALL = Decimal(10_000_000), Decimal("0.001")


def with_exponents(message: bytes) -> bytes:
    """Spell DEFAULT prices from ten million on as `1.55141E9`."""
    return _PRICES.sub(lambda found: b'"%b":%b' % (found[1], _large(found[2])), message)


def as_seen(kind: str, message: bytes) -> bytes:
    """Spell a frame as in September 2026.

    DEFAULT prices `1.16539E8`, those of candles `91157000.00000000`; small SIMPLE sizes `7.9276E-4`.
    """
    if b'"stream_type"' not in message:
        return _SIZES.sub(lambda found: b'"%b":%b' % (found[1], _small(found[2])), message)
    if kind.startswith("candle."):
        return _PRICES.sub(lambda found: b'"%b":%.8f' % (found[1], Decimal(found[2].decode())), message)
    return with_exponents(message)


def _large(text: bytes) -> bytes:
    value = Decimal(text.decode())
    return _scientific(value) if abs(value) >= _LARGE else text


def _small(text: bytes) -> bytes:
    value = Decimal(text.decode())
    return _scientific(value) if value and abs(value) < _SMALL else text


def _scientific(value: Decimal) -> bytes:
    digits = value.normalize()
    exponent = digits.adjusted()
    first = format(digits.scaleb(-exponent), "f")
    return f"{first if '.' in first else first + '.0'}E{exponent}".encode()
