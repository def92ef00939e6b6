"""What the exchange tells tests about itself: its connections and its counters; the oracle of all other tests."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionView:
    """One connection as it is (or was, when it closed) at the moment of asking.

    Attributes:
        id: Number of the connection, from 1, in the order of accepted handshakes.
        endpoint: `public`, `private` or `info`.
        opened_at: Loop time of the accepted handshake, in seconds.
        closed_at: Loop time of its end, None while it is open.
        close_reason: Why it ended, e.g. `error NO_CODES`, `idle`, `fault drop`, `client close 1000`; empty while open.
        format: Format of the running streams.
        ticket: Ticket of the last accepted request.
        subscriptions: One dict per type object of the request in force: type, codes (sorted tuple), level, depth (of
            its codes, 30 where they name none, None where they differ), timeframe, indicators, only_snapshot,
            only_realtime.
        frames_sent: Data frames handed to the socket.
        bytes_sent: Their bytes on the wire, frame headers included.
        messages_received: Data messages from the client, refused ones included.
        pings_received: Ping frames from the client.
        requests: The last 1,000 messages as (loop time, bytes).
        headers: Headers of the handshake, names in lower case.
        deflate: Whether permessage-deflate was agreed on.
    """

    id: int
    endpoint: str
    opened_at: float
    closed_at: float | None
    close_reason: str
    format: str
    ticket: str
    subscriptions: list[dict[str, Any]]
    frames_sent: int
    bytes_sent: int
    messages_received: int
    pings_received: int
    requests: tuple[tuple[float, bytes], ...]
    headers: Mapping[str, str]
    deflate: bool


@dataclass(slots=True)
class Counters:
    """What has been counted since the exchange started.

    Attributes:
        connects_accepted: Handshakes answered with 101.
        connects_refused: Handshakes answered with anything else, or not at all.
        refused_by_status: The same by HTTP status; 0 where the socket was closed without an answer.
        connects_with_origin: Handshakes that carried an Origin header.
        rate_limit_violations: Connects and messages that were too many.
        connect_violations: Of these, connects.
        message_violations: Of these, messages.
        auth_failures: Tokens refused.
        messages_received: Data messages from clients.
        subscribe_requests: Accepted requests that replaced subscriptions.
        list_requests: Answered LIST_SUBSCRIPTIONS.
        errors: Errors sent, by name.
        frames_sent: Data frames handed to sockets.
        residual_frames: Of these, frames of a stream that had been dropped before.
        idle_closes: Lines cut because nothing came or went.
        slow_readers_dropped: Lines cut because the client did not read.
        protocol_errors: Lines that broke the WebSocket protocol or sent too much.
        http_requests: Plain HTTP requests.
        connections_over_limit: TCP connections refused because there were too many.
        fault_hits: How often a fault struck, by name.
        clock_slipped_ms: Exchange milliseconds skipped because the market could not be computed in time.
    """

    connects_accepted: int = 0
    connects_refused: int = 0
    refused_by_status: Counter[int] = field(default_factory=Counter)
    connects_with_origin: int = 0
    connect_violations: int = 0
    message_violations: int = 0
    auth_failures: int = 0
    messages_received: int = 0
    subscribe_requests: int = 0
    list_requests: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    frames_sent: int = 0
    residual_frames: int = 0
    idle_closes: int = 0
    slow_readers_dropped: int = 0
    protocol_errors: int = 0
    http_requests: int = 0
    connections_over_limit: int = 0
    fault_hits: Counter[str] = field(default_factory=Counter)
    clock_slipped_ms: int = 0

    @property
    def rate_limit_violations(self) -> int:
        """Connects and messages that were too many."""
        return self.connect_violations + self.message_violations

    def as_dict(self) -> dict[str, Any]:
        """Return all counters by name, ready for JSON."""
        values: dict[str, Any] = {item.name: getattr(self, item.name) for item in fields(self)}
        for name in ("refused_by_status", "errors", "fault_hits"):
            values[name] = {str(key): count for key, count in sorted(values[name].items())}
        values["rate_limit_violations"] = self.rate_limit_violations
        return values
