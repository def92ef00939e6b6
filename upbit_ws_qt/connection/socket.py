"""An open socket and how to get one: TLS, time-outs, pings and typed failures; websockets is not seen outside."""

from __future__ import annotations

import asyncio
import errno
import ssl
from dataclasses import asdict
from socket import gaierror
from typing import TYPE_CHECKING, Any, cast

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, ProxyError, WebSocketException
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.protocol import State
from websockets.uri import parse_uri

from upbit_ws_qt.connection.transport import CloseInfo, DialError, SocketFigures
from upbit_ws_qt.connection.watchdog import PING, Watchdog
from upbit_ws_qt.connection.wire_connection import LOGGER, HandshakeRefusedError, WireConnection
from upbit_ws_qt.errors import ConnectionLostError
from upbit_ws_qt.text import Phrase, safe_text

if TYPE_CHECKING:
    from upbit_ws_qt.connection.transport import DialRequest
    from upbit_ws_qt.types import WebSocketType

__all__ = ["Socket", "make_tls_context", "open_socket"]

NO_CLOSE_FRAME = 1006


def make_tls_context() -> ssl.SSLContext:
    """Return the one way in which TLS is spoken: system CAs, host names checked, version 1.2 or later.

    Made by hand because ssl.create_default_context() would write the session keys wherever SSLKEYLOGFILE says.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_default_certs()
    return context


class Socket:
    """One open WebSocket with its watchdog; made by `open_socket`."""

    def __init__(self, request: DialRequest) -> None:
        self._loop = asyncio.get_running_loop()
        self._request: DialRequest | None = request
        self._endpoint: WebSocketType = request.ws_type
        self._close_timeout = request.config.close_timeout
        self._wall_clock = request.wall_clock
        self._stream: WireConnection | None = None
        self._watchdog = Watchdog(
            request.config, self._loop.time(), request.wall_clock(), watch_silence=request.watch_silence
        )
        self._timer: asyncio.TimerHandle | None = None
        self._pings = 0
        self._answered: asyncio.Future[None] | None = None  # done with the answer to the latest ping
        self._bytes_sent = 0
        self._peer = ""
        self._closed: asyncio.Future[CloseInfo] = self._loop.create_future()

    @property
    def closed(self) -> asyncio.Future[CloseInfo]:
        """Done when the socket is gone."""
        return self._closed

    async def send(self, data: bytes) -> None:
        """Send one text message (UTF-8); raises ConnectionLostError when the socket is gone."""
        stream = self._present()
        failure = None
        try:
            # How busy the line will be after this is not known.
            self._watchdog.wishes_changed()
            await stream.send(data, text=True)
        except (ConnectionClosed, OSError) as error:
            failure = safe_text(str(error), 200)
        if failure is not None:
            raise ConnectionLostError(self._endpoint.value, failure, close_code=self._close_code())
        self._bytes_sent += len(data)

    async def close(self) -> None:
        """Close with code 1000, without it where the peer does not answer within close_timeout; idempotent."""
        stream = self._stream
        if stream is None or self._closed.done():
            return
        try:
            stream.send_close()
            await asyncio.wait({self._closed}, timeout=self._close_timeout)
        finally:
            if not self._closed.done():
                stream.cut("closed by us")
        await asyncio.wait({self._closed}, timeout=self._close_timeout)

    async def answers(self, within: float) -> bool:
        """Whether the peer answers a ping within some seconds; what it had sent before has then been received."""
        stream = self._stream
        if stream is None or self._closed.done() or stream.protocol.state is not State.OPEN:
            return False
        answered = self._answered = self._answered or self._loop.create_future()
        self._ping(stream)
        await asyncio.wait({answered, self._closed}, timeout=within, return_when=asyncio.FIRST_COMPLETED)
        return answered.done()

    def abort(self, cause: str) -> None:
        """Cut the connection at once, without a close frame."""
        if self._stream is not None and not self._closed.done():
            self._stream.cut(cause)

    def figures(self) -> SocketFigures:
        """Return what the socket has carried."""
        stream, watchdog = self._stream, self._watchdog
        if stream is None:
            return SocketFigures()
        return SocketFigures(
            **asdict(stream.counts),
            bytes_sent=self._bytes_sent,
            last_frame_at=watchdog.last_frame_at,
            last_pong_at=watchdog.last_pong_at,
            ping_sent_at=0.0 if watchdog.pinged_at is None or self._closed.done() else watchdog.pinged_at,
            rtt=watchdog.rtt,
            lag=watchdog.lag,
            lag_total=watchdog.lag_total,
            peer=self._peer,
            connect_budget=stream.connect_budget,
            compressed=any(isinstance(item, PerMessageDeflate) for item in stream.protocol.extensions),
        )

    def make_stream(self, *args: Any, **settings: Any) -> WireConnection:
        """Make the connection object; called by websockets in the middle of a dial."""
        assert self._request is not None
        config = self._request.config
        self._stream = WireConnection(
            *args,
            make_token=self._request.make_token,
            on_frames=self._request.on_frames,
            on_arrival=self._watchdog.frames,
            largest=config.max_frame_bytes,
            on_pong=self._on_pong,
            on_lost=self._on_lost,
            budget=(config.max_bytes_per_second, config.max_frames_per_second),
            **settings,
        )
        return self._stream

    @property
    def has_reached_somebody(self) -> bool:
        """Whether the dial came as far as a connection, in which the exchange may have counted it."""
        return self._stream is not None

    def opened(self) -> None:
        """Begin to watch; called once, after the handshake."""
        if self._stream is not None and (peer := self._stream.remote_address) is not None:
            self._peer = safe_text(str(peer[0]), 60)
        if not self._closed.done():
            self._timer = self._loop.call_later(self._watchdog.tick, self._look)

    def _present(self) -> WireConnection:
        if self._stream is None or self._closed.done() or self._stream.protocol.state is not State.OPEN:
            raise ConnectionLostError(self._endpoint.value, Phrase("the line is closed"), close_code=self._close_code())
        return self._stream

    def _close_code(self) -> int | None:
        return self._closed.result().code if self._closed.done() else None

    def _look(self) -> None:
        """See what the watchdog says, and do it."""
        self._timer = None
        stream = self._stream
        if stream is None or self._closed.done():
            return
        state = stream.protocol.state
        now = self._loop.time()
        verdict = self._watchdog.look(now, self._wall_clock(), broken=stream.complaint, closing=state is not State.OPEN)
        if verdict == PING:
            self._ping(stream)
        elif verdict is not None:
            # After a close frame the peer has said itself what is wrong; only its TCP hangs.
            stream.cut(verdict) if stream.protocol.close_rcvd is None else stream.transport.abort()
        self._timer = self._loop.call_later(self._watchdog.tick, self._look)

    def _ping(self, stream: WireConnection) -> None:
        # Numbered, so that a late pong is not taken for the answer to a later ping.
        self._pings += 1
        stream.send_ping(b"%d" % self._pings)
        self._watchdog.pinged(self._loop.time())

    def _on_pong(self, payload: bytes) -> None:
        now = self._loop.time()
        if payload == b"%d" % self._pings and self._request is not None:
            rtt = self._watchdog.pong(now)
            if self._answered is not None:
                self._answered.set_result(None)
                self._answered = None
            if rtt is not None:
                self._request.on_pong(rtt, now)

    def _on_lost(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        # It holds the way to make tokens.
        self._request = None
        if not self._closed.done() and self._stream is not None:
            self._closed.set_result(_close_info(self._stream))


def _close_info(stream: WireConnection) -> CloseInfo:
    received = stream.protocol.close_rcvd
    code = received.code if received is not None else NO_CLOSE_FRAME
    reason = safe_text(received.reason, 125) if received is not None else ""
    cause: str
    if stream.asked:
        cause = "closed by us"
    elif stream.cause is not None:
        cause = stream.cause
    elif (complaint := stream.complaint) is not None:
        cause = Phrase("protocol error: {complaint}", complaint=complaint)
    elif received is not None:
        cause = Phrase("closed by the exchange")
        if reason:
            cause = Phrase("closed by the exchange: {reason}", reason=reason)
    else:
        cause = Phrase("dropped without a close frame")
    return CloseInfo(code, reason, cause, stream.asked)


async def open_socket(request: DialRequest) -> Socket:
    """Dial once and return the open socket; raises DialError, whatever goes wrong.

    Where a host has several addresses, the next one is tried as long as nobody was reached; which ones failed is
    remembered for the next dial.
    """
    socket = Socket(request)
    failure: DialError
    try:
        await _connect_somewhere(socket, request)
    except (OSError, WebSocketException, EOFError, ValueError, ImportError) as error:
        failure = _dial_error(request.ws_type.value, error)
    else:
        socket.opened()
        return socket
    # Outside of the handler, so that no traceback with the frames of the handshake hangs on it.
    raise failure


async def _connect_somewhere(socket: Socket, request: DialRequest) -> None:
    """Connect to the first address that takes a connection."""
    config, addresses = request.config, request.addresses
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + config.connect_timeout
    options: dict[str, Any] = {"ssl": request.tls or make_tls_context()} if request.url.startswith("wss:") else {}
    if config.proxy is not None:
        if config.proxy.startswith("https:"):
            options["proxy_ssl"] = make_tls_context()
        await _connect(socket, request, config.connect_timeout, options)  # the proxy finds the host
        return
    target = parse_uri(request.url)
    async with asyncio.timeout_at(ends_at):  # a resolver can hang, too
        waiting = await addresses.of(target.host, target.port)
    while waiting:
        address = waiting.pop(0)
        try:
            await _connect(socket, request, ends_at - loop.time(), {**options, "host": address, "port": target.port})
        except (OSError, WebSocketException, EOFError) as error:
            if _may_be_the_address(error):
                addresses.failed(address)
            # A second handshake would be one that the limit of dials knows nothing of.
            if not waiting or socket.has_reached_somebody or isinstance(error, TimeoutError):
                raise
        else:
            addresses.answered(address)
            return


async def _connect(socket: Socket, request: DialRequest, seconds: float, options: dict[str, Any]) -> None:
    config = request.config
    await connect(
        request.url,
        origin=None,  # protocol sheet, "Rate limits": with an Origin everything is limited to 1 per 10 s
        compression="deflate" if config.compression else None,
        user_agent_header=None,
        proxy=config.proxy,
        open_timeout=seconds,
        ping_interval=None,  # Socket pings by itself, and takes the loop's own lag off
        ping_timeout=None,
        close_timeout=config.close_timeout,
        max_size=config.max_frame_bytes,
        max_queue=None,
        logger=LOGGER,
        create_connection=cast("type[ClientConnection]", socket.make_stream),
        **options,
    )


def _may_be_the_address(error: Exception) -> bool:
    """Whether another address might do better: not where this one's answer is about the client or its request."""
    return not isinstance(error, HandshakeRefusedError) or error.status >= 500


