"""The heart of the exchange: sessions, what they asked for, and the delivery of what happens to those who want it."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

from .regions import REGIONS
from .requests import (
    ListSubscriptions,
    RequestRefusedError,
    StatusRequest,
    Subscribe,
    Wish,
    parse_request,
    split_depth,
)
from .respelling import with_exponents
from .routes import Routes
from .session import Stream
from .spelling import spell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .messages import Change
    from .session import Session
    from .settings import ExchangeSettings
    from .views import ConnectionView, Counters
    from .world import World

# Milliseconds for which a stream that a request dropped goes on: as seen, up to two frames of it still come.
_RESIDUAL_MS = 250
_MOST_CLOSED_KEPT = 1000  # an exchange under test sees thousands of connections in an hour
# Seconds above `send_limit` before a client is a slow reader; a healthy one takes a burst in less. The turns are for
# one that shares a loop or a processor with the exchange, and stood still when it did.
_SLOW_AFTER = 0.5
_SLOW_TURNS = 20
_STATUS_UP = b'{"status":"UP"}'
_SIMPLE_NAMES = {"method": "mthd", "result": "rslt", "ticket": "tckt", "type": "ty", "codes": "cds", "level": "lv"}


class Hub:
    """All sessions of one exchange and the routes between them and the world."""

    def __init__(
        self,
        settings: ExchangeSettings,
        world: World,
        counters: Counters,
        *,
        now: Callable[[], float],
        later: Callable[[float, Callable[[], None]], None],
    ) -> None:
        self._settings = settings
        self.region = REGIONS[settings.region]
        self.world = world
        self._counters = counters
        self._now = now
        self._later = later
        self.sessions: dict[int, Session] = {}
        self.closed: deque[ConnectionView] = deque(maxlen=_MOST_CLOSED_KEPT)
        self.on_message_violation: Callable[[Session], None] = lambda session: None
        self.hide_codes: Callable[[Session, Subscribe], None] = lambda session, request: None
        self._routes = Routes()
        self._with_residual: set[Session] = set()

    # Sessions.

    def open(self, session: Session) -> None:
        """Take a new session in."""
        self.sessions[session.id] = session
        if self.region.spells_exponents and session.endpoint == "public":
            session.respell = with_exponents

    def close(self, session: Session, reason: str) -> None:
        """Forget a session whose line is lost."""
        if self.sessions.pop(session.id, None) is not None:
            self._unroute(session)
            self._end_residual(session)
            self.closed.append(session.view(self._now(), reason))

    def silence(self, session: Session) -> None:
        """Neither answer nor send anything any more, although the TCP connection stands; the table stays."""
        self.end_streams(session)
        session.line.silent = True

    def end_streams(self, session: Session) -> None:
        """Send nothing more to a session; its table stays to be seen until it is closed."""
        session.over = True
        self._unroute(session)
        self._end_residual(session)

    def refuse(self, session: Session, error: RequestRefusedError) -> None:
        """Send an error and close with 1000 a little later; the streams run until then."""
        # The first error decides; what else is wrong with a session that is being closed is nobody's business any more.
        if session.doomed:
            return
        session.doomed = True
        self._counters.errors[error.name] += 1
        # As seen: now one of the two keys of an error comes first, now the other.
        session.push(error.frame(self.region, name_first=self._counters.errors.total() % 2 == 1))
        self.flush(session)
        self._later(self.region.error_close_seconds, lambda: session.line.close(1000, "", f"error {error.name}"))

    # Requests.

    def take(self, session: Session, message: bytes) -> None:
        """Do what a message from the client asks for."""
        if session.doomed:
            return
        try:
            request = parse_request(message, session.endpoint, self.region)
            self._check_scopes(session, request)
        except RequestRefusedError as error:
            if error.name == "TOO_MANY_REQUEST":
                self.on_message_violation(session)
            self.refuse(session, error)
            return
        if isinstance(request, StatusRequest):
            if not session.wants_status:
                session.wants_status = True
                self._send_status_later(session)
        elif isinstance(request, ListSubscriptions):
            self._list(session, request)
        else:
            self._subscribe(session, request)
        self.flush(session)

    def _check_scopes(self, session: Session, request: Subscribe | ListSubscriptions | StatusRequest) -> None:
        needed = {"myAsset": "view_assets", "myOrder": "view_orders"}
        if isinstance(request, Subscribe):
            for wish in request.wishes:
                if needed.get(wish.type, "") not in ("", *session.scopes):
                    raise RequestRefusedError("INVALID_AUTH")

    def _send_status(self, session: Session) -> None:
        if session.line.is_open:
            session.push(_STATUS_UP)
            self.flush(session)
            self._send_status_later(session)

    def _send_status_later(self, session: Session) -> None:
        """Send it when the exchange's own clock says so: it is no answer, and measures no round trip."""
        interval = self._settings.status_interval
        self._later(interval - self._now() % interval, lambda: self._send_status(session))

    def _list(self, session: Session, request: ListSubscriptions) -> None:
        self._counters.list_requests += 1
        # As on the real exchange: the format of a question is the format of the running streams from then on.
        session.format = request.format
        listing = session.listing(with_level=self.region.has_levels)
        reply: Any = {"method": "LIST_SUBSCRIPTIONS", "result": listing, "ticket": request.ticket}
        if request.format.startswith("SIMPLE"):
            reply = _with_simple_names(reply)
        session.push(spell([reply] if request.format.endswith("LIST") else reply).encode())

    def _subscribe(self, session: Session, request: Subscribe) -> None:
        self._counters.subscribe_requests += 1
        before = session.streams
        self._end_residual(session)
        self.hide_codes(session, request)
        new: dict[tuple[Any, ...], Stream] = {}
        for wish in request.wishes:
            if not wish.only_snapshot:
                for stream in self._streams(session, wish):
                    if stream.key is not None and stream.identity in new:
                        self.world.indicators.unwatch(stream.key)
                    new.setdefault(stream.identity, stream)
        streams = _without_covered(new)
        for stream in streams:
            self._routes.add(stream)
        self._unroute(session)  # after the new ones have been added, so that a shared indicator is never let go
        session.streams = streams
        session.format, session.ticket, session.wishes = request.format, request.ticket, request.wishes
        self._begin_residual(session, before)
        session.requests_taken += 1
        snapshots = [
            (wish, code)
            for wish in request.wishes
            if session.endpoint == "public" and not wish.only_realtime
            for code in wish.codes
            if self._is_served(session, code)
        ]
        if session.snapshot_delays:
            self._send_snapshots_late(session, snapshots)
        else:
            self._send_snapshots(session, snapshots)

    def _streams(self, session: Session, wish: Wish) -> Iterable[Stream]:
        if wish.timeframe is not None:
            yield from self._indicator_streams(session, wish)
        elif wish.type == "orderbook":
            for code in wish.codes:
                pair, depth = split_depth(code)
                if self._is_served(session, code):
                    yield Stream(session, wish.type, pair, depth=depth, level=wish.level)
        elif wish.type == "announcement":
            yield Stream(session, wish.type, "", include_body=wish.include_body, categories=wish.categories)
        else:
            for code in wish.codes or ("",):
                if self._is_served(session, code):
                    yield Stream(session, wish.type, code)

    def _indicator_streams(self, session: Session, wish: Wish) -> Iterable[Stream]:
        assert wish.timeframe is not None
        for code in wish.codes:
            if code not in self.world.codes or not code.startswith("KRW-") or not self._is_served(session, code):
                continue
            for indicator in wish.indicators:
                event_params = dict(indicator.event_params) if indicator.trigger is not None else None
                key = self.world.indicators.watch(
                    code, wish.timeframe, indicator.type, dict(indicator.params), indicator.trigger, event_params
                )
                yield Stream(session, wish.type, code, key=key)

    def _is_served(self, session: Session, code: str) -> bool:
        return code not in session.hidden_codes

    def _send_snapshots_late(self, session: Session, snapshots: list[tuple[Wish, str]]) -> None:
        """Send them in bursts, unless another request has come meanwhile; realtime does not wait for them."""
        bursts, number = len(session.snapshot_delays), session.requests_taken

        def send(burst: int) -> None:
            if session.requests_taken == number and not session.over:
                session.on_late_snapshots()
                self._send_snapshots(session, snapshots[burst::bursts])
                self.flush(session)

        for burst, seconds in enumerate(session.snapshot_delays):
            self._later(seconds, partial(send, burst))

    def _send_snapshots(self, session: Session, snapshots: Iterable[tuple[Wish, str]]) -> None:
        for wish, code in snapshots:
            pair, depth = split_depth(code) if wish.type == "orderbook" else (code, 30)
            change = self.world.snapshot(wish.type, pair)
            if change is None:
                continue
            payload = change.render(session.format, "SNAPSHOT", depth=depth, level=wish.level)
            if payload:
                session.emit(wish.type, pair, "SNAPSHOT", payload)

    def _unroute(self, session: Session) -> None:
        for stream in session.streams:
            self._routes.remove(stream)
            if stream.key is not None:
                self.world.indicators.unwatch(stream.key)
        session.streams = []

    # Frames of dropped streams that still arrive after the switch.

    def _begin_residual(self, session: Session, before: list[Stream]) -> None:
        kept = {(stream.kind, stream.code) for stream in session.streams}
        dropped = [s for s in before if s.key is None and (s.kind, s.code) not in kept]
        if dropped and self._settings.residual_frames > 0:
            session.residual = dropped
            session.residual_left = self._settings.residual_frames
            session.residual_until_ms = self.world.now_ms + _RESIDUAL_MS
            self._with_residual.add(session)

    def _end_residual(self, session: Session) -> None:
        session.residual = []
        self._with_residual.discard(session)

    def _deliver_residual(self, change: Change) -> None:
        for session in sorted(self._with_residual, key=lambda each: each.id):
            if self.world.now_ms > session.residual_until_ms:
                self._end_residual(session)
                continue
            for stream in session.residual:
                if session.residual_left and stream.kind == change.kind and stream.code in (change.code, ""):
                    session.residual_left -= 1
                    self._counters.residual_frames += 1
                    self._emit(stream, change)
            if not session.residual_left:
                self._end_residual(session)

    # Delivery.

    def deliver(self, changes: Iterable[Change]) -> bool:
        """Queue each change for every session that is subscribed to it; `flush_all` writes them.

        Return whether anybody was subscribed to any of them.
        """
        find = self._routes.find
        wanted = False
        for change in changes:
            if self._with_residual:
                wanted = True
                self._deliver_residual(change)
            for stream in find(change):
                wanted = True
                categories = stream.categories
                if not categories or change.category in categories:
                    self._emit(stream, change)
        return wanted

    @staticmethod
    def _emit(stream: Stream, change: Change) -> None:
        session = stream.session
        payload = change.render(
            session.format, "REALTIME", depth=stream.depth, level=stream.level, include_body=stream.include_body
        )
        if not payload:
            return
        if session.filters or session.respell is not None:
            session.emit(change.kind, change.code, "REALTIME", payload)
        else:
            session.push(payload)

    def flush(self, session: Session) -> None:
        """Write what is queued for one session."""
        session.flush(self._now())

    def flush_all(self) -> None:
        """Write what is queued for all sessions."""
        for session in list(self.sessions.values()):
            self.flush(session)

    def drop_slow_readers(self) -> None:
        """Cut off those that leave more unread than is allowed, and for longer than a burst takes; once a turn."""
        now, limit = self._now(), self._settings.send_limit
        for session in list(self.sessions.values()):
            if session.over or session.unsent <= limit:
                session.behind_turns = 0
                continue
            if not session.behind_turns:
                session.behind_since = now
            session.behind_turns += 1
            if session.behind_turns > _SLOW_TURNS and now - session.behind_since >= _SLOW_AFTER:
                self._counters.slow_readers_dropped += 1
                session.line.abort("slow reader")

    @property
    def has_full_lines(self) -> bool:
        """Whether some client has not yet taken what was written to it."""
        return any(session.line.paused for session in self.sessions.values())


def _without_covered(streams: dict[tuple[Any, ...], Stream]) -> list[Stream]:
    """Leave out single codes of a type where all codes are wanted too, lest they come twice."""
    all_codes = {stream.kind for stream in streams.values() if stream.kind == "myOrder" and stream.code == ""}
    return [stream for stream in streams.values() if stream.kind not in all_codes or stream.code == ""]


def _with_simple_names(reply: dict[str, Any]) -> dict[str, Any]:
    short = {_SIMPLE_NAMES[name]: value for name, value in reply.items()}
    short["rslt"] = [{_SIMPLE_NAMES.get(name, name): value for name, value in row.items()} for row in reply["result"]]
    return short
