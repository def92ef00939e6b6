"""The pure parts: limits, tokens, HTTP heads, the clock, the agenda, settings."""

from __future__ import annotations

import pytest

from tests.exchange.server.raw import token
from upbit_ws_qt.exchange import ExchangeSettings, SettingsError
from upbit_ws_qt.exchange.agenda import Agenda
from upbit_ws_qt.exchange.auth import TokenRefusedError, TokenVerifier
from upbit_ws_qt.exchange.clock import ExchangeClock
from upbit_ws_qt.exchange.http import MOST_BODY, BadRequestError, parse_head
from upbit_ws_qt.exchange.limits import Gate, MessageLimit, SlidingWindow
from upbit_ws_qt.exchange.requests import split_depth


def test_a_window_slides() -> None:
    window = SlidingWindow(2, 1.0)
    accepted = []
    for now in (0.0, 0.5, 0.9, 1.0, 1.2, 1.5):
        accepted.append(window.has_room(now))
        if accepted[-1]:
            window.note(now)
    assert accepted == [True, True, False, True, False, True]
    assert window.remaining(1.5) == 0
    assert window.remaining(9.0) == 2


def test_no_limit_is_no_limit() -> None:
    limit = MessageLimit((None, 1.0))
    assert all(limit.accept(0.0) for _ in range(1000))


def test_both_limits_of_messages_hold() -> None:
    limit = MessageLimit((2, 1.0), (3, 60.0))
    assert [limit.accept(now) for now in (0.0, 0.1, 0.2, 1.1, 2.2, 61.0)] == [True, True, False, True, False, True]


def test_blocks_grow_and_are_forgotten() -> None:
    gate = Gate(1, block_after=2, block_seconds=2.0)
    assert [gate.connect("a", now).status for now in (0.0, 0.1, 0.2, 0.3)] == [101, 429, 418, 418]
    assert gate.blocked_for("a", 0.3) == pytest.approx(1.9)
    assert gate.connect("b", 0.3).status == 101, "another client is not touched"
    assert gate.connect("a", 0.4).seconds == pytest.approx(4.0), "hammering makes it longer"
    assert gate.connect("a", 4.5).status == 101
    assert [gate.connect("a", now).status for now in (4.6, 4.7)] == [429, 418]
    assert gate.blocked_for("a", 4.7) == pytest.approx(8.0)
    assert gate.connect("a", 700.0).status == 101
    gate.violation("a", 700.1)
    gate.violation("a", 700.2)
    assert gate.blocked_for("a", 700.2) == pytest.approx(2.0), "after ten quiet minutes it begins anew"


def test_the_longest_block_is_ten_minutes() -> None:
    gate = Gate(1, block_after=1, block_seconds=2.0)
    for number in range(100):
        gate.violation("a", number * 1.0)
    assert gate.blocked_for("a", 99.0) == 600.0


def test_the_memory_of_the_gate_is_bounded() -> None:
    gate = Gate(1)
    for number in range(20_000):
        gate.connect(f"address {number}", 0.0)
    assert len(gate._clients) == 10_000


def test_nonces_are_remembered_up_to_a_bound_that_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("upbit_ws_qt.exchange.auth._MOST_NONCES", 3)
    verifier = TokenVerifier({"a": "s"})
    tokens = [f"Bearer {token('a', 's')}" for _ in range(5)]
    assert [verifier.verify(each) for each in tokens] == ["a"] * 5
    assert verifier.nonces_forgotten == 2
    with pytest.raises(TokenRefusedError, match="before"):
        verifier.verify(tokens[-1])


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /", 400),
        (b"GET / HTTP/2", 400),
        (b"GET / HTTP/1.1\r\nno colon", 400),
        (b"GET / HTTP/1.1\r\n: x", 400),
        (b"GET http://[bad/ HTTP/1.1", 400),
        (b"GET / HTTP/1.1" + b"\r\na: b" * 200, 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX-Y: 1\r\nx-y: 1", 400),
    ],
)
def test_a_bad_head_is_refused(head: bytes, status: int) -> None:
    with pytest.raises(BadRequestError) as refused:
        parse_head(head)
    assert refused.value.status == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (b"Content-Length: -1", 400),
        (b"Content-Length: x", 400),
        (b"Content-Length: %d" % (MOST_BODY + 1), 413),
        (b"Content-Length: 99999999999999999999", 413),
        (b"Transfer-Encoding: chunked", 501),
    ],
)
def test_a_bad_body_is_refused(headers: bytes, status: int) -> None:
    with pytest.raises(BadRequestError) as refused:
        _ = parse_head(b"POST / HTTP/1.1\r\n" + headers).body_length
    assert refused.value.status == status


def test_a_head_is_read() -> None:
    request = parse_head(b"GET /v1/ticker?markets=KRW-BTC%2CKRW-ETH&x= HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket")
    assert (request.method, request.path, request.wants_websocket) == ("GET", "/v1/ticker", True)
    assert request.query == "markets=KRW-BTC%2CKRW-ETH&x="
    assert request.headers["host"] == "a"


def test_the_clock_runs_stops_and_scales() -> None:
    now = 100.0
    clock = ExchangeClock(1_000, lambda: now)
    now = 101.0
    assert clock.now_ms() == 2_000
    clock.stop()
    now = 105.0
    assert clock.now_ms() == 2_000
    clock.go_on()
    clock.set_scale(10)
    now = 106.0
    assert clock.now_ms() == 12_000
    clock.set_ms(5_000)
    assert clock.now_ms() == 5_000
    with pytest.raises(ValueError, match="scale"):
        clock.set_scale(0)


def test_the_agenda_keeps_time_then_order() -> None:
    agenda, done = Agenda(), []
    agenda.at(2.0, lambda: done.append("late"))
    agenda.at(1.0, lambda: done.append("first"))
    agenda.at(1.0, lambda: done.append("second"))
    agenda.run(1.5)
    assert done == ["first", "second"]
    agenda.clear()
    agenda.run(3.0)
    assert done == ["first", "second"]


@pytest.mark.parametrize(
    ("code", "pair", "depth"),
    [
        ("KRW-BTC", "KRW-BTC", 30),
        ("KRW-BTC.5", "KRW-BTC", 5),
        ("KRW-BTC.05", "KRW-BTC", 5),
        ("KRW-BTC.999999999999", "KRW-BTC", 30),
        ("KRW-BTC.²", "KRW-BTC.²", 30),
        ("KRW-BTC.", "KRW-BTC.", 30),
    ],
)
def test_depths_in_codes(code: str, pair: str, depth: int) -> None:
    assert split_depth(code) == (pair, depth)


@pytest.mark.parametrize(
    "wrong",
    [
        {"host": "0.0.0.0"},  # noqa: S104 -- refused
        {"host": "localhost"},
        {"host": "192.168.0.1"},
        {"host": "::"},
        {"port": 70_000},
        {"rate": float("nan")},
        {"rate": 50_001},
        {"markets": 0},
        {"time_scale": 0},
        {"idle_timeout": 0},
        {"auth_failure": "silently"},
    ],
)
def test_settings_that_cannot_be_are_refused_in_one_line(wrong: dict[str, object]) -> None:
    with pytest.raises(SettingsError) as refused:
        ExchangeSettings(**wrong)  # type: ignore[arg-type]
    assert "\n" not in str(refused.value)
    assert next(iter(wrong)) in str(refused.value)


def test_the_dummy_keys_are_as_long_as_real_ones() -> None:
    settings = ExchangeSettings()
    assert len(settings.access_key) == len(settings.secret_key) == 40
