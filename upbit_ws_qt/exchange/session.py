"""A client's session: its table of subscriptions, its format, and the frames on their way to it."""

from __future__ import annotations

import struct
from collections import deque
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from .limits import MessageLimit
from .requests import FORMATS, Wish, split_depth
from .views import ConnectionView

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .filters import Filter
    from .line import Line
    from .market.indicators import Watch
    from .requests import IndicatorWish

_MOST_REQUESTS_KEPT = 1000


@dataclass(slots=True, eq=False)
class Stream:
    """One realtime stream of one session; `code` "" stands for all codes, `key` names an indicator."""

    session: Session
    kind: str
    code: str
    depth: int = 30
    level: Decimal = Decimal(0)
    include_body: bool = False
    categories: tuple[str, ...] = ()
    key: Watch | None = None

    @property
    def identity(self) -> tuple[Any, ...]:
        """What makes two streams of one session the same."""
        return (self.kind, self.code, self.depth, self.level, self.include_body, self.categories, self.key)


class Session:
    """The state behind one accepted WebSocket.

    Frames are gathered by `push` and written together by `flush`: one system call for a turn's worth of them.
    """

    def __init__(self, number: int, endpoint: str, line: Line, headers: Mapping[str, str], opened_at: float) -> None:
        self.id = number
        self.endpoint = endpoint
        self.line = line
        self.limit_key = ""
        self.limit = MessageLimit()
        self.scopes: tuple[str, ...] = ()
        self.format = FORMATS[0]
        self.ticket = ""
        self.wishes: tuple[Wish, ...] = ()
        self.streams: list[Stream] = []
        self.residual: list[Stream] = []
        self.residual_left = 0
        self.residual_until_ms = 0
        self.hidden_codes: frozenset[str] = frozenset()
        self.unlisted_codes: frozenset[str] = frozenset()
        self.filters: list[Filter] = []
        self.delay = 0.0
        self.snapshot_delays: tuple[float, ...] = ()
        self.on_late_snapshots: Callable[[], bool] = bool
        self.respell: Callable[[bytes], bytes] | None = None
        self.stalled = False
        self.doomed = False
        self.over = False
        self.wants_status = False
        self.requests_taken = 0
        self.behind_since = 0.0
        self.behind_turns = 0
        self.tap: Callable[[Session, bytes], None] | None = None
        self.frames_sent = 0
        self.bytes_sent = 0
        self.messages_received = 0
        self.pings_received = 0
        self.requests: deque[tuple[float, bytes]] = deque(maxlen=_MOST_REQUESTS_KEPT)
        self._headers = headers
        self._opened_at = opened_at
        self._out: list[bytes] = []
        self._held: deque[tuple[float, bytes]] = deque()
        self._held_bytes = 0
        self._deflates = line.deflates

    # Outwards.

    @property
    def unsent(self) -> int:
        """Bytes on their way that the client has not taken: held back by a fault, or in the socket's buffer."""
        return self._held_bytes + self.line.backlog

    def emit(self, kind: str, code: str, stream_type: str, payload: bytes) -> None:
        """Queue a message of the market, after the faults have had their way with it."""
        frames = [payload if self.respell is None else self.respell(payload)]
        for filter_ in self.filters:
            frames = [changed for frame in frames for changed in filter_(kind, code, stream_type, frame)]
        for frame in frames:
            self.push(frame)

    def push(self, payload: bytes) -> None:
        """Queue one binary data frame, unless the line is on its way out."""
        if self.over:
            return
        out = self._out
        size = len(payload)
        self.frames_sent += 1
        if self._deflates:
            chunks = self.line.compress(payload)
            out += chunks
            self.bytes_sent += sum(map(len, chunks))
        elif size < 126:
            out += (b"\x82" + size.to_bytes(1, "big"), payload)
            self.bytes_sent += size + 2
        elif size < 65536:
            out += (b"\x82\x7e" + size.to_bytes(2, "big"), payload)
            self.bytes_sent += size + 4
        else:
            out += (struct.pack("!BBQ", 0x82, 127, size), payload)
            self.bytes_sent += size + 10
        if self.tap is not None:
            self.tap(self, payload)

    def push_raw(self, data: bytes) -> None:
        """Queue bytes that need not be a frame at all; not counted as one."""
        self._out.append(data)

    def flush(self, now: float) -> None:
        """Write what has been queued, or hold it back where a fault says so."""
        if self.over:
            self._out.clear()
            self._held.clear()
            return
        out = self._out
        if out:
            data = b"".join(out)
            out.clear()
            if self.delay or self.stalled or self._held:
                self._held.append((now + self.delay, data))
                self._held_bytes += len(data)
            else:
                self.line.write(data)
        if self._held:
            self._release(now)

    def _release(self, now: float) -> None:
        while self._held and not self.stalled and self._held[0][0] <= now:
            _, data = self._held.popleft()
            self._held_bytes -= len(data)
            self.line.write(data)

    # The table.

    def realtime_wishes(self) -> list[Wish]:
        """Return the wishes that keep flowing: all but the snapshots."""
        return [wish for wish in self.wishes if not wish.only_snapshot]

    def listing(self, *, with_level: bool = True) -> list[dict[str, Any]]:
        """Return the entries of LIST_SUBSCRIPTIONS, with full names."""
        entries: list[dict[str, Any]] = []
        for wish in self.realtime_wishes():
            entry: dict[str, Any] = {"type": wish.type}
            if wish.codes or wish.type == "myOrder":
                entry["codes"] = [code for code in wish.codes if code not in self.unlisted_codes]
            if wish.type == "orderbook" and with_level:
                entry["level"] = wish.level
            if wish.timeframe is not None:
                entry["timeframe"] = wish.timeframe
                entry["indicators"] = [indicator_object(indicator) for indicator in wish.indicators]
            entries.append(entry)
        return entries

    def subscribed(self) -> set[tuple[Any, ...]]:
        """Return the realtime streams that were asked for, as the oracle spells them."""
        wanted: set[tuple[Any, ...]] = set()
        for wish in self.realtime_wishes():
            for code in wish.codes or ("",):
                if wish.type == "orderbook":
                    pair, depth = split_depth(code)
                    wanted.add((wish.type, pair, wish.level, depth))
                elif wish.timeframe is not None:
                    wanted.update((wish.type, code, wish.timeframe, indicator) for indicator in wish.indicators)
                else:
                    wanted.add((wish.type, code))
        return wanted

    def view(self, closed_at: float | None = None, close_reason: str = "") -> ConnectionView:
        """Return what can be told about this session now."""
        return ConnectionView(
            id=self.id,
            endpoint=self.endpoint,
            opened_at=self._opened_at,
            closed_at=closed_at,
            close_reason=close_reason,
            format=self.format,
            ticket=self.ticket,
            subscriptions=[_row(wish) for wish in self.wishes],
            frames_sent=self.frames_sent,
            bytes_sent=self.bytes_sent,
            messages_received=self.messages_received,
            pings_received=self.pings_received,
            requests=tuple(self.requests),
            headers=self._headers,
            deflate=self._deflates,
        )


def indicator_object(indicator: IndicatorWish) -> dict[str, Any]:
    """Return an entry of `indicators` as it stands in requests."""
    entry: dict[str, Any] = {"type": indicator.type, "params": dict(indicator.params)}
    if indicator.trigger is not None:
        entry["trigger"] = indicator.trigger
        entry["event_params"] = dict(indicator.event_params)
    return entry


def _row(wish: Wish) -> dict[str, Any]:
    depths = {split_depth(code)[1] for code in wish.codes} if wish.type == "orderbook" else {30}
    return {
        "type": wish.type,
        "codes": tuple(sorted(wish.codes)),
        "level": int(wish.level) if wish.level == wish.level.to_integral_value() else Decimal(wish.level),
        "depth": depths.pop() if len(depths) == 1 else None,
        "timeframe": wish.timeframe,
        "indicators": [indicator_object(indicator) for indicator in wish.indicators],
        "only_snapshot": wish.only_snapshot,
        "only_realtime": wish.only_realtime,
    }
