"""Walks the list of every field of every message: each is there, has the right kind, and has both its keys."""

from __future__ import annotations

import types
import typing
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tests.frames import FIELDS
from tests.wire.strategies import KINDS, NESTED, Number, Sample
from upbit_ws_qt.events import (
    IndicatorParams,
    IndicatorValue,
    MyAssetItem,
    OrderbookUnit,
    SignalEventParams,
)
from upbit_ws_qt.wire import SubscriptionEntry, SubscriptionList, decode
from upbit_ws_qt.wire.shapes import EVENT_CLASSES
from upbit_ws_qt.wire.simple_keys import MESSAGE_KINDS, SIMPLE_KEYS, kind_of
from upbit_ws_qt.wire.simple_keys import NESTED as PACKAGE_NESTED

CLASSES: dict[str, type[msgspec.Struct]] = {
    **EVENT_CLASSES,
    "orderbook_units": OrderbookUnit,
    "assets": MyAssetItem,
    "indicator.params": IndicatorParams,
    "indicator.value": IndicatorValue,
    "indicator_signal.event_params": SignalEventParams,
    "list_subscriptions": SubscriptionList,
    "list_subscriptions.result": SubscriptionEntry,
}
PYTHON_KINDS = {"decimal": Decimal, "int": int, "str": str, "bool": bool, "list": tuple}


def _plain_type(annotation: Any) -> Any:
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType, typing.Annotated):
        return _plain_type(typing.get_args(annotation)[0])
    return origin or annotation


def _plain_value(kind: str, field: dict[str, Any]) -> Any:
    inner = NESTED.get((kind, field["name"]))
    if inner:
        item = {f["name"]: _plain_value(inner, f) for f in FIELDS[inner]}
        return [item] if field["kind"] == "list" else item
    if field["name"] == "candle_date_time_utc":
        return "2026-11-20T04:21:07"
    return {
        "decimal": Number("109868000.10"),
        "int": Number("1795148467045"),
        "bool": True,
        "str": field.get("values", ["text"])[-1],
    }[field["kind"]]


def test_the_list_is_that_of_the_package() -> None:
    assert set(FIELDS) == set(SIMPLE_KEYS) == set(CLASSES)
    assert set(KINDS) == MESSAGE_KINDS
    assert {(kind, name): inner for kind, table in PACKAGE_NESTED.items() for name, inner in table.items()} == {
        **NESTED,
        ("list_subscriptions", "result"): "list_subscriptions.result",
    }


@pytest.mark.parametrize("kind", FIELDS)
@pytest.mark.statement("P9.2", "P9.3", "P9.4", "P9.5", "P9.6", "P9.17", "P9.19", "P9.20", "P9.21")
def test_each_field_exists_with_the_right_kind_and_key(kind: str) -> None:
    infos = {info.name: info for info in msgspec.structs.fields(CLASSES[kind])}
    for field in FIELDS[kind]:
        assert SIMPLE_KEYS[kind][field["name"]] == field["simple"]
        if (kind, field["name"]) == ("list_subscriptions", "method"):
            continue  # says only which message it is
        found = _plain_type(infos[field["name"]].type)
        if field["kind"] == "object":
            assert issubclass(found, msgspec.Struct)
        else:
            assert found is PYTHON_KINDS[field["kind"]], field


@pytest.mark.parametrize("data_format", ["DEFAULT", "SIMPLE"])
@pytest.mark.parametrize("kind", KINDS)
def test_each_field_decodes_from_both_keys(kind: str, data_format: str) -> None:
    whole = {field["name"]: _plain_value(kind, field) for field in FIELDS[kind]}
    (event,) = decode(Sample(kind, whole).render(data_format))
    for name, expected in whole.items():
        value = getattr(event, name)
        if (kind, name) not in NESTED:
            assert _text(value) == _text(expected), name
            continue
        item, wire = (value[0], expected[0]) if isinstance(expected, list) else (value, expected)
        for inner_name, inner in wire.items():
            assert _text(getattr(item, inner_name)) == _text(inner), inner_name


def _text(value: Any) -> str:
    return value.text if isinstance(value, Number) else str(value)


def test_kinds_of_message_types() -> None:
    assert kind_of("candle.7m") == "candle"
    assert kind_of("ticker") == "ticker"
    assert kind_of("orderbook_units") is None
    assert kind_of("candle") == "candle"