def _dial_error(endpoint: str, error: Exception) -> DialError:
    text = safe_text(str(error) or type(error).__name__, 200)
    if isinstance(error, HandshakeRefusedError):
        return DialError(
            endpoint,
            "status",
            Phrase("the exchange answered with HTTP {status}", status=error.status),
            status=error.status,
            retry_after=error.retry_after,
            detail=error.body,
        )
    if isinstance(error, ssl.SSLCertVerificationError):
        cause = Phrase("the certificate is not trusted ({reason})", reason=error.verify_message)
        return DialError(endpoint, "certificate", cause)
    if isinstance(error, TimeoutError):
        return DialError(endpoint, "timeout", Phrase("the dial took too long"))
    if isinstance(error, ssl.SSLError):
        return DialError(endpoint, "tls", Phrase("no TLS connection ({reason})", reason=text))
    if isinstance(error, ImportError):
        cause = Phrase("the proxy cannot be used ({reason}); install python-socks", reason=text)
        return DialError(endpoint, "proxy", cause)
    if isinstance(error, (InvalidHandshake, EOFError, WebSocketException)) and not isinstance(error, ProxyError):
        return DialError(endpoint, "handshake", Phrase("no WebSocket handshake ({reason})", reason=text))
    return DialError(endpoint, "network", Phrase("no connection ({reason})", reason=_network_reason(error) or text))


def _network_reason(error: Exception) -> Phrase | None:
    """Return the usual troubles of networks in words that can be translated; None for any other."""
    if isinstance(error, gaierror):
        return Phrase("the name of the host is not found: is there a network?")
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.ECONNREFUSED:
        return Phrase("nothing listens there")
    if number in (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN):
        return Phrase("there is no way there: is there a network?")
    if number in (errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE):
        return Phrase("the other side ended it")
    return None
