"""Wishes to the one array that the exchange wants; a request always replaces all that was subscribed."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from upbit_ws_qt.errors import ConfigurationError, SubscriptionError
from upbit_ws_qt.streams import plain_number
from upbit_ws_qt.types import FULL_DEPTH, DataFormat, DataType, IndicatorSpec, SubscriptionSpec
from upbit_ws_qt.wire.rules import MAX_COMBINATIONS, canonical_indicator, check_spec, count_combinations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

__all__ = ["build_list_request", "build_request", "encode_request"]

_ORDER: Mapping[DataType, int] = {data_type: index for index, data_type in enumerate(DataType)}
_SNAPSHOT, _REALTIME = 1, 2
_BOTH = _SNAPSHOT | _REALTIME


def build_request(
    specs: Iterable[SubscriptionSpec],
    *,
    format: DataFormat = DataFormat.DEFAULT,
    ticket: str | None = None,
) -> bytes:
    """Return the request that subscribes to all of `specs` and nothing else.

    The same wishes give the same bytes (but for the ticket) in any order. What several specs want of one stream is
    united: the deepest book, snapshot and realtime, every indicator. Type objects are as few as that allows; codes
    are sorted.

    Args:
        specs: at least one; all of one endpoint.
        format: of the frames to come; AUTO has to be resolved before, see FormatChoice.
        ticket: labels the request; None for a fresh uuid4.

    Raises:
        SubscriptionError: for what the exchange would refuse, naming the spec and why.
        ConfigurationError: for the format AUTO.
    """
    wishes = list(specs)
    for index, spec in enumerate(wishes):
        check_spec(spec, index)
    _check_together(wishes)
    united: list[SubscriptionSpec] = []
    for data_type in sorted({spec.data_type for spec in wishes}, key=_ORDER.__getitem__):
        group = [spec for spec in wishes if spec.data_type is data_type]
        united += _UNITERS.get(data_type, _unite_public)(data_type, group)
    return encode_request(united, format=format, ticket=ticket)


def encode_request(
    specs: Iterable[SubscriptionSpec], *, format: DataFormat = DataFormat.DEFAULT, ticket: str | None = None
) -> bytes:
    """Return the request with one type object for each spec, in the order given.

    For specs that were checked and united before, which costs 50 times as much as this; what the exchange would
    refuse goes out as it is. Otherwise as `build_request`.
    """
    return _array([_type_object(spec) for spec in specs], format, ticket)


def build_list_request(*, format: DataFormat = DataFormat.DEFAULT, ticket: str | None = None) -> bytes:
    """Return the request for the list of what is subscribed.

    It changes the format of the running streams to its own, so `format` must be the one in use. Raises as
    `build_request` does for format and ticket.
    """
    return _array([{"method": "LIST_SUBSCRIPTIONS"}], format, ticket)


def _array(objects: Sequence[dict[str, Any]], data_format: DataFormat, ticket: str | None) -> bytes:
    if data_format is DataFormat.AUTO:
        raise ConfigurationError("format", data_format.value, "a format of the exchange; AUTO is resolved before")
    if ticket is None:
        ticket = str(uuid.uuid4())
    if not ticket:
        raise SubscriptionError("a request needs a ticket that is not empty")
    return msgspec.json.encode([{"ticket": ticket}, *objects, {"format": data_format.value}])


# -- one spec, one type object ----------------------------------------------------------------------------------------


def _type_object(spec: SubscriptionSpec) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": spec.data_type.value}
    if spec.symbols:
        suffix = "" if spec.depth == FULL_DEPTH else f".{spec.depth}"
        entry["codes"] = sorted(code if not suffix or "." in code else code + suffix for code in spec.symbols)
    if spec.level:
        entry["level"] = _json_number(spec.level)
    if spec.only_snapshot:
        entry["is_only_snapshot"] = True
    if spec.only_realtime:
        entry["is_only_realtime"] = True
    if spec.categories:
        entry["categories"] = sorted(spec.categories)
    if spec.include_body:
        entry["include_body"] = True
    if spec.timeframe is not None:
        entry["timeframe"] = spec.timeframe
        entry["indicators"] = [_indicator_object(indicator) for indicator in spec.indicators]
    return entry


def _indicator_object(entry: IndicatorSpec) -> dict[str, Any]:
    # The list of what is subscribed is compared with what was asked for: the exchange has one spelling of a number.
    return {
        key: {name: _json_number(item) for name, item in value.items()} if isinstance(value, dict) else value
        for key, value in canonical_indicator(entry).to_wire().items()
    }


def _json_number(value: Any) -> Any:
    """Return a Decimal as a plain JSON number without an exponent; anything else as it is."""
    return msgspec.Raw(plain_number(value).encode()) if isinstance(value, Decimal) else value


# -- the union of several specs ---------------------------------------------------------------------------------------


def _check_together(specs: Sequence[SubscriptionSpec]) -> None:
    if not specs:
        raise SubscriptionError("a request needs at least one type; the exchange knows no empty subscription")
    endpoints = sorted({spec.data_type.websocket_type.value for spec in specs})
    if len(endpoints) > 1:
        raise SubscriptionError(f"one request goes to one endpoint, these need {' and '.join(endpoints)}")
    used = count_combinations(specs)
    if used > MAX_COMBINATIONS:
        raise SubscriptionError(f"{used} indicator combinations in one request; at most {MAX_COMBINATIONS}")


def _unite_public(data_type: DataType, specs: Sequence[SubscriptionSpec]) -> list[SubscriptionSpec]:
    """Unite ticker, trade, candle and orderbook wishes per (level, code), then group codes with equal options."""
    wanted: dict[tuple[Decimal, str], tuple[int, int]] = {}
    for spec in specs:
        stream = _SNAPSHOT if spec.only_snapshot else _REALTIME if spec.only_realtime else _BOTH
        for symbol in spec.symbols:
            code, _, suffix = symbol.partition(".")
            key = (spec.level.normalize(), code)
            streams, depth = wanted.get(key, (0, 0))
            wanted[key] = (streams | stream, max(depth, int(suffix or spec.depth)))
    groups: dict[tuple[Decimal, int], list[str]] = {}
    for (level, code), (streams, depth) in wanted.items():
        name = code if depth == FULL_DEPTH else f"{code}.{depth}"
        groups.setdefault((level, streams), []).append(name)
    return [
        SubscriptionSpec(
            data_type,
            codes,
            level=level,
            only_snapshot=streams == _SNAPSHOT,
            only_realtime=streams == _REALTIME,
        )
        for (level, streams), codes in sorted(groups.items())
    ]


def _unite_orders(data_type: DataType, specs: Sequence[SubscriptionSpec]) -> list[SubscriptionSpec]:
    if not all(spec.symbols for spec in specs):  # somebody wants every market
        return [SubscriptionSpec(data_type)]
    return [SubscriptionSpec(data_type, {code for spec in specs for code in spec.symbols})]


def _unite_assets(data_type: DataType, specs: Sequence[SubscriptionSpec]) -> list[SubscriptionSpec]:
    return [SubscriptionSpec(data_type)]


def _unite_announcements(data_type: DataType, specs: Sequence[SubscriptionSpec]) -> list[SubscriptionSpec]:
    wants_all = not all(spec.categories for spec in specs)  # none means every category
    categories = () if wants_all else {category for spec in specs for category in spec.categories}
    include_body = any(spec.include_body for spec in specs)
    return [SubscriptionSpec(data_type, categories=categories, include_body=include_body)]


def _unite_indicators(data_type: DataType, specs: Sequence[SubscriptionSpec]) -> list[SubscriptionSpec]:
    """Unite the indicators per (time frame, code), then group the codes that have the same: no combination is added."""
    wanted: dict[tuple[str, str], set[IndicatorSpec]] = {}
    for spec in specs:
        for code in spec.symbols:
            wanted.setdefault((spec.timeframe or "", code), set()).update(map(canonical_indicator, spec.indicators))
    groups: dict[tuple[str, tuple[IndicatorSpec, ...]], list[str]] = {}
    for (timeframe, code), entries in wanted.items():
        groups.setdefault((timeframe, tuple(sorted(entries, key=repr))), []).append(code)
    return [
        SubscriptionSpec(data_type, codes, timeframe=timeframe, indicators=entries)
        for (timeframe, entries), codes in sorted(groups.items(), key=lambda item: (item[0][0], sorted(item[1])))
    ]


_UNITERS: Mapping[DataType, Callable[[DataType, Sequence[SubscriptionSpec]], list[SubscriptionSpec]]] = {
    DataType.MY_ORDER: _unite_orders,
    DataType.MY_ASSET: _unite_assets,
    DataType.ANNOUNCEMENT: _unite_announcements,
    DataType.INDICATOR: _unite_indicators,
    DataType.INDICATOR_SIGNAL: _unite_indicators,
}
