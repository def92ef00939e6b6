"""Every type in every format, from generated messages: nothing is lost, and the formats agree."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire.strategies import FORMATS, KINDS, NESTED, Number, Sample, dump, samples
from upbit_ws_qt.wire import SimpleFormatConverter, decode, peek

if TYPE_CHECKING:
    import msgspec

EXAMPLES = 25  # of each kind; hypothesis keeps what failed, and the fuzzer goes on where these stop
by_kind = pytest.mark.parametrize("kind", KINDS)


def assert_same(wire: Any, decoded: Any, kind: str, name: str) -> None:
    """Hold one decoded value against what stood in the message, digit for digit."""
    inner = NESTED.get((kind, name))
    if inner and isinstance(wire, list):
        assert len(wire) == len(decoded)
        for item, event_item in zip(wire, decoded, strict=True):
            assert_fields(item, event_item, inner)
    elif inner:
        assert_fields(wire, decoded, inner)
    elif isinstance(wire, Number):
        assert type(decoded) is Decimal
        assert decoded.as_tuple()[1:] == Decimal(wire.text).as_tuple()[1:]
        assert decoded == Decimal(wire.text)
    else:
        assert decoded == wire
        assert type(decoded) is type(wire)


def assert_fields(wire: dict[str, Any], decoded: msgspec.Struct, kind: str) -> None:
    for name, value in wire.items():
        assert_same(value, getattr(decoded, name), kind, name)


@by_kind
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_every_field_arrives_digit_for_digit_in_every_format(kind: str, data: st.DataObject) -> None:
    sample = data.draw(samples(kind))
    (expected,) = decode(sample.render("DEFAULT"))
    assert_fields(sample.fields, expected, kind)
    for data_format in FORMATS:
        frame = sample.render(data_format)
        (event,) = decode(frame)
        assert event == expected
        assert_fields(sample.fields, event, kind)  # equal decimals may still differ in their digits
        assert type(event) is type(expected)
        assert peek(frame) == (sample.fields["type"], sample.fields.get("code", ""))
        assert decode(frame.decode()) == decode(bytearray(frame)) == decode(memoryview(frame)) == (event,)


@by_kind
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_peek_agrees_with_decode_in_any_spelling(kind: str, data: st.DataObject) -> None:
    sample = data.draw(samples(kind))
    items = list(sample.fields.items())
    shuffled = Sample(kind, dict(data.draw(st.permutations(items))))
    data_format = data.draw(st.sampled_from(FORMATS))
    before, colon = data.draw(st.sampled_from([(b"", ":"), (b" ", " : "), (b"\r\n\t", "\t:\n")]))
    frame = before + shuffled.render(data_format, colon)
    (event,) = decode(frame)
    assert_fields(sample.fields, event, kind)
    assert peek(frame) in (None, (sample.fields["type"], sample.fields.get("code", "")))


UNKNOWN: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    st.sampled_from(["new_field", "epoch", "received_at", "error", "status", "method", "codes"]),
    st.one_of(st.none(), st.booleans(), st.text(max_size=5), st.lists(st.integers()), st.just({"a": {"b": []}})),
    max_size=3,
)


@by_kind
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_unknown_fields_cost_nothing(kind: str, data: st.DataObject) -> None:
    sample = data.draw(samples(kind))
    extra = data.draw(UNKNOWN)
    for data_format in FORMATS:
        frame = Sample(kind, {**sample.fields, **extra}).render(data_format)
        assert decode(frame) == decode(sample.render("DEFAULT"))


@by_kind
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_the_converter_loses_nothing_either_way(kind: str, data: st.DataObject) -> None:
    sample = data.draw(samples(kind))
    long = json.loads(dump({**sample.fields, "new_field": [1, {"type": "x"}]}), parse_float=Decimal)
    expected = json.loads(
        Sample(kind, {**sample.fields, "new_field": [1, {"type": "x"}]}).render("SIMPLE"), parse_float=Decimal
    )
    simple = SimpleFormatConverter.convert_to_simple_format(long)
    assert simple == expected
    assert list(simple) == list(expected)
    assert SimpleFormatConverter.convert_from_simple_format(simple) == long
    assert SimpleFormatConverter.convert_to_simple_format(simple) == simple
    assert SimpleFormatConverter.convert_from_simple_format(long) == long
