"""One GET over HTTP: TLS and proxy as configured, no redirect, a bounded body; aiohttp is not seen outside."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import importlib
import ssl
import sys
import threading
from dataclasses import dataclass
from socket import gaierror
from typing import TYPE_CHECKING, Any, Protocol, cast

from upbit_ws_qt.config_rules import require_reachable
from upbit_ws_qt.connection.socket import make_tls_context
from upbit_ws_qt.text import Phrase, safe_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    import aiohttp

    from upbit_ws_qt.config import ServiceConfig

__all__ = ["HttpAnswer", "HttpTransport", "Transport", "TransportError"]

MOST_BYTES = 16 * 1024 * 1024
"""Of one answer, unpacked; the largest there is (a thousand closed orders) has less than one of these."""
MOST_CONNECTIONS = 8
_IDLE_SECONDS = 30.0
_CHUNK = 64 * 1024
_ENDED = frozenset({"ClientPayloadError", "ServerDisconnectedError", "ClientOSError", "ClientConnectionError"})


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """Status, the headers that matter, and the body.

    Attributes:
        remaining: `Remaining-Req`.
        retry_after: `Retry-After`.
    """

    status: int
    body: bytes
    remaining: str | None = None
    retry_after: str | None = None


class TransportError(Exception):
    """No answer.

    Attributes:
        name: as RestError's.
        reason: in words.
        is_temporary: whether another try may get one.
    """

    def __init__(self, name: str, reason: str, *, is_temporary: bool = False) -> None:
        self.name = name
        self.reason = reason
        self.is_temporary = is_temporary
        super().__init__(reason)


class Transport(Protocol):
    """What carries a question to the exchange and brings the answer; in a replay, the recording does."""

    @property
    def is_closed(self) -> bool:
        """Whether it was closed."""

    async def get(self, target: str, headers: Mapping[str, str]) -> HttpAnswer:
        """Ask for path and encoded query; TransportError where no answer came."""

    async def close(self) -> None:
        """Carry nothing more; idempotent."""

    def abandon(self) -> None:
        """The same at once, where no loop runs any more."""


class HttpTransport:
    """Asks one host; connections are kept for the next question and closed by `close()`.

    Nothing is loaded and no connection is made before the first question.

    Attributes:
        is_closed: whether it was closed.
    """

    def __init__(self, config: ServiceConfig) -> None:
        self._config = config
        self._session: aiohttp.ClientSession | None = None
        self._opening: asyncio.Task[aiohttp.ClientSession] | None = None
        self._proxy_tls: ssl.SSLContext | None = None
        self.is_closed = False

    async def get(self, target: str, headers: Mapping[str, str]) -> HttpAnswer:
        """Ask for `target`, path and encoded query.

        Raises:
            TransportError: no answer came.
            ConfigurationError: the exchange must not be asked (see `require_reachable`).
        """
        require_reachable("rest_url", self._config.rest_url)
        session = await self._opened()
        aiohttp_module = cast("Any", importlib.import_module("aiohttp"))
        url = importlib.import_module("yarl").URL(self._config.rest_url.rstrip("/") + target, encoded=True)
        proxy = self._config.proxy
        options: dict[str, Any] = {}
        if proxy is not None:
            options = {"proxy": proxy, **({"proxy_ssl": self._proxy_tls} if self._proxy_tls else {})}
        failure: TransportError
        try:
            async with session.get(url, headers=headers, allow_redirects=False, **options) as response:
                body = bytearray()
                async for chunk in response.content.iter_chunked(_CHUNK):
                    body += chunk
                    if len(body) > MOST_BYTES:
                        raise TransportError("too_large", Phrase("the answer is too large"))
                return HttpAnswer(
                    response.status,
                    bytes(body),
                    response.headers.get("Remaining-Req"),
                    response.headers.get("Retry-After"),
                )
        except (aiohttp_module.ClientError, OSError, ValueError) as error:
            failure = self._failure(error)
        # Outside of the handler, so that no traceback with the headers, token and all, hangs on it.
        raise failure

    def _failure(self, error: Exception) -> TransportError:
        return TransportError("closed", Phrase("the program ends")) if self.is_closed else _meaning(error)

    async def close(self) -> None:
        """Close all connections; whoever waits for an answer gets none. Idempotent."""
        self.is_closed = True
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait({self._opening})
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def abandon(self) -> None:
        """Let go of all connections at once, because the process ends and no loop will run any more."""
        self.is_closed = True
        session, self._session = self._session, None
        if session is not None and session.connector is not None:
            # What close() does before it waits for the ends, which nobody could.
            cast("Any", session.connector)._close(abort_ssl=True)
            session.detach()

    async def _opened(self) -> aiohttp.ClientSession:
        if self.is_closed:
            raise TransportError("closed", Phrase("the program ends"))
        if self._session is not None:
            return self._session
        if self._opening is None:
            loop = asyncio.get_running_loop()
            self._opening = loop.create_task(self._open(), name="upbit_ws_qt rest open")
        try:
            # Whoever gives up must not take the others' session with it.
            return await asyncio.shield(self._opening)
        except asyncio.CancelledError:
            if self.is_closed:
                raise TransportError("closed", Phrase("the program ends")) from None
            raise

    async def _open(self) -> aiohttp.ClientSession:
        # Loading it takes some hundred milliseconds, for which a window would stand still.
        library: Any = await _imported("aiohttp")
        config = self._config
        if config.proxy is not None and config.proxy.startswith("socks"):
            raise TransportError("proxy", Phrase("REST goes through http:// and https:// proxies, not through SOCKS"))
        tls: ssl.SSLContext | bool = make_tls_context() if config.rest_url.startswith("https:") else True
        if config.proxy is not None and config.proxy.startswith("https:"):
            self._proxy_tls = make_tls_context()
        session = library.ClientSession(
            connector=library.TCPConnector(limit=MOST_CONNECTIONS, ssl=tls, keepalive_timeout=_IDLE_SECONDS),
            # Nothing is taken from the environment (proxy, .netrc), and nothing is kept from one answer to the next.
            trust_env=False,
            cookie_jar=library.DummyCookieJar(),
            timeout=library.ClientTimeout(total=config.rest_timeout, connect=config.connect_timeout),
            skip_auto_headers=("User-Agent", "Accept-Encoding"),
            max_line_size=16 * 1024,
            max_field_size=16 * 1024,
        )
        # It would send a question twice, behind the budget's back and with a nonce that was used; there is no other way
        # to tell it so, and tests/rest/test_wire.py counts what is sent.
        session._retry_connection = False
        self._session = session
        return cast("aiohttp.ClientSession", session)


async def _imported(name: str) -> object:
    """Return a module that a thread of its own has loaded, or somebody else before."""
    known = sys.modules.get(name)
    if known is not None and not getattr(known.__spec__, "_initializing", False):
        return known
    loop = asyncio.get_running_loop()
    loaded: asyncio.Future[object] = loop.create_future()

    def settle(module: object, error: Exception | None) -> None:
        if loaded.done():
            return
        if error is None:
            loaded.set_result(module)
        else:
            loaded.set_exception(error)

    def load() -> None:
        module, failure = None, None
        try:
            module = importlib.import_module(name)
        except ImportError as error:
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, module, failure)

    # No daemon: an interpreter that ends while a thread of it is within an import may die of that. So it waits, for
    # less than a second.
    threading.Thread(target=load, name=f"upbit_ws_qt load {name}").start()
    return await loaded


def _meaning(error: Exception) -> TransportError:
    """Return what a failure means; its text may hold the address, which is not repeated."""
    cause = getattr(error, "os_error", None) or error
    if isinstance(cause, TimeoutError):
        return TransportError("timeout", Phrase("no answer in time"), is_temporary=True)
    verified = getattr(error, "certificate_error", cause)
    if isinstance(verified, ssl.SSLCertVerificationError):
        reason = Phrase("the certificate is not trusted ({reason})", reason=safe_text(verified.verify_message, 200))
        return TransportError("certificate", reason)
    if isinstance(cause, ssl.SSLError) or isinstance(verified, ssl.SSLError):
        text = safe_text(str(getattr(verified, "reason", "") or type(cause).__name__), 200)
        return TransportError("tls", Phrase("no TLS connection ({reason})", reason=text), is_temporary=True)
    if type(error).__name__ in ("ClientHttpProxyError", "ClientProxyConnectionError"):
        return TransportError("proxy", Phrase("the proxy cannot be used"), is_temporary=True)
    return TransportError("network", _network_reason(error, cause), is_temporary=True)


def _network_reason(error: Exception, cause: BaseException) -> Phrase:
    """Return the usual troubles of networks in the words that the lines use for them."""
    number = cause.errno if isinstance(cause, OSError) else None
    if isinstance(cause, gaierror) or isinstance(cause.__cause__, gaierror):
        return Phrase("the name of the host is not found: is there a network?")
    if number == errno.ECONNREFUSED:
        return Phrase("nothing listens there")
    if number in (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN):
        return Phrase("there is no way there: is there a network?")
    if number in (errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE) or type(error).__name__ in _ENDED:
        return Phrase("the other side ended it")
    return Phrase("no connection ({reason})", reason=type(error).__name__)
