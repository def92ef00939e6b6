"""What is wanted as the one array that the exchange takes; a request replaces all that was subscribed before."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from upbit_ws_qt.computer import Computer
from upbit_ws_qt.errors import ConfigurationError, SubscriptionError
from upbit_ws_qt.streams import plain_number
from upbit_ws_qt.types import FULL_DEPTH, DataFormat, DataType
from upbit_ws_qt.wire.request_rules import MAX_COMBINATIONS, canonical_indicator, check_spec, count_combinations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from upbit_ws_qt.specs import IndicatorSpec, SubscriptionSpec

__all__ = ["TypeObject", "build_list_request", "build_request", "encode_request"]

# The same specs give the same bytes, so that what is sent can be compared; the order itself means nothing.
_ORDER: Mapping[DataType, int] = {data_type: index for index, data_type in enumerate(DataType)}
# Flags, so that what several specs want of a stream is united by `|`.
_SNAPSHOT, _REALTIME = 1, 2
_BOTH = _SNAPSHOT | _REALTIME


@dataclass(frozen=True, slots=True)
class TypeObject:
    """One type object of a request (protocol sheet, "Requests").

    Attributes:
        data_type: what is sent.
        codes: of which markets, a depth behind a dot where it is not the full one; none where the type has none.
        level: grouping of an orderbook in KRW, 0 for none.
        only_snapshot: the present state and nothing more.
        only_realtime: no present state first.
        categories: of announcements, none for all.
        include_body: announcements with their text.
        timeframe: of indicators.
        indicators: which ones.
    """

    data_type: DataType
    codes: tuple[str, ...] = ()
    level: Decimal = Decimal(0)
    only_snapshot: bool = False
    only_realtime: bool = False
    categories: tuple[str, ...] = ()
    include_body: bool = False
    timeframe: str | None = None
    indicators: tuple[IndicatorSpec, ...] = ()


def build_request(
    specs: Iterable[SubscriptionSpec],
    *,
    format: DataFormat = DataFormat.DEFAULT,
    ticket: str | None = None,
) -> bytes:
    """Return the request that subscribes to all of `specs` and nothing else.

    The same specs give the same bytes (but for the ticket) in any order. What several specs want of one stream is
    united: the deepest book, snapshot and realtime, every indicator. Type objects are as few as that allows; codes
    are sorted.

    Args:
        specs: at least one; all of one endpoint.
        format: of the frames to come; AUTO has to be resolved before, see FormatChoice.
        ticket: labels the request; None for a fresh UUID.

    Raises:
        SubscriptionError: for what the exchange would refuse, naming the spec and why.
        ConfigurationError: for the format AUTO.
    """
    given = list(specs)
    for index, spec in enumerate(given):
        check_spec(spec, index)
    _check_together(given)
    objects: list[TypeObject] = []
    for data_type in sorted({spec.data_type for spec in given}, key=_ORDER.__getitem__):
        group = [spec for spec in given if spec.data_type is data_type]
        objects += _BUILDERS.get(data_type, _public)(data_type, group)
    return encode_request(objects, format=format, ticket=ticket)


def build_list_request(*, format: DataFormat = DataFormat.DEFAULT, ticket: str | None = None) -> bytes:
    """Return the request for the list of what is subscribed.

    It changes the format of the running streams to its own, so `format` must be the one in use. Raises as
    `build_request` does for format and ticket.
    """
    return _array([{"method": "LIST_SUBSCRIPTIONS"}], format, ticket)


def encode_request(
    objects: Iterable[TypeObject], *, format: DataFormat = DataFormat.DEFAULT, ticket: str | None = None
) -> bytes:
    """Return the request that holds these type objects in this order; they are taken as they are.

    Raises as `build_request` does for format and ticket.
    """
    return _array([_as_json(entry) for entry in objects], format, ticket)


def _array(objects: Sequence[dict[str, Any]], data_format: DataFormat, ticket: str | None) -> bytes:
    if data_format is DataFormat.AUTO:
        raise ConfigurationError("format", data_format.value, "a format of the exchange; AUTO is resolved before")
    if ticket is None:
        ticket = Computer().new_id()
    if not ticket:
        raise SubscriptionError("a request needs a ticket that is not empty")
    return msgspec.json.encode([{"ticket": ticket}, *objects, {"format": data_format.value}])


def _as_json(entry: TypeObject) -> dict[str, Any]:
    """Return a type object as the exchange wants it: what says nothing is left out."""
    fields: dict[str, Any] = {"type": entry.data_type.value}
    if entry.codes:
        fields["codes"] = entry.codes
    if entry.timeframe is not None:
        fields["timeframe"] = entry.timeframe
    if entry.indicators:
        fields["indicators"] = [_entry(indicator) for indicator in entry.indicators]
    if entry.level:
        fields["level"] = _json_number(entry.level)
    if entry.only_snapshot:
        fields["is_only_snapshot"] = True
    if entry.only_realtime:
        fields["is_only_realtime"] = True
    if entry.categories:
        fields["categories"] = entry.categories
    if entry.include_body:
        fields["include_body"] = True
    return fields


def _check_together(specs: Sequence[SubscriptionSpec]) -> None:
    if not specs:
        raise SubscriptionError("a request needs at least one type; the exchange knows no empty subscription")
    endpoints = sorted({spec.data_type.websocket_type.value for spec in specs})
    if len(endpoints) > 1:
        raise SubscriptionError(f"one request goes to one endpoint, these need {' and '.join(endpoints)}")
    used = count_combinations(specs)
    if used > MAX_COMBINATIONS:
        raise SubscriptionError(f"{used} indicator combinations in one request; at most {MAX_COMBINATIONS}")


def _public(data_type: DataType, specs: Sequence[SubscriptionSpec]) -> list[TypeObject]:
    """Unite ticker, trade, candle and orderbook specs per (level, code), then group codes with equal options."""
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
        TypeObject(
            data_type,
            tuple(sorted(groups[level, streams])),
            level=level,
            only_snapshot=streams == _SNAPSHOT,
            only_realtime=streams == _REALTIME,
        )
        for level, streams in sorted(groups)
    ]


def _my_order(data_type: DataType, specs: Sequence[SubscriptionSpec]) -> list[TypeObject]:
    if not all(spec.symbols for spec in specs):  # somebody wants every market
        return [TypeObject(data_type)]
    return [TypeObject(data_type, tuple(sorted({code for spec in specs for code in spec.symbols})))]


def _my_asset(data_type: DataType, specs: Sequence[SubscriptionSpec]) -> list[TypeObject]:
    return [TypeObject(data_type)]


def _announcement(data_type: DataType, specs: Sequence[SubscriptionSpec]) -> list[TypeObject]:
    categories: tuple[str, ...] = ()
    if all(spec.categories for spec in specs):  # none means every category
        categories = tuple(sorted({category for spec in specs for category in spec.categories}))
    return [TypeObject(data_type, categories=categories, include_body=any(spec.include_body for spec in specs))]


def _indicator(data_type: DataType, specs: Sequence[SubscriptionSpec]) -> list[TypeObject]:
    """Unite the indicators per (time frame, code), then group the codes that have the same: no combination is added."""
    wanted: dict[tuple[str, str], set[IndicatorSpec]] = {}
    for spec in specs:
        for code in spec.symbols:
            wanted.setdefault((spec.timeframe or "", code), set()).update(map(canonical_indicator, spec.indicators))
    groups: dict[tuple[str, tuple[IndicatorSpec, ...]], list[str]] = {}
    for (timeframe, code), entries in wanted.items():
        groups.setdefault((timeframe, tuple(sorted(entries, key=repr))), []).append(code)
    return [
        TypeObject(data_type, tuple(sorted(codes)), timeframe=timeframe, indicators=entries)
        for (timeframe, entries), codes in sorted(groups.items(), key=lambda item: (item[0][0], sorted(item[1])))
    ]


_BUILDERS: Mapping[DataType, Callable[[DataType, Sequence[SubscriptionSpec]], list[TypeObject]]] = {
    DataType.MY_ORDER: _my_order,
    DataType.MY_ASSET: _my_asset,
    DataType.ANNOUNCEMENT: _announcement,
    DataType.INDICATOR: _indicator,
    DataType.INDICATOR_SIGNAL: _indicator,
}


def _entry(entry: IndicatorSpec) -> dict[str, Any]:
    return {
        key: {name: _json_number(item) for name, item in value.items()} if isinstance(value, dict) else value
        for key, value in entry.to_wire().items()
    }


def _json_number(value: Any) -> Any:
    """Return a Decimal as a plain JSON number without an exponent; anything else as it is."""
    return msgspec.Raw(plain_number(value).encode()) if isinstance(value, Decimal) else value
