"""Changes of the account, announcements and indicators, each able to spell itself as a frame of any format."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

from .frames import BOOK_LEVELS, NO_LEVEL, Change, is_simple, template
from .market.numbers import candle_times, decimal_text, kst_time, plain, volume_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .market.orders import OrderView

Number = int | Decimal
MONEY_DIGITS = 20


def text(value: str | None) -> str:
    """Spell a string, or null, as JSON."""
    return json.dumps(value, ensure_ascii=False)


def number(value: Number | str) -> str:
    """Spell a parameter or value: numbers plainly, words in quotes."""
    if isinstance(value, str):
        return text(value)
    return decimal_text(value) if isinstance(value, Decimal) else str(value)


class OrderChange(Change):
    """An order of ours after something happened to it."""

    __slots__ = ("order", "uuid")
    kind = "myOrder"
    uuid: str

    def __init__(self, order: OrderView) -> None:
        super().__init__(order.code)
        self.order = order
        self.uuid = order.uuid

    def _spell(self, fmt: str, stream_type: str) -> str:
        order = self.order
        truth = {None: "null", True: "true", False: "false"}
        fields = [
            ("type", "ty", '"myOrder"'),
            ("code", "cd", text(order.code)),
            ("uuid", "uid", text(order.uuid)),
            ("ask_bid", "ab", text(order.side)),
            ("order_type", "ot", text(order.order_type)),
            ("state", "s", text(order.state)),
            ("trade_uuid", "tuid", text(order.trade_uuid)),
            ("price", "p", plain(order.price, 8)),
            ("avg_price", "ap", plain(order.average, 8)),
            ("volume", "v", volume_text(order.volume)),
            ("remaining_volume", "rv", volume_text(order.remaining)),
            ("executed_volume", "ev", volume_text(order.executed)),
            ("trades_count", "tc", str(order.trades)),
            ("reserved_fee", "rsf", plain(order.reserved_fee, MONEY_DIGITS)),
            ("remaining_fee", "rmf", plain(order.remaining_fee, MONEY_DIGITS)),
            ("paid_fee", "pf", plain(order.paid_fee, MONEY_DIGITS)),
            ("locked", "l", plain(order.locked, MONEY_DIGITS)),
            ("executed_funds", "ef", plain(order.executed_funds, MONEY_DIGITS)),
            ("time_in_force", "tif", text(order.time_in_force)),
            ("trade_fee", "tf", "null" if order.trade_fee is None else plain(order.trade_fee, MONEY_DIGITS)),
            ("is_maker", "im", truth[order.is_maker]),
            ("identifier", "id", text(order.identifier)),
            ("smp_type", "smpt", text(order.smp_type)),
            ("prevented_volume", "pv", volume_text(order.prevented_volume)),
            ("prevented_locked", "pl", plain(order.prevented_locked, MONEY_DIGITS)),
            ("trade_timestamp", "ttms", str(order.trade_ms)),
            ("order_timestamp", "otms", str(order.order_ms)),
            ("timestamp", "tms", str(order.ms)),
            ("stream_type", "st", text(stream_type)),
        ]
        return template(fields, fmt)


class AssetChange(Change):
    """What the account holds of the currencies that changed; amounts in units of 1e-20."""

    __slots__ = ("assets", "ms", "uuid")
    kind = "myAsset"
    uuid: str

    def __init__(self, uuid: str, assets: Sequence[tuple[str, int, int]], ms: int) -> None:
        super().__init__("")
        self.uuid = uuid
        self.assets = tuple(assets)
        self.ms = ms

    def _spell(self, fmt: str, stream_type: str) -> str:
        short = is_simple(fmt)
        pairs = [
            template(
                [
                    ("currency", "cu", text(currency)),
                    ("balance", "b", plain(balance, MONEY_DIGITS)),
                    ("locked", "l", plain(locked, MONEY_DIGITS)),
                ],
                "SIMPLE" if short else "DEFAULT",
            )
            for currency, balance, locked in self.assets
        ]
        fields = [
            ("type", "ty", '"myAsset"'),
            ("asset_uuid", "astuid", text(self.uuid)),
            ("assets", "ast", f"[{','.join(pairs)}]"),
            ("asset_timestamp", "asttms", str(self.ms)),
            ("timestamp", "tms", str(self.ms)),
            ("stream_type", "st", text(stream_type)),
        ]
        return template(fields, fmt)


class AnnouncementChange(Change):
    """An announcement that appeared or was altered."""

    __slots__ = ("body", "category", "event_type", "first_ms", "ms", "title", "url", "uuid")
    kind = "announcement"
    category: str
    uuid: str

    def __init__(
        self, event_type: str, uuid: str, title: str, category: str, url: str, body: str | None, first_ms: int, ms: int
    ) -> None:
        super().__init__("")
        self.event_type = event_type
        self.uuid = uuid
        self.title = title
        self.category = category
        self.url = url
        self.body = body
        self.first_ms = first_ms
        self.ms = ms

    def render(
        self,
        fmt: str,
        stream_type: str,
        *,
        depth: int = BOOK_LEVELS,
        level: Decimal = NO_LEVEL,
        include_body: bool = False,
    ) -> bytes:
        """Return the frame, with or without the body; see `Change.render`."""
        key = (fmt, stream_type, include_body)
        frame = self._frames.get(key)
        if frame is None:
            fields = self._fields(stream_type)
            if include_body:
                fields.append(("body", "bd", text(self.body)))
            frame = self._frames[key] = template(fields, fmt).encode()
        return frame

    def _fields(self, stream_type: str) -> list[tuple[str, str, str]]:
        return [
            ("type", "ty", '"announcement"'),
            ("event_type", "et", text(self.event_type)),
            ("uuid", "uid", text(self.uuid)),
            ("title", "tt", text(self.title)),
            ("category", "cat", text(self.category)),
            ("url", "url", text(self.url)),
            ("first_listed_at", "flat", text(kst_time(self.first_ms // 1000))),
            ("listed_at", "lat", text(kst_time(self.ms // 1000))),
            ("timestamp", "tms", str(self.ms)),
            ("stream_type", "st", text(stream_type)),
        ]


_PARAMS = {
    "period": "p",
    "type": "t",
    "short_period": "shp",
    "long_period": "lop",
    "multiplier": "m",
    "fast": "f",
    "slow": "s",
    "signal_period": "sgp",
}
_VALUES = {
    "volume": "vol",
    "avg_volume": "av",
    "ratio": "rto",
    "rsi": "rsi",
    "value": "value",
    "ma_short": "mas",
    "ma_long": "mal",
    "bb_upper": "bbu",
    "bb_middle": "bbm",
    "bb_lower": "bbl",
    "macd": "macd",
    "macd_signal": "macds",
    "histogram": "hist",
}
_EVENT_PARAMS = {"threshold": "th", "multiplier": "mul"}


def _object(values: Mapping[str, Number | str], short_keys: Mapping[str, str], fmt: str) -> str:
    fields = [(name, short_keys[name], number(value)) for name, value in values.items()]
    return template(fields, "SIMPLE" if is_simple(fmt) else "DEFAULT")


class IndicatorChange(Change):
    """An indicator of a candle that closed, or the signal it gave (then with a trigger)."""

    __slots__ = (
        "candle_ms",
        "event_params",
        "indicator",
        "key",
        "kind",
        "ms",
        "params",
        "timeframe",
        "trigger",
        "value",
    )

    def __init__(
        self,
        key: object,
        code: str,
        timeframe: str,
        indicator: str,
        params: Mapping[str, Number | str],
        value: Mapping[str, Number],
        candle_ms: int,
        ms: int,
        trigger: str | None = None,
        event_params: Mapping[str, Number] | None = None,
    ) -> None:
        super().__init__(code)
        self.kind = "indicator" if trigger is None else "indicator_signal"
        self.key = key
        self.timeframe = timeframe
        self.indicator = indicator
        self.params = params
        self.value = value
        self.candle_ms = candle_ms
        self.ms = ms
        self.trigger = trigger
        self.event_params = event_params or {}

    def _spell(self, fmt: str, stream_type: str) -> str:
        fields = [
            ("type", "ty", text(self.kind)),
            ("code", "cd", text(self.code)),
            ("timeframe", "tf", text(self.timeframe)),
            ("indicator", "ind", text(self.indicator)),
            ("params", "p", _object(self.params, _PARAMS, fmt)),
        ]
        if self.trigger is not None:
            fields.append(("trigger", "tr", text(self.trigger)))
            fields.append(("event_params", "ep", _object(self.event_params, _EVENT_PARAMS, fmt)))
        fields += [
            ("value", "v", _object(self.value, _VALUES, fmt)),
            ("candle_date_time_utc", "cdttmu", text(candle_times(self.candle_ms // 1000)[0])),
            ("timestamp", "tms", str(self.ms)),
            ("stream_type", "st", text(stream_type)),
        ]
        return template(fields, fmt)
