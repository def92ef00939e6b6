"""Named values of the open enumerations: plain strings, since the exchange adds new ones without notice.

A value that is not listed here passes through unchanged, so compare with these names and keep an `else`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

__all__ = [
    "AnnouncementCategory",
    "AnnouncementEventType",
    "AskBid",
    "Change",
    "ChangeName",
    "IndicatorType",
    "MarketState",
    "MarketWarning",
    "OrderState",
    "OrderType",
    "SideName",
    "SmpType",
    "StreamType",
    "TimeInForce",
    "Trigger",
]


class StreamType:
    """Why a message was sent."""

    SNAPSHOT: Final = "SNAPSHOT"
    REALTIME: Final = "REALTIME"
    RECOVERED: Final = "RECOVERED"
    """Never sent by the exchange: missed while the line was down, or older than the wish, and asked for afterwards."""


class Change:
    """Direction against the previous close."""

    RISE: Final = "RISE"
    EVEN: Final = "EVEN"
    FALL: Final = "FALL"


class AskBid:
    """Side of an order or of a trade's taker."""

    ASK: Final = "ASK"
    BID: Final = "BID"


if TYPE_CHECKING:
    # Only these two are closed by what they mean: a price has no fourth direction, a trade no third side. States and
    # types of orders have grown before, so those fields stay texts for a type checker too.
    ChangeName = Literal["RISE", "EVEN", "FALL"]
    SideName = Literal["ASK", "BID"]
else:
    # The decoder reads annotations: by a Literal it would refuse an event with a new word, and look at each one twice.
    ChangeName = SideName = str


class MarketState:
    """Whether a market trades."""

    PREVIEW: Final = "PREVIEW"
    ACTIVE: Final = "ACTIVE"
    DELISTED: Final = "DELISTED"


class MarketWarning:
    """Deprecated by the exchange, still sent."""

    NONE: Final = "NONE"
    CAUTION: Final = "CAUTION"


class OrderState:
    """The life of an order."""

    WAIT: Final = "wait"
    WATCH: Final = "watch"
    TRADE: Final = "trade"
    DONE: Final = "done"
    CANCEL: Final = "cancel"
    PREVENTED: Final = "prevented"
    """Reduced by self-match prevention; where that left nothing, the state is `cancel`."""


class OrderType:
    """How an order is priced."""

    LIMIT: Final = "limit"
    PRICE: Final = "price"
    """Market buy for an amount of money."""
    MARKET: Final = "market"
    """Market sell of a volume."""
    BEST: Final = "best"


class TimeInForce:
    """How long an order waits."""

    IOC: Final = "ioc"
    FOK: Final = "fok"
    POST_ONLY: Final = "post_only"


class SmpType:
    """Self-match prevention: what gives way when an order would meet one of the same account.

    An order that names none has `cancel_maker`; one that is post_only has `none`, and takes nothing else.
    """

    NONE: Final = "none"
    REDUCE: Final = "reduce"
    CANCEL_MAKER: Final = "cancel_maker"
    CANCEL_TAKER: Final = "cancel_taker"


class AnnouncementEventType:
    """What happened to an announcement."""

    CREATED: Final = "CREATED"
    UPDATED: Final = "UPDATED"


class AnnouncementCategory:
    """What an announcement is about."""

    NOTICE: Final = "notice"
    TRADE: Final = "trade"
    WALLET: Final = "wallet"
    MAINTENANCE: Final = "maintenance"
    DIGITAL_ASSET: Final = "digital_asset"
    NFT: Final = "nft"
    SERVICE: Final = "service"
    EVENT: Final = "event"


class IndicatorType:
    """The indicators of the INFO endpoint."""

    VOLUME: Final = "volume"
    RSI: Final = "rsi"
    MOVING_AVERAGE: Final = "moving_average"
    MA_CROSSOVER: Final = "ma_crossover"
    BOLLINGER_BANDS: Final = "bollinger_bands"
    MACD: Final = "macd"


class Trigger:
    """Conditions of an indicator signal."""

    VOLUME_SPIKE: Final = "volume_spike"
    OVERBOUGHT: Final = "overbought"
    OVERSOLD: Final = "oversold"
    PRICE_CROSS_ABOVE: Final = "price_cross_above"
    PRICE_CROSS_BELOW: Final = "price_cross_below"
    GOLDEN_CROSS: Final = "golden_cross"
    DEAD_CROSS: Final = "dead_cross"
    ZERO_CROSS_ABOVE: Final = "zero_cross_above"
    ZERO_CROSS_BELOW: Final = "zero_cross_below"
