"""The error tree: context as attributes, a recovery for each, text that says what to do."""

from __future__ import annotations

import pickle

import pytest

from upbit_ws_qt import errors
from upbit_ws_qt.errors import (
    AuthenticationError,
    BackpressureError,
    ConfigurationError,
    ConnectionLostError,
    DecodeError,
    RateLimitError,
    RecoveryError,
    RecoveryStrategy,
    RestError,
    SubscriptionError,
    WebSocketError,
)

SAMPLES: list[WebSocketError] = [
    ConfigurationError("ping_interval", -1, "a number from 0.05 to 55"),
    ConnectionLostError("public", "reset by peer", close_code=1006, attempts=3),
    AuthenticationError("private", "INVALID_AUTH"),
    RateLimitError("public", "5 requests a second", retry_after=1.5),
    SubscriptionError(
        "codes are forbidden", spec="myAsset(KRW-BTC)", index=2, codes=("KRW-BTC",), component_id="chart"
    ),
    RecoveryError("public", "no first data", missing=("ticker KRW-BTC",)),
    RestError("/orders/open", "default", "out_of_scope", "the exchange answers HTTP 403", status=403),
    BackpressureError("chart", "queue full", dropped=12),
    DecodeError("truncated", '{"type":'),
]


def test_the_tree_is_complete_and_flat() -> None:
    classes = {getattr(errors, name) for name in errors.__all__} - {RecoveryStrategy}
    assert {type(sample) for sample in SAMPLES} | {WebSocketError} == classes
    assert all(issubclass(kind, WebSocketError) for kind in classes)


@pytest.mark.parametrize(
    ("error", "recovery"),
    list(
        zip(
            SAMPLES,
            [
                RecoveryStrategy.NONE,
                RecoveryStrategy.RECONNECT,
                RecoveryStrategy.NONE,
                RecoveryStrategy.WAIT,
                RecoveryStrategy.NONE,
                RecoveryStrategy.RECONNECT,
                RecoveryStrategy.NONE,
                RecoveryStrategy.SKIP,
                RecoveryStrategy.SKIP,
            ],
            strict=True,
        )
    ),
)
def test_each_error_tells_what_is_done_about_it(error: WebSocketError, recovery: RecoveryStrategy) -> None:
    assert error.recovery is recovery


def test_context_is_in_attributes_and_in_the_text() -> None:
    lost = SAMPLES[1]
    assert isinstance(lost, ConnectionLostError)
    assert (lost.endpoint, lost.cause, lost.close_code, lost.attempts) == ("public", "reset by peer", 1006, 3)
    assert str(lost) == "the public connection is lost: reset by peer, close code 1006, after 3 attempts"
    assert str(ConnectionLostError("public", "x", attempts=1)) == "the public connection is lost: x, after 1 attempt"
    wish = SAMPLES[4]
    assert isinstance(wish, SubscriptionError)
    assert (wish.index, wish.codes, wish.component_id) == (2, ("KRW-BTC",), "chart")
    assert str(wish) == "spec 2: codes are forbidden in myAsset(KRW-BTC) (component chart)"


def test_text_leaves_out_what_is_not_known() -> None:
    assert str(ConnectionLostError("info", "refused")) == "the info connection is lost: refused"
    assert str(RateLimitError("info", "418")) == "rate limit on the info connection: 418"
    assert str(SubscriptionError("empty")) == "empty"
    assert str(DecodeError("empty frame")) == "cannot decode frame: empty frame"
    assert str(RecoveryError("public", "LIST differs")).endswith("LIST differs")


def test_many_missing_streams_are_cut_short() -> None:
    error = RecoveryError("public", "no first data", missing=tuple(f"S{i}" for i in range(13)))
    assert str(error).endswith("S9, and 3 more")
    assert len(error.missing) == 13


def test_recovery_can_be_said_for_one_error() -> None:
    assert WebSocketError("x", recovery=RecoveryStrategy.RETRY).recovery is RecoveryStrategy.RETRY
    assert (
        ConnectionLostError("public", "certificate", recovery=RecoveryStrategy.NONE).recovery is RecoveryStrategy.NONE
    )
    assert SubscriptionError("x", recovery=RecoveryStrategy.RESUBSCRIBE).recovery is RecoveryStrategy.RESUBSCRIBE


def test_configuration_errors_cross_processes() -> None:
    copy = pickle.loads(pickle.dumps(SAMPLES[0]))  # noqa: S301 - made a line above
    assert (copy.field, copy.value, copy.allowed) == ("ping_interval", -1, "a number from 0.05 to 55")
