"""Messages are handed on one by one: a sink that fails costs what it had in its hands, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.connection.peers import Client, dialled, hold, server
from upbit_ws_qt.connection.transport import hand_on
from upbit_ws_qt.connection.wire_connection import COMPRESSED_READ_SIZE, READ_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterator

MESSAGES = [b"1", b"2", b"3", b"4"]


def test_a_sink_that_takes_all_is_called_once() -> None:
    calls: list[list[bytes]] = []
    assert hand_on(lambda messages, _: calls.append(list(messages)), MESSAGES, 0.0) == 0
    assert calls == [MESSAGES]


def test_what_a_failing_sink_had_not_taken_is_handed_on_again() -> None:
    taken: list[bytes] = []

    def sink(messages: Iterator[bytes], _: float) -> None:
        for data in messages:
            if data in (b"2", b"4"):
                raise RecursionError("too deep")
            taken.append(data)

    assert hand_on(sink, MESSAGES, 0.0) == 2
    assert taken == [b"1", b"3"]


def test_a_sink_that_fails_before_it_takes_anything_ends_after_as_many_calls_as_messages() -> None:
    calls: list[float] = []

    def sink(_: Iterator[bytes], now: float) -> None:
        calls.append(now)
        raise RecursionError("too deep")

    assert hand_on(sink, MESSAGES, 1.5) == len(MESSAGES)
    assert calls == [1.5] * len(MESSAGES)


@pytest.mark.parametrize(("compression", "size"), [(False, READ_SIZE), (True, COMPRESSED_READ_SIZE)])
async def test_as_much_is_read_in_a_turn_as_is_good_for_what_is_on_the_line(compression: bool, size: int) -> None:
    async with server(hold) as url, dialled(url, Client(compression=compression)) as socket:
        assert socket._stream is not None
        assert getattr(socket._stream.transport, "max_size", None) == size
