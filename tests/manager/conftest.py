"""An exchange, a manager on it, and a diary of what the manager said."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.credentials import Credentials
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings
from upbit_ws_qt.manager import GlobalWebSocketManager, ManagerListener

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from upbit_ws_qt.backfill import GapReport
    from upbit_ws_qt.connection import GapEvent, StateChange
    from upbit_ws_qt.errors import WebSocketError
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions import StreamStatus
    from upbit_ws_qt.types import ConnectionState, GlobalManagerState, WebSocketType


@dataclass
class Diary(ManagerListener):
    """Writes everything down, and notes when it was told from inside a Task."""

    states: list[GlobalManagerState] = field(default_factory=list)
    changes: list[StateChange] = field(default_factory=list)
    epochs: list[tuple[WebSocketType, int]] = field(default_factory=list)
    gaps: list[GapEvent] = field(default_factory=list)
    errors: list[WebSocketError] = field(default_factory=list)
    failures: list[tuple[str, Exception]] = field(default_factory=list)
    statuses: list[tuple[StreamKey, StreamStatus]] = field(default_factory=list)
    healed: list[GapReport] = field(default_factory=list)
    told_in_task: int = 0

    def _note(self, notes: list[Any], entry: object) -> None:
        notes.append(entry)
        self.told_in_task += asyncio.current_task() is not None

    def on_state(self, state: GlobalManagerState) -> None:
        self._note(self.states, state)

    def on_connection_state(self, ws_type: WebSocketType, change: StateChange) -> None:
        assert change.ws_type is ws_type
        self._note(self.changes, change)

    def on_epoch(self, ws_type: WebSocketType, epoch: int) -> None:
        self._note(self.epochs, (ws_type, epoch))

    def on_gap(self, gap: GapEvent) -> None:
        self._note(self.gaps, gap)

    def on_error(self, error: WebSocketError) -> None:
        self._note(self.errors, error)

    def on_component_failed(self, component_id: str, error: Exception) -> None:
        self._note(self.failures, (component_id, error))

    def on_stream_status(self, stream: StreamKey, status: StreamStatus) -> None:
        self._note(self.statuses, (stream, status))

    def on_gap_healed(self, report: GapReport) -> None:
        self._note(self.healed, report)

    def path(self, ws_type: WebSocketType) -> list[ConnectionState]:
        """The states that a line went through."""
        return [change.new for change in self.changes if change.ws_type is ws_type]


def config_for(exchange: EmbeddedExchange, **changes: Any) -> ServiceConfig:
    return ServiceConfig.testing(
        **{
            "public_url": exchange.public_url,
            "private_url": exchange.private_url,
            "info_url": exchange.info_url,
            "rest_url": exchange.rest_url,
            "credentials": Credentials(exchange.access_key, exchange.secret_key),
            **changes,
        }
    )


@pytest.fixture
async def exchange() -> AsyncIterator[EmbeddedExchange]:
    """A small, quiet market."""
    async with EmbeddedExchange(ExchangeSettings(seed=7, markets=60, rate=200, prepare=False)) as running:
        yield running


@dataclass
class Desk:
    """A started manager and its diary."""

    manager: GlobalWebSocketManager
    diary: Diary


@pytest.fixture
async def make_desk(exchange: EmbeddedExchange) -> AsyncIterator[Callable[..., Any]]:
    desks: list[Desk] = []

    async def make(**changes: Any) -> Desk:
        desk = Desk(GlobalWebSocketManager(config_for(exchange, **changes)), Diary())
        desk.manager.add_listener(desk.diary)
        desks.append(desk)
        await desk.manager.start()
        return desk

    yield make
    for desk in desks:
        await desk.manager.stop()
        assert desk.diary.told_in_task == 0


@pytest.fixture
async def desk(make_desk: Callable[..., Any]) -> Desk:
    made: Desk = await make_desk()
    return made
