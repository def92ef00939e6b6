"""What a dial needs, what it gives, and how it can fail: the words between a connection and its sockets."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field, fields, replace
from operator import length_hint
from typing import TYPE_CHECKING, Any, Protocol

from upbit_ws_qt.connection.addresses import Addresses
from upbit_ws_qt.errors import ConnectionLostError, RecoveryStrategy
from upbit_ws_qt.text import safe_text

if TYPE_CHECKING:
    import asyncio
    import ssl
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from upbit_ws_qt.config import ServiceConfig
    from upbit_ws_qt.types import WebSocketType

    FrameSink = Callable[[Iterator[bytes], float], None]

__all__ = [
    "CloseInfo",
    "Connect",
    "ConnectBudget",
    "Counts",
    "DialError",
    "DialRequest",
    "SocketFigures",
    "SocketLike",
    "hand_on",
]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CloseInfo:
    """How a socket ended.

    Attributes:
        code: close code; 1006 where there was no close frame.
        reason: what the peer said, safe to show.
        cause: in a few words.
        asked: whether we closed it on purpose.
    """

    code: int
    reason: str
    cause: str
    asked: bool = False


_LONGEST_HEADER = 200
_LEFT = re.compile(r"(?:^|[;,\s])sec\s*=\s*(\d{1,6})(?![\d.])", re.IGNORECASE)
_GROUP = re.compile(r"(?:^|[;,\s])group\s*=\s*([\w.-]{1,40})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ConnectBudget:
    """What the answer to a handshake says of the budget for dialling (protocol sheet, "Rate limits").

    Attributes:
        left: further dials in this second.
        group: "websocket"; "origin" where something on the way has put an Origin header into the handshake; "" where it
            was not said.
        by_ip: whether all programs at this address share the budget.
    """

    left: int
    group: str = ""
    by_ip: bool = False

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> ConnectBudget | None:
        """Read it from a handshake's headers; None where they do not say what is left.

        Args:
            headers: names in lower case. Each part of `remaining-req` may be missing, and more may be there.
        """
        text = headers.get("remaining-req", "")[:_LONGEST_HEADER]
        left, group = _LEFT.search(text), _GROUP.search(text)
        if left is None:
            return None
        by_ip = headers.get("limit-by-ip", "").strip().lower() == "yes"
        return cls(int(left[1]), safe_text(group[1], 40) if group is not None else "", by_ip)


@dataclass(slots=True)
class Counts:
    """What a wire connection counts as it reads, named as in SocketFigures.

    A new counter is declared here and there, counted in wire_connection.py and shown by monitoring/line_metrics.py.
    """

    frames: int = 0
    bytes_wire: int = 0
    bytes_inflated: int = 0
    sink_failures: int = 0


@dataclass(frozen=True, slots=True)
class SocketFigures:
    """What a socket has carried; times are of the loop's clock, 0 where there was nothing yet.

    Attributes:
        frames: data frames received, reassembled.
        bytes_wire: received on the wire after TLS, with all WebSocket framing.
        bytes_inflated: data received, decompressed.
        bytes_sent: data sent, before compression.
        last_frame_at: last data frame.
        last_pong_at: last pong.
        ping_sent_at: the ping that waits for its pong.
        rtt: last round trip in seconds, the loop's own lag taken off; 0 before the first pong.
        lag: the loop's lag at the last look, in seconds.
        lag_total: sum of those lags.
        compressed: whether permessage-deflate was agreed.
        peer: the address it goes to, "" before the handshake.
        connect_budget: what the handshake's answer said of further dials, None for nothing.
        sink_failures: frames whose receiver raised.
        superseded: with a thread of its own: frames dropped on the way to the program's thread, newer ones waiting.
        dropped: the same without a newer one.
    """

    frames: int = 0
    bytes_wire: int = 0
    bytes_inflated: int = 0
    bytes_sent: int = 0
    last_frame_at: float = 0.0
    last_pong_at: float = 0.0
    ping_sent_at: float = 0.0
    rtt: float = 0.0
    lag: float = 0.0
    lag_total: float = 0.0
    compressed: bool = False
    peer: str = ""
    connect_budget: ConnectBudget | None = None
    sink_failures: int = 0
    superseded: int = 0
    dropped: int = 0

    def plus(self, later: SocketFigures) -> SocketFigures:
        """Return the sums of these and those of a later socket; what is no sum is the later one's."""
        sums: dict[str, Any] = {name: getattr(self, name) + getattr(later, name) for name in _SUMS}
        last_frame_at = max(self.last_frame_at, later.last_frame_at)
        last_pong_at = max(self.last_pong_at, later.last_pong_at)
        return replace(later, last_frame_at=last_frame_at, last_pong_at=last_pong_at, **sums)


