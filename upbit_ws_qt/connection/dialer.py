"""Dialling for one endpoint within the shared limit, the lines that come of it, and what each failure means."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from upbit_ws_qt.config_rules import require_reachable
from upbit_ws_qt.connection.addresses import Addresses
from upbit_ws_qt.connection.line import Line
from upbit_ws_qt.connection.rate_limit import WITH_ORIGIN, MessageLimiter
from upbit_ws_qt.connection.socket import make_tls_context, open_socket
from upbit_ws_qt.connection.transport import DialError, DialRequest
from upbit_ws_qt.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectionLostError,
    RateLimitError,
    RecoveryStrategy,
    WebSocketError,
)
from upbit_ws_qt.text import Phrase, safe_text
from upbit_ws_qt.types import WebSocketType
from upbit_ws_qt.wire import ServerError, SubscriptionList

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Coroutine

    from upbit_ws_qt.config import ServiceConfig
    from upbit_ws_qt.connection.auth import JWTManager
    from upbit_ws_qt.connection.figures import ConnectionCounters
    from upbit_ws_qt.connection.inbox import RawFrame
    from upbit_ws_qt.connection.line import Control, Tap
    from upbit_ws_qt.connection.rate_limit import ConnectLimiter
    from upbit_ws_qt.connection.transport import CloseInfo, Connect

__all__ = ["INVALID_AUTH", "Dialer", "Lines", "close_code_of", "is_final", "kind_of", "loss_cause", "short_cause"]


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


_log = logging.getLogger(__name__)

INVALID_AUTH = "INVALID_AUTH"
# One refusal may be a token that came late or twice; the second one in a row is about the key.
AUTH_RETRIES = 1
AUTH_FORGIVEN_AFTER = 120.0
LONGEST_SLEEP = 0.5


class Dialer:
    """Opens lines for one endpoint.

    Attributes:
        dials: handshakes begun so far.
        addresses: those of the host, and which of them failed lately.
    """

    def __init__(
        self,
        ws_type: WebSocketType,
        config: ServiceConfig,
        limiter: ConnectLimiter,
        jwt: JWTManager,
        on_pong: Callable[[float, float], None],
        *,
        wall_clock: Callable[[], float],
        connect: Connect = open_socket,
        addresses: Addresses | None = None,
    ) -> None:
        self._ws_type = ws_type
        self._config = config
        self._limiter = limiter
        self._jwt = jwt
        self._on_pong = on_pong
        self._connect = connect
        self._wall_clock = wall_clock
        self._tls: ssl.SSLContext | None = None
        self._auth_refusals = 0
        self._auth_refused_at = float("-inf")
        self.dials = 0
        self.addresses = addresses or Addresses(clock=asyncio.get_running_loop().time)

    async def dial(self, line: Line) -> None:
        """Put an open socket under `line`.

        Waits for the connect limit first. Raises DialError, RateLimitError (429, 418), and AuthenticationError or
        ConfigurationError where trying again is pointless.
        """
        loop = asyncio.get_running_loop()
        request = self._request(line)
        while True:
            wait = self._limiter.delay(loop.time())
            if wait <= 0:
                break
            # In slices: another endpoint may learn of a block, or a slot may come free, while this one waits.
            await asyncio.sleep(min(wait, LONGEST_SLEEP))
        # Counted until it has ended: nobody knows when in between the handshake reaches the exchange.
        self._limiter.begin()
        self.dials += 1
        failure: WebSocketError
        try:
            socket = await self._connect(request)
        except DialError as error:
            failure = error
        else:
            budget = socket.figures().connect_budget
            self._limiter.accepted(loop.time(), budget)
            if budget is not None and budget.group == WITH_ORIGIN:
                _log.warning(
                    "the exchange got an Origin header from %s: it allows one dial in ten seconds", self._ws_type
                )
            line.attach(socket, loop.time())
            return
        finally:
            self._limiter.finished(loop.time())
        raise self._meaning(failure, loop.time())

    def blocked_for(self, now: float) -> float:
        """Return the seconds that the connect limit makes the next dial wait."""
        return self._limiter.delay(now)

    def auth_refused(self, now: float, detail: str) -> AuthenticationError:
        """Count an INVALID_AUTH; return the error to go on with, or to stop with where another token is no help."""
        # Two refusals months apart are two accidents.
        if now - self._auth_refused_at > AUTH_FORGIVEN_AFTER:
            self._auth_refusals = 0
        self._auth_refused_at = now
        self._auth_refusals += 1
        is_worth_a_try = self._auth_refusals <= AUTH_RETRIES
        recovery = RecoveryStrategy.RECONNECT if is_worth_a_try else RecoveryStrategy.NONE
        return AuthenticationError(self._ws_type.value, detail, recovery=recovery)

    def forgive(self) -> None:
        """Forget the refusals, because somebody asked to try again."""
        self._auth_refusals = 0

    def _request(self, line: Line) -> DialRequest:
        url = self._config.url(self._ws_type)
        if url is None:
            raise ConfigurationError(f"{self._ws_type.value}_url", None, "an address; this region has no such endpoint")
        require_reachable(f"{self._ws_type.value}_url", url)
        needs_token = self._jwt.needs_token(self._ws_type) and self._config.desk_url is None
        if needs_token and not self._jwt.has_credentials:
            raise AuthenticationError(self._ws_type.value, Phrase("no key was given"))
        # Made once: loading the certificates takes the window's thread some milliseconds.
        if self._tls is None and url.startswith("wss:"):
            self._tls = make_tls_context()
        return DialRequest(
            ws_type=self._ws_type,
            url=url,
            config=self._config,
            make_token=partial(self._jwt.make_token, self._ws_type) if needs_token else None,
            on_frames=line.on_frames,
            on_pong=self._on_pong,
            # Orders, assets, announcements and indicators speak only when something happens.
            watch_silence=self._ws_type is WebSocketType.PUBLIC,
            tls=self._tls,
            wall_clock=self._wall_clock,
            addresses=self.addresses,
        )

    def _meaning(self, error: WebSocketError, now: float) -> WebSocketError:
        """Return what a failed dial means for the connection."""
        if not isinstance(error, DialError) or error.status is None:
            return error
        if error.status in (429, 418):
            block = self._limiter.refused(now, error.status, error.retry_after)
            return RateLimitError(
                self._ws_type.value,
                Phrase("the exchange answered a dial with HTTP {status}", status=error.status),
                retry_after=block,
            )
        # A public line has no key that could be wrong: it is tried again.
        if not self._jwt.needs_token(self._ws_type):
            return error
        if error.status == 401 and INVALID_AUTH in error.detail:
            return self.auth_refused(now, error.detail)
        if error.status in (401, 403):
            return AuthenticationError(self._ws_type.value, error.detail or f"HTTP {error.status}")
        return error


TOO_MANY_REQUEST = "TOO_MANY_REQUEST"
# Redials after a refused request do not raise the back-off: the dial was fine, and the subscription side closes in on
# the guilty part with each of them. So many without a stable line between them are believed.
REFUSED_REQUESTS_FORGIVEN = 20


class Lines:
    """Opens lines and keeps account of them.

    Attributes:
        limiter: message budget of the line that serves; the next line takes over what refusals have taught it.
        open: lines whose socket is not gone yet.
        tap: of the lines to come, see Line.
    """

    def __init__(
        self,
        ws_type: WebSocketType,
        config: ServiceConfig,
        dialer: Dialer,
        counters: ConnectionCounters,
        synchronize: Callable[[Line], Coroutine[Any, Any, None]],
        on_closed: Callable[[Line, CloseInfo], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._ws_type = ws_type
        self._dialer = dialer
        self._counters = counters
        self._synchronize = synchronize
        self._on_closed = on_closed
        self._refused_requests = 0
        self.limiter = MessageLimiter(config.messages_per_second, config.messages_per_minute)
        self.open: set[Line] = set()
        self.tap: Tap | None = None

    @property
    def refusals_are_forgiven(self) -> bool:
        """Whether the last line went for a refused request, and not too many did so in a row."""
        return 0 < self._refused_requests <= REFUSED_REQUESTS_FORGIVEN

    def forgive(self) -> None:
        """Note that a line was stable: refused requests count anew."""
        self._refused_requests = 0

    def show_all_to(self, tap: Tap | None) -> None:
        """Have all frames of the lines of now and later seen by `tap`, or by nobody."""
        self.tap = tap
        for line in self.open:
            line.show_all_to(tap)

    def serves(self, line: Line) -> None:
        """Note which line serves: the ones after it take over what refusals have taught its limiter."""
        self.limiter = line.limiter

    async def dial(self, epoch: int, sink: Callable[[list[RawFrame]], None]) -> Line:
        """Return a new open line; raises what Dialer.dial raises."""
        # The exchange counts messages by connection: a new one begins at nothing.
        line = Line(self._ws_type, epoch, self.limiter.successor(), sink, self._on_control)
        line.show_all_to(self.tap)
        await self._dialer.dial(line)
        self._counters.connected()
        self.open.add(line)
        line.closed.add_done_callback(partial(self._closed, line))
        return line

    async def prove(self, line: Line) -> None:
        """Have the line synchronized; when that fails, or the line is lost meanwhile, cut it and raise the error."""
        proof = self._loop.create_task(self._synchronize(line), name=f"synchronize-{self._ws_type.value}")
        awaited: set[asyncio.Future[Any]] = {proof, line.closed}
        try:
            await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
            # The socket was first. The proof would wait for ever for what can come no more.
            if not proof.done():
                raise self.loss_error(line)
            await proof
        except WebSocketError as error:
            line.abort(Phrase("not proved: {reason}", reason=error.message))
            if isinstance(error, AuthenticationError):
                raise
            # Whatever failed first, the proof or the socket: a refused key is called what it is.
            raise (self._refused_key(line) or error) from None
        finally:
            if not proof.done():
                proof.cancel()
                await asyncio.wait({proof})
            # Whoever was cancelled meanwhile, or lost the line, has a reason of its own; but a bug stays loud.
            failure = None if proof.cancelled() else proof.exception()
            if failure is not None and not isinstance(failure, WebSocketError):
                raise failure

    def loss_error(self, line: Line) -> WebSocketError:
        """Return why a line is gone, as the error to go on with."""
        refused_key = self._refused_key(line)
        if refused_key is not None:
            return refused_key
        return ConnectionLostError(self._ws_type.value, loss_cause(line), close_code=line.closed.result().code)

    def _refused_key(self, line: Line) -> AuthenticationError | None:
        """Return the error of a line whose token was refused; None where it has a good one, or another trouble."""
        refusal = line.refusal
        if refusal is None or refusal.name != INVALID_AUTH or line.has_answered:
            return None
        return self._dialer.auth_refused(self._loop.time(), safe_text(f"{refusal.name}: {refusal.message}", 200))

    async def end_all(self, within: float) -> None:
        """Wait for all lines to be gone; those that are not after `within` seconds are cut."""
        if self.open:
            await asyncio.wait({line.closed for line in self.open}, timeout=within)
        for line in tuple(self.open):
            line.abort("closed by us")
        if self.open:
            await asyncio.wait({line.closed for line in self.open}, timeout=within / 2)

    def _closed(self, line: Line, closed: asyncio.Future[CloseInfo]) -> None:
        self.open.discard(line)
        line.gone(self._loop.time())
        self._counters.line_ended(line.figures())
        self._on_closed(line, closed.result())

    def _on_control(self, line: Line, message: Control) -> None:
        """Act on what concerns the line, then pass the message on."""
        if isinstance(message, ServerError):
            line.refused(message)
            self._counters.add_refusal(safe_text(message.name, 40))
            if message.name == TOO_MANY_REQUEST:
                # The next line is to be slower too, and this one may be a candidate beside the one that serves.
                for limiter in {line.limiter, self.limiter}:
                    limiter.refused(self._loop.time())
            elif message.name == INVALID_AUTH:
                line.abort(Phrase("the exchange refuses the token"))
            else:
                # The dial was fine: it was the request.
                self._refused_requests += 1
        elif isinstance(message, SubscriptionList):
            # A line that answers has a good token: an INVALID_AUTH after it is about a scope that a wish lacks.
            line.answered()
            self._dialer.forgive()
        if line.control is not None:
            line.control(message)
