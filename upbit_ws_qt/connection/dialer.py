"""Dialling for one endpoint: within the shared limit, with a token of its own, and what a refusal means."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING

from upbit_ws_qt.connection.link import DialError, DialRequest
from upbit_ws_qt.connection.socket import make_tls_context, open_socket
from upbit_ws_qt.errors import AuthenticationError, ConfigurationError, RateLimitError, RecoveryStrategy
from upbit_ws_qt.text import Phrase
from upbit_ws_qt.types import WebSocketType

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from upbit_ws_qt.config import ServiceConfig
    from upbit_ws_qt.connection.auth import JWTManager
    from upbit_ws_qt.connection.line import Line
    from upbit_ws_qt.connection.link import Connect
    from upbit_ws_qt.connection.rate_limit import ConnectLimiter
    from upbit_ws_qt.errors import WebSocketError

__all__ = ["INVALID_AUTH", "Dialer"]

INVALID_AUTH = "INVALID_AUTH"
# One refusal may be a token that came late or twice; the second one in a row is about the key.
AUTH_RETRIES = 1
AUTH_FORGIVEN_AFTER = 120.0
LONGEST_SLEEP = 0.5


class Dialer:
    """Opens lines for one endpoint.

    Attributes:
        dials: handshakes begun so far.
    """

    def __init__(
        self,
        ws_type: WebSocketType,
        config: ServiceConfig,
        limiter: ConnectLimiter,
        jwt: JWTManager,
        on_pong: Callable[[float, float], None],
        *,
        connect: Connect = open_socket,
        wall_clock: Callable[[], float] = time.time,
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
        self._limiter.begin()
        self.dials += 1
        failure: WebSocketError
        try:
            socket = await self._connect(request)
        except DialError as error:
            failure = error
        else:
            self._limiter.accepted()
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
        needs_token = self._jwt.needs_token(self._ws_type)
        if needs_token and not self._jwt.has_credentials:
            raise AuthenticationError(self._ws_type.value, Phrase("no key was given"))
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
        if not self._jwt.needs_token(self._ws_type):
            return error
        if error.status == 401 and INVALID_AUTH in error.detail:
            return self.auth_refused(now, error.detail)
        if error.status in (401, 403):
            return AuthenticationError(self._ws_type.value, error.detail or f"HTTP {error.status}")
        return error
