"""What happens stands in the log, bounded and without keys; as JSON where the configuration says so."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from tests.manager.conftest import config_for
from tests.waiting import until
from upbit_ws_qt.errors import DecodeError
from upbit_ws_qt.manager import GlobalWebSocketManager
from upbit_ws_qt.manager.journal import UNREADABLE_EVERY, Journal
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.types import ConnectionState, DataType, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from upbit_ws_qt.exchange import EmbeddedExchange

ORDERS = SubscriptionSpec(DataType.MY_ORDER)


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The package's logger, put back as it was."""
    logger = logging.getLogger("upbit_ws_qt")
    level, handlers = logger.level, logger.handlers[:]
    yield logger
    assert logger.handlers == handlers
    logger.setLevel(level)


async def cut_once(exchange: EmbeddedExchange, manager: GlobalWebSocketManager) -> None:
    """Serve orders, lose the line, serve them again."""
    await manager.start()
    handle = manager.register_component("c", ORDERS, lambda event: None)
    await handle.wait_served(10)
    exchange.faults.inject("drop", endpoint="private", times=1)
    await until(lambda: manager.get_current_epoch(WebSocketType.PRIVATE) == 2)
    await until(lambda: manager.connection_state(WebSocketType.PRIVATE) is ConnectionState.CONNECTED)
    await manager.stop()


async def test_a_lost_line_is_told_with_cause_and_code_and_no_key(
    exchange: EmbeddedExchange, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await cut_once(exchange, GlobalWebSocketManager(config_for(exchange)))
    told = [record for record in caplog.records if record.name == "upbit_ws_qt.manager"]
    (lost,) = [record for record in told if "connected to reconnecting" in record.getMessage()]
    assert "close code 1006" in lost.getMessage()
    (warning,) = [record for record in told if record.levelno >= logging.WARNING]
    assert "the private connection is lost" in warning.getMessage()
    assert any("epoch 1 to 2" in record.getMessage() for record in told)
    for secret in (exchange.access_key, exchange.secret_key, "Bearer", "eyJ"):
        assert secret not in caplog.text


async def test_json_logs_are_written_while_the_manager_runs(
    exchange: EmbeddedExchange, root: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    await cut_once(exchange, GlobalWebSocketManager(config_for(exchange, json_logs=True)))
    entries: list[dict[str, Any]] = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert {"time", "level", "logger", "message"} <= set(entries[0])
    assert [entry for entry in entries if "epoch 1 to 2" in entry["message"]]


async def test_without_json_logs_nothing_is_installed(exchange: EmbeddedExchange, root: logging.Logger) -> None:
    before = root.handlers[:]
    manager = GlobalWebSocketManager(config_for(exchange))
    await manager.start()
    assert root.handlers == before
    await manager.stop()


def test_frames_that_cannot_be_read_are_told_once_a_minute_with_their_number(caplog: pytest.LogCaptureFixture) -> None:
    now = [100.0]
    journal = Journal(lambda: now[0], json_lines=False)
    for _ in range(1000):
        journal.on_error(DecodeError("not JSON", "\x1b[2J"))
    assert len(caplog.records) == 1
    now[0] += UNREADABLE_EVERY
    journal.on_error(DecodeError("not JSON", "x"))
    assert len(caplog.records) == 2
    assert "999 more" in caplog.text
    assert "\x1b" not in caplog.text
