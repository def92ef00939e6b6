"""Messages made from tests/data/fields.json alone, so that nothing of the package vouches for itself."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.frames import FIELDS

KINDS = [
    "ticker", "trade", "orderbook", "candle", "myOrder", "myAsset", "announcement", "indicator", "indicator_signal",
]  # fmt: skip
NESTED = {
    ("orderbook", "orderbook_units"): "orderbook_units",
    ("myAsset", "assets"): "assets",
    ("indicator", "params"): "indicator.params",
    ("indicator", "value"): "indicator.value",
    ("indicator_signal", "params"): "indicator.params",
    ("indicator_signal", "value"): "indicator.value",
    ("indicator_signal", "event_params"): "indicator_signal.event_params",
}
FORMATS = ("DEFAULT", "SIMPLE", "JSON_LIST", "SIMPLE_LIST")


@dataclass(frozen=True)
class Number:
    """A JSON number as its own text."""

    text: str


@dataclass(frozen=True)
class Sample:
    """A message under its long keys; `render` spells it in any format."""

    kind: str
    fields: dict[str, Any]

    def render(self, data_format: str, colon: str = ":") -> bytes:
        fields = short(self.kind, self.fields) if data_format.startswith("SIMPLE") else self.fields
        text = dump(fields, colon)
        return (f"[{text}]" if data_format.endswith("LIST") else text).encode()


def dump(value: Any, colon: str = ":") -> str:
    """Return compact JSON, numbers as their own text; `colon` may bring white space along."""
    if isinstance(value, Number):
        return value.text
    if isinstance(value, dict):
        return "{" + ",".join(json.dumps(key) + colon + dump(item, colon) for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(dump(item, colon) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def short(kind: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields under their SIMPLE keys; unknown ones keep theirs."""
    keys = {field["name"]: field["simple"] for field in FIELDS[kind]}
    made: dict[str, Any] = {}
    for name, value in fields.items():
        inner = NESTED.get((kind, name))
        if inner and isinstance(value, list):
            value = [short(inner, item) for item in value]
        elif inner:
            value = short(inner, value)
        made[keys.get(name, name)] = value
    return made


codes = st.sampled_from(["KRW-BTC", "BTC-PEPE", "USDT-1INCH", "KRW-A", "KRW-ÜÖ"])
texts = st.text(st.characters(codec="utf-8"), max_size=8)
times = st.datetimes().map(lambda moment: moment.replace(microsecond=0).isoformat())


_SPELLINGS = [
    "0",
    "7",
    "12.50",
    "123.00000000",
    "109868000.0",
    "1386929.37231066771348207123",
    "0.00000000000000000001",
]
_EXPONENTS = ["", "", "e-05", "E8", "E-8", "e+10"]


@functools.cache  # as below: hypothesis looks each new strategy over, which takes longer than to draw from it
def decimals() -> st.SearchStrategy[Number]:
    """Return numbers spelt as the exchange does: signs, trailing zeros, exponents of both cases, integers."""
    body = st.one_of(st.sampled_from(_SPELLINGS), st.decimals(0, 10**12, places=8).map(lambda d: format(d, "f")))
    return st.builds(
        lambda sign, number, exponent: Number(sign + number + exponent),
        st.sampled_from(["", "", "-"]),
        body,
        st.sampled_from(_EXPONENTS),
    )


def _value(kind: str, field: dict[str, Any]) -> st.SearchStrategy[Any]:
    inner = NESTED.get((kind, field["name"]))
    name, field_kind = field["name"], field["kind"]
    if inner:
        return st.lists(fields_of(inner), max_size=4) if field_kind == "list" else fields_of(inner)
    if name == "code":
        return codes
    if name == "type" and "." not in kind:
        return st.sampled_from(field["values"])
    if name == "candle_date_time_utc":
        return times
    known: st.SearchStrategy[Any] = {
        "decimal": decimals(),
        "int": st.integers(0, 253_402_300_799_999),
        "bool": st.booleans(),
        "str": st.one_of(st.sampled_from(field["values"]), texts) if "values" in field else texts,
    }[field_kind]
    if name == "sequential_id":
        known = st.integers(0, 2**63 - 1)
    return st.one_of(st.none(), known) if field.get("nullable") else known


@functools.cache
def fields_of(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    """Return objects of a kind in the order of the wire, optional fields there or not."""
    required = {f["name"]: _value(kind, f) for f in FIELDS[kind] if not f.get("optional")}
    optional = {f["name"]: _value(kind, f) for f in FIELDS[kind] if f.get("optional")}
    whole = st.fixed_dictionaries(required, optional=optional)
    return whole.map(lambda made: {f["name"]: made[f["name"]] for f in FIELDS[kind] if f["name"] in made})


@functools.cache
def samples(kind: str) -> st.SearchStrategy[Sample]:
    """Return messages of a kind."""
    return fields_of(kind).map(lambda fields: Sample(kind, fields))
