"""Epochs count lines; tokens are made fresh and never kept."""

from __future__ import annotations

import gc
import warnings

import jwt
import pytest

from upbit_ws_qt.connection.auth import JWTManager
from upbit_ws_qt.connection.epoch import EpochManager, may_miss
from upbit_ws_qt.credentials import Credentials
from upbit_ws_qt.errors import AuthenticationError
from upbit_ws_qt.streams import StreamKey
from upbit_ws_qt.types import DataType, WebSocketType

PUBLIC, PRIVATE, INFO = WebSocketType.PUBLIC, WebSocketType.PRIVATE, WebSocketType.INFO
SECRET = "canary-secret-0123456789-0123456789-0123"


async def test_each_endpoint_counts_its_own_lines() -> None:
    epochs = EpochManager()
    seen: list[tuple[WebSocketType, int]] = []
    epochs.add_listener(lambda ws_type, epoch: seen.append((ws_type, epoch)))
    assert epochs.get_current_epoch(PUBLIC) == 0
    assert await epochs.increment_epoch(PUBLIC) == 1
    assert await epochs.increment_epoch(PUBLIC) == 2
    assert epochs.advance(PRIVATE) == 1
    assert epochs.is_current_epoch(PUBLIC, 2)
    assert not epochs.is_current_epoch(PUBLIC, 1)
    assert epochs.is_current_epoch(INFO, 0)
    assert seen == [(PUBLIC, 1), (PUBLIC, 2), (PRIVATE, 1)]


def test_each_listener_is_told_of_each_epoch() -> None:
    epochs = EpochManager()
    seen: list[tuple[str, int]] = []
    for name in ("first", "second", "third"):
        epochs.add_listener(lambda _, epoch, name=name: seen.append((name, epoch)))  # type: ignore[misc]
    epochs.advance(PUBLIC)
    assert seen == [("first", 1), ("second", 1), ("third", 1)]


def test_a_listener_can_be_taken_away() -> None:
    epochs = EpochManager()
    seen: list[int] = []

    def listener(_: WebSocketType, epoch: int) -> None:
        seen.append(epoch)

    epochs.add_listener(listener)
    epochs.advance(PUBLIC)
    epochs.remove_listener(listener)
    epochs.remove_listener(listener)
    epochs.advance(PUBLIC)
    assert seen == [1]


def test_trades_orders_assets_and_closed_candles_may_be_missed() -> None:
    missed = {each for each in DataType if may_miss(StreamKey(each))}
    assert missed == {DataType.TRADE, DataType.MY_ORDER, DataType.MY_ASSET, *(t for t in DataType if t.is_candle)}


@pytest.mark.statement("P2.1", "P2.5")
def test_a_token_is_what_the_exchange_wants_and_new_each_time() -> None:
    manager = JWTManager(Credentials("the-access-key", SECRET))
    tokens = [manager.make_token(PRIVATE) for _ in range(50)]
    nonces = set()
    for token in tokens:
        assert jwt.get_unverified_header(token) == {"alg": "HS512", "typ": "JWT"}
        payload = _verified(token)
        assert set(payload) == {"access_key", "nonce"}
        assert payload["access_key"] == "the-access-key"
        nonces.add(payload["nonce"])
    assert len(nonces) == 50
    assert manager.tokens_made == 50


def _verified(token: str) -> dict[str, str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exchange's secrets are short for HS512; nothing can be done about it
        payload: dict[str, str] = jwt.decode(token, SECRET, algorithms=["HS512"])
    return payload


def test_nothing_of_a_token_stays_in_the_manager() -> None:
    manager = JWTManager(Credentials("the-access-key", SECRET))
    token = manager.make_token(PRIVATE)
    manager.handshake_done(PRIVATE)
    kept = [text for text in _strings_reachable_from(manager) if text in token or token in text]
    assert [text for text in kept if len(text) > 8] == []


def _strings_reachable_from(root: object) -> list[str]:
    found: list[str] = []
    queue: list[object] = [root.__dict__]
    seen: set[int] = set()
    while queue:
        item = queue.pop()
        if id(item) in seen or isinstance(item, type):
            continue
        seen.add(id(item))
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, (dict, list, tuple, set)):
            queue.extend(gc.get_referents(item))
    return found


def test_without_a_key_the_error_says_so() -> None:
    manager = JWTManager(None)
    assert not manager.has_credentials
    with pytest.raises(AuthenticationError, match="no key"):
        manager.make_token(INFO)


def test_only_the_public_endpoint_needs_no_token() -> None:
    assert [t for t in WebSocketType if JWTManager.needs_token(t)] == [PRIVATE, INFO]


async def test_lines_are_renewed_at_four_fifths_of_the_lifetime() -> None:
    now = [1000.0]
    manager = JWTManager(Credentials("a", "b"), 100.0, clock=lambda: now[0])
    rotated: list[WebSocketType] = []

    async def rotate_private() -> None:
        rotated.append(PRIVATE)
        manager.handshake_done(PRIVATE)

    async def rotate_info() -> None:
        rotated.append(INFO)

    manager.attach(PRIVATE, rotate_private)
    manager.attach(INFO, rotate_info)
    assert manager.due_at(PRIVATE) is None
    assert await manager.refresh_token_if_needed() == ()
    manager.handshake_done(PRIVATE)
    now[0] += 79.9
    assert await manager.refresh_token_if_needed() == ()
    now[0] += 0.2
    assert await manager.refresh_token_if_needed() == (PRIVATE,)
    assert manager.due_at(PRIVATE) == pytest.approx(now[0] + 80.0)
    assert rotated == [PRIVATE]
    manager.line_closed(PRIVATE)
    now[0] += 1000
    assert await manager.refresh_token_if_needed() == ()
    manager.detach(PRIVATE)
    manager.detach(PRIVATE)
