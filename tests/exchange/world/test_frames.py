"""Every message has every field of the protocol, in order, with the right short key, in all four formats."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.exchange.world.reading import read, run, world

if TYPE_CHECKING:
    from upbit_ws_qt.exchange.messages import Change

FIELDS: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parents[2] / "data" / "fields.json").read_text(encoding="utf-8")
)
FORMATS = ("DEFAULT", "SIMPLE", "JSON_LIST", "SIMPLE_LIST")
INDICATORS: list[tuple[str, dict[str, Any], str, dict[str, Any]]] = [
    ("volume", {"period": 10}, "volume_spike", {"multiplier": Decimal("2.0")}),
    ("rsi", {"period": 14}, "overbought", {"threshold": 70}),
    ("moving_average", {"type": "EMA", "period": 20}, "price_cross_above", {}),
    ("ma_crossover", {"type": "SMA", "short_period": 5, "long_period": 20}, "golden_cross", {}),
    ("bollinger_bands", {"period": 20, "multiplier": 2}, "price_cross_below", {}),
    ("macd", {"fast": 12, "slow": 26, "signal_period": 9}, "zero_cross_above", {}),
]
_TYPES: dict[str, Any] = {
    "str": str,
    "int": int,
    "bool": bool,
    "list": list,
    "object": dict,
    "decimal": (int, Decimal),
}


@pytest.fixture(scope="module")
def changes() -> dict[str, list[Change]]:
    """Some changes of every kind."""
    small = world(seed=3, rate=60)
    for kind, params, trigger, event_params in INDICATORS:
        for code in sorted(small.codes):
            small.indicators.watch(code, "5m", kind, params)
            small.indicators.watch(code, "5m", kind, params, trigger, event_params)
    found: dict[str, list[Change]] = {}
    happened = list(run(small, 1800))
    happened += small.account.place("KRW-BTC", "BID", "limit", "149000000", "0.01", smp_type="reduce")
    happened += small.account.place("KRW-BTC", "BID", "limit", "150000000", "0.01", "post_only", "mine")
    happened += small.account.fill(happened[-2].uuid, "0.004")
    happened += small.publish_announcement("제목", "notice", "본문")
    for change in happened:
        kept = found.setdefault(change.kind, [])
        if len(kept) < 40 or change.kind.startswith("indicator"):
            kept.append(change)
    return found


def _group(kind: str) -> str:
    return "candle" if kind.startswith("candle") else kind


def _check(message: dict[str, Any], group: str, simple: bool, optional: bool = False) -> None:
    key = "simple" if simple else "name"
    fields = {field[key]: field for field in FIELDS[group]}
    names = [name for name in fields if name in message] if optional else list(fields)
    assert list(message) == names
    for name, value in message.items():
        field = fields[name]
        if value is None:
            assert field.get("nullable"), name
            continue
        assert isinstance(value, _TYPES[field["kind"]]), (name, value)
        assert not (field["kind"] in ("int", "decimal") and isinstance(value, bool))
        if "values" in field:
            assert value in field["values"], (name, value)


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize(
    "kind",
    [
        *("ticker", "trade", "orderbook", "candle.1s", "candle.1m", "candle.240m"),
        *("myOrder", "myAsset", "announcement", "indicator", "indicator_signal"),
    ],
)
def test_fields_keys_and_types(changes: dict[str, list[Change]], kind: str, fmt: str) -> None:
    simple = fmt.startswith("SIMPLE")
    assert changes[kind]
    for change in changes[kind]:
        message = read(change, fmt, include_body=True)
        _check(message, _group(kind), simple)
        nested = {
            "orderbook": ("orderbook_units", "obu", "orderbook_units"),
            "myAsset": ("assets", "ast", "assets"),
        }.get(kind)
        if nested is not None:
            for item in message[nested[1] if simple else nested[0]]:
                _check(item, nested[2], simple)
        if kind.startswith("indicator"):
            _check(message["p" if simple else "params"], "indicator.params", simple, optional=True)
            _check(message["v" if simple else "value"], "indicator.value", simple, optional=True)
            if kind == "indicator_signal":
                _check(message["ep" if simple else "event_params"], "indicator_signal.event_params", simple, True)


def test_the_formats_say_the_same(changes: dict[str, list[Change]]) -> None:
    for kind, some in changes.items():
        names = {field["simple"]: field["name"] for field in FIELDS[_group(kind)]}
        for change in some:
            default = read(change)
            assert default == read(change, "JSON_LIST")
            simple = read(change, "SIMPLE")
            assert simple == read(change, "SIMPLE_LIST")
            for key, value in simple.items():
                if not isinstance(value, list | dict):
                    assert default[names[key]] == value, key


def test_frames_are_compact_utf8_and_begin_with_type_and_code(changes: dict[str, list[Change]]) -> None:
    for kind, some in changes.items():
        frame = some[0].render("DEFAULT", "REALTIME")
        head = f'{{"type":"{kind}"' + (f',"code":"{some[0].code}"' if some[0].code else "")
        assert frame.decode("utf-8").startswith(head)
        if kind != "announcement":
            assert b" " not in frame


def test_a_frame_is_rendered_once(changes: dict[str, list[Change]]) -> None:
    for some in changes.values():
        assert some[0].render("SIMPLE", "REALTIME") is some[0].render("SIMPLE", "REALTIME")
        assert some[0].render("SIMPLE", "REALTIME") is not some[0].render("SIMPLE", "SNAPSHOT")


def test_snapshots_say_so(changes: dict[str, list[Change]]) -> None:
    assert read(changes["ticker"][0], "DEFAULT", "SNAPSHOT")["stream_type"] == "SNAPSHOT"
    assert read(changes["orderbook"][0], "SIMPLE", "SNAPSHOT", depth=5)["st"] == "SNAPSHOT"


def test_an_unknown_format_is_an_error(changes: dict[str, list[Change]]) -> None:
    for some in changes.values():
        with pytest.raises(KeyError):
            some[0].render("PROTOBUF", "REALTIME")


def test_the_body_comes_only_when_asked_for(changes: dict[str, list[Change]]) -> None:
    change = changes["announcement"][0]
    assert "body" not in read(change)
    assert read(change, include_body=True)["body"] == "본문"


def test_whole_numbers_of_params_are_whole_and_multipliers_are_not(changes: dict[str, list[Change]]) -> None:
    texts = [change.render("DEFAULT", "REALTIME").decode() for change in changes["indicator"]]
    assert any('"params":{"period":20,"multiplier":2.0}' in text for text in texts)
    assert any('"params":{"period":20,"type":"EMA"}' in text for text in texts)
