"""How failures are named, counted and judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upbit_ws_qt.connection.link import DialError
from upbit_ws_qt.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectionLostError,
    RateLimitError,
    RecoveryStrategy,
    WebSocketError,
)
from upbit_ws_qt.text import Phrase, safe_text

if TYPE_CHECKING:
    from upbit_ws_qt.connection.line import Line

__all__ = ["close_code_of", "is_final", "kind_of", "loss_cause", "short_cause"]


def kind_of(error: WebSocketError) -> str:
    """Return the name under which a failure is counted."""
    match error:
        case DialError():
            return error.kind if error.status is None else f"HTTP {error.status}"
        case RateLimitError():
            return "rate limit"
        case AuthenticationError():
            return "authentication"
        case ConfigurationError():
            return "configuration"
        case ConnectionLostError():
            return "lost"
        case _:
            return "not proved"


def is_final(error: WebSocketError) -> bool:
    """Whether trying again by ourselves is pointless: the key, the certificate or a setting is wrong."""
    of_a_dial = isinstance(error, (AuthenticationError, ConfigurationError, DialError))
    return of_a_dial and error.recovery is RecoveryStrategy.NONE


def short_cause(error: WebSocketError) -> str:
    """Return what happened in a few words, for a history of states."""
    return error.cause if isinstance(error, ConnectionLostError) else error.message


def close_code_of(error: WebSocketError) -> int | None:
    """Return the close code that an error carries."""
    return error.close_code if isinstance(error, ConnectionLostError) else None


def loss_cause(line: Line) -> str:
    """Return why a line that is closed went, with the exchange's last error where there was one."""
    cause = line.closed.result().cause
    return (
        cause
        if line.refusal is None
        else Phrase("{cause} after {error}", cause=cause, error=safe_text(line.refusal.name, 60))
    )
