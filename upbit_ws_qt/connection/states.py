"""The states of a connection: which may follow which, and what happened when."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from upbit_ws_qt.types import ConnectionState, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["TRANSITIONS", "StateChange", "StateMachine"]

HISTORY = 200

_S = ConnectionState
_ENDS = frozenset({_S.DISCONNECTED, _S.FAILED, _S.STOPPED})
TRANSITIONS: Mapping[ConnectionState, frozenset[ConnectionState]] = MappingProxyType(
    {
        _S.DISCONNECTED: frozenset({_S.CONNECTING, _S.STOPPED}),
        _S.CONNECTING: frozenset({_S.SYNCING, _S.RECONNECTING}) | _ENDS,
        _S.SYNCING: frozenset({_S.CONNECTED, _S.RECONNECTING}) | _ENDS,
        _S.CONNECTED: frozenset({_S.RECONNECTING}) | _ENDS,
        _S.RECONNECTING: frozenset({_S.SYNCING}) | _ENDS,
        _S.FAILED: frozenset({_S.CONNECTING, _S.STOPPED}),
        _S.STOPPED: frozenset(),
    }
)


@dataclass(frozen=True, slots=True)
class StateChange:
    """One step of a connection.

    Attributes:
        ws_type: endpoint.
        old: state before.
        new: state from now on.
        cause: in a few words.
        close_code: of the WebSocket, None where none was closed.
        at: loop clock, seconds.
        at_ms: wall clock, milliseconds.
    """

    ws_type: WebSocketType
    old: ConnectionState
    new: ConnectionState
    cause: str
    close_code: int | None
    at: float
    at_ms: int


class StateMachine:
    """The present state, and the last 200 changes.

    Attributes:
        state: the present one.
        history: oldest first.
    """

    def __init__(
        self,
        ws_type: WebSocketType,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
        on_change: Callable[[StateChange], None],
    ) -> None:
        self._ws_type = ws_type
        self._clock = clock
        self._wall_clock = wall_clock
        self._on_change = on_change
        self.state = ConnectionState.DISCONNECTED
        self.history: deque[StateChange] = deque(maxlen=HISTORY)

    def move(self, new: ConnectionState, cause: str, close_code: int | None = None) -> bool:
        """Go to another state; False when it is the present one. An illegal step is a bug and raises RuntimeError."""
        old = self.state
        if new is old:
            return False
        if new not in TRANSITIONS[old]:
            raise RuntimeError(f"the {self._ws_type.value} connection cannot go from {old.value} to {new.value}")
        self.state = new
        change = StateChange(self._ws_type, old, new, cause, close_code, self._clock(), int(self._wall_clock() * 1000))
        self.history.append(change)
        self._on_change(change)
        return True
