"""What is handed on says nothing about anybody: amounts, markets, ids and times of the private endpoint are masked."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.frames import DEFAULT_FRAMES, SIMPLE_FRAMES, listed
from upbit_ws_qt.doctor.masking import mask_private, mask_secrets

ORDER = (
    '{"type":"myOrder","code":"KRW-BTC","uuid":"ac2dc2a3-fce9-40a2-a4f6-5987c25c438f","ask_bid":"BID","state":"trade",'
    '"price":21000.5,"volume":"1E-8","is_maker":true,"identifier":"my \\"own\\" \\u0031",'
    '"trade_timestamp":1717046400123}'
)


def test_an_order_keeps_its_shape_and_loses_its_content() -> None:
    assert mask_private(ORDER) == (
        '{"type":"myOrder","code":"xxx-xxx","uuid":"xx0xx0x0-xxx0-00x0-x0x0-0000x00x000x","ask_bid":"BID",'
        '"state":"trade","price":00000.0,"volume":"0x-0","is_maker":true,"identifier":"xx xxxxx x",'
        '"trade_timestamp":0000000000000}'
    )


@pytest.mark.parametrize("text", ["42", '"text 7"', "no JSON 5 at all", '{"cut', ""])
def test_what_is_no_message_is_masked_whole(text: str) -> None:
    assert not any(character in "123456789" for character in mask_private(text))


@pytest.mark.parametrize(
    "text",
    [
        '{"error":{"name":"INVALID_AUTH","message":"no 1"}}',
        '{"status":"UP"}',
        '{"method":"LIST_SUBSCRIPTIONS","result":[{"type":"myOrder","codes":["KRW-BTC"]}],"ticket":"7"}',
        '{"type":"announcement","title":"2026","uuid":"12"}',
        '[{"ty":"announcement","tt":"2026"}]',
    ],
)
def test_what_is_public_stays(text: str) -> None:
    assert mask_private(text) == text


def test_an_order_that_looks_like_something_public_is_masked() -> None:
    assert "7" not in mask_private('{"type":"myOrder","error":{"name":"7"},"status":"7","uuid":"7"}')


@pytest.mark.parametrize("frame", [*DEFAULT_FRAMES, *SIMPLE_FRAMES, *map(listed, DEFAULT_FRAMES)])
def test_no_digit_of_a_private_sample_is_left(frame: bytes) -> None:
    text = frame.decode()
    if "myOrder" in text or "myAsset" in text:
        values = mask_private(text)
        for key in ("atv24h", "acc_trade_volume_24h"):
            values = values.replace(key, "")
        assert not any(character in "123456789" for character in values)
        assert len(mask_private(text)) <= len(text)


@given(st.text(alphabet='{}[]":,\\1aé \n'))
def test_it_never_raises_and_never_lets_a_digit_through(text: str) -> None:
    masked = mask_private(text)
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    assert isinstance(value, dict | list) or "1" not in masked


def test_secrets_and_tokens_are_taken_out() -> None:
    token = "eyJhbGciOiJIUzUxMiJ9.eyJhY2Nlc3Nfa2V5IjoieCJ9.abcdefghijklmnop"
    assert mask_secrets(f"key K-1 and Bearer {token}!", "K-1") == "key *** and Bearer ***!"