_SUMS = (*(each.name for each in fields(Counts)), "bytes_sent", "lag_total", "superseded", "dropped")


@dataclass(frozen=True, slots=True)
class DialRequest:
    """Everything that a dial needs.

    Attributes:
        ws_type: endpoint.
        url: where to; ws:// or wss://.
        config: limits and times.
        make_token: gives the token of this one handshake; None for none.
        on_frames: (messages, receive time) for what was read at once; takes messages out one by one, must not block.
        on_pong: (round trip in seconds, now).
        watch_silence: whether a busy line that falls silent is given up; not where silence is normal.
        tls: for wss://.
        wall_clock: seconds, to notice that the computer slept.
        addresses: of the host, and which of them failed lately.
    """

    ws_type: WebSocketType
    url: str
    config: ServiceConfig
    make_token: Callable[[], str] | None = field(repr=False)
    on_frames: FrameSink = field(repr=False)
    on_pong: Callable[[float, float], None] = field(repr=False)
    watch_silence: bool
    tls: ssl.SSLContext | None = field(repr=False)
    wall_clock: Callable[[], float] = field(repr=False)
    addresses: Addresses = field(default_factory=Addresses, repr=False)


class SocketLike(Protocol):
    """An open socket, wherever it lives."""

    @property
    def closed(self) -> asyncio.Future[CloseInfo]:
        """Done when the socket is gone, on the loop that opened it."""

    async def send(self, data: bytes) -> None:
        """Send one text message; ConnectionLostError when the socket is gone."""

    async def close(self) -> None:
        """Close it, with a close frame if the peer answers within close_timeout, else without; idempotent."""

    async def answers(self, within: float) -> bool:
        """Whether the peer answers within some seconds; what it had sent before the answer has then been received."""

    def abort(self, cause: str) -> None:
        """Cut it at once."""

    def figures(self) -> SocketFigures:
        """Return what it has carried."""


class Connect(Protocol):
    """Opens a socket: over the network in programs, whatever a test wants in tests."""

    async def __call__(self, request: DialRequest) -> SocketLike:
        """Return an open socket or raise DialError, whatever goes wrong."""


class DialError(ConnectionLostError):
    """A dial failed.

    Attributes:
        kind: "timeout", "network", "tls", "certificate", "status", "handshake" or "proxy".
        status: HTTP status where the exchange answered with one.
        retry_after: seconds that the exchange asks to wait, None where it does not say.
        detail: what the exchange said, safe to show.
    """

    def __init__(
        self,
        endpoint: str,
        kind: str,
        cause: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        detail: str = "",
    ) -> None:
        self.kind = kind
        self.status = status
        self.retry_after = retry_after
        self.detail = detail
        final = kind in {"certificate", "proxy"}
        super().__init__(endpoint, cause, recovery=RecoveryStrategy.NONE if final else RecoveryStrategy.RECONNECT)


def hand_on(sink: FrameSink, messages: Sequence[bytes], now: float) -> int:
    """Give messages to a sink; return how many were lost because it raised. What it had not taken yet is not lost."""
    waiting = iter(messages)
    lost = 0
    while left := length_hint(waiting):
        try:
            sink(waiting, now)
        except Exception:  # noqa: BLE001 -- the guarded boundary of frames: what raises would kill the reader
            lost += 1
            _log.error("a frame was lost because its receiver failed", exc_info=True)
            if length_hint(waiting) == left:
                next(waiting)
        else:
            break
    return lost
