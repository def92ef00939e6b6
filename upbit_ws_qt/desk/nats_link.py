"""One connection to a NATS server, and what JetStream is asked by name; nats-py is not seen outside.

It does not reconnect: what was on its way when a connection was lost is known by whoever used it, and nats-py would
send again what it had not sent yet, before anybody could say what comes first.
"""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from upbit_ws_qt.config_rules import check_desk_address, require_reachable
from upbit_ws_qt.connection.socket import make_tls_context
from upbit_ws_qt.desk.subjects import as_json, read_json
from upbit_ws_qt.errors import ConfigurationError, ConnectionLostError
from upbit_ws_qt.text import Phrase, safe_text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    OnMessage = Callable[[Any], Awaitable[None]]

__all__ = ["DeskAddress", "NatsLink", "end_tasks"]

PING_EVERY = 1.0
"""Seconds between two pings to the server; two that are not answered end the connection."""
CANCEL_AGAIN = 0.1
SERVER = "desk"
"""What a lost connection to the server is called in errors, as lines are by their names."""


async def end_tasks(tasks: set[asyncio.Task[Any]]) -> None:
    """Cancel tasks until they have ended: nats-py lets a cancellation pass that comes while it sends."""
    while waiting := {task for task in tasks if not task.done()}:
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting, timeout=CANCEL_AGAIN)


class DeskAddress:
    """Where a NATS server is, and how it may be spoken to.

    Args:
        url: `nats://` or `tls://`, with user and password, or a token, before an @ where needed.
        ca: a file with the certificates that are trusted instead of the computer's own; for `tls://`.
        plain: whether a server that is not on this computer may be spoken to without TLS.

    Raises:
        ConfigurationError: an address that cannot be, or one that leads out of the computer without TLS.
    """

    def __init__(self, url: str, *, ca: str | None = None, plain: bool = False) -> None:
        check_desk_address("desk_url", url, plain=plain)
        self.url = url
        self._ca = ca
        self._tls: Any = None

    def __repr__(self) -> str:
        return f"<DeskAddress {self.shown}>"

    @property
    def shown(self) -> str:
        """The address without what is secret in it."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.hostname}:{parts.port or 4222}"

    def options(self) -> dict[str, Any]:
        """Return what nats-py has to be told besides the address."""
        if not self.url.startswith("tls:"):
            return {}
        if self._tls is None:
            self._tls = make_tls_context()
            if self._ca is not None:
                self._tls.load_verify_locations(self._ca)
        return {"tls": self._tls, "tls_hostname": urlsplit(self.url).hostname}


class NatsLink:
    """An open connection; made by `open`.

    Attributes:
        closed: done when the connection is gone, with the cause in a few words.
    """

    def __init__(self, address: DeskAddress) -> None:
        self.address = address
        self.closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._client: Any = None
        self._errors: Any = None
        self._last_error = ""
        self._is_ending = False

    @classmethod
    async def open(cls, address: DeskAddress, name: str, *, timeout: float = 5.0, inbox: str = "_INBOX") -> NatsLink:
        """Connect.

        Args:
            address: where to.
            name: how the server's own figures call this connection.
            timeout: seconds that it may take.
            inbox: what the subjects begin with on which answers come.

        Raises:
            ConnectionLostError: no connection, with the cause.
            ConfigurationError: the extra `desk` is not installed, or the address must not be reached.
        """
        require_reachable("desk_url", address.url)
        try:
            library = importlib.import_module("nats.aio.client")
            errors = importlib.import_module("nats.errors")
        except ImportError:
            allowed = 'None, or the extra that it needs: pip install "upbit-ws-qt[desk]"'
            raise ConfigurationError("desk_url", address.shown, allowed) from None
        link = cls(address)
        link._errors = errors
        client = library.Client()
        failure = ""
        try:
            async with asyncio.timeout(timeout):
                await client.connect(
                    servers=[address.url],
                    name=name,
                    allow_reconnect=False,
                    connect_timeout=timeout,
                    ping_interval=PING_EVERY,
                    max_outstanding_pings=2,
                    pending_size=-1,  # who publishes sees to it that not too much waits
                    error_cb=link._on_error,
                    closed_cb=link._on_closed,
                    inbox_prefix=inbox,
                    **address.options(),
                )
        except (OSError, errors.Error, TimeoutError, ValueError) as error:
            failure = safe_text(link._last_error or str(error) or type(error).__name__, 200)
        if failure:
            await client.close()
            cause = Phrase("no connection to {address} ({reason})", address=address.shown, reason=failure)
            raise ConnectionLostError(SERVER, cause)
        link._client = client
        return link

    @property
    def is_open(self) -> bool:
        """Whether something can be sent."""
        return self._client is not None and not self.closed.done() and not self._is_ending

    @property
    def waiting_bytes(self) -> int:
        """Bytes that were published and have not been given to the socket."""
        return 0 if self._client is None else int(self._client.pending_data_size)

    async def publish(
        self, subject: str, data: bytes = b"", *, headers: dict[str, str] | None = None, reply: str = ""
    ) -> None:
        """Send a message; ConnectionLostError where the connection is gone. Nobody says that it has arrived."""
        try:
            await self._client.publish(subject, data, reply=reply, headers=headers)
        except (self._errors.Error, OSError) as error:
            raise self._lost(error) from None

    async def flush(self, timeout: float) -> None:
        """Return when the server has taken all that was published before; ConnectionLostError where it does not."""
        try:
            await self._client.flush(timeout=timeout)
        except (self._errors.Error, OSError, TimeoutError) as error:
            raise self._lost(error) from None

    async def subscribe(self, subject: str, on_message: OnMessage) -> Any:
        """Have `on_message` awaited with each message of a subject; returns what `unsubscribe()` ends it with."""
        try:
            return await self._client.subscribe(subject, cb=on_message)
        except (self._errors.Error, OSError) as error:
            raise self._lost(error) from None

    def new_inbox(self) -> str:
        """Return a subject that nobody else listens to."""
        return str(self._client.new_inbox())

    async def request(
        self, subject: str, data: bytes, timeout: float, *, headers: dict[str, str] | None = None
    ) -> bytes:
        """Ask and return the answer.

        Raises:
            ConnectionLostError: nobody listens there, nobody answered in time, or the connection is gone.
        """
        try:
            message = await self._client.request(subject, data, timeout=timeout, headers=headers)
        except (self._errors.Error, OSError, TimeoutError) as error:
            raise self._lost(error) from None
        return bytes(message.data)

    async def ask_jetstream(self, what: str, body: Mapping[str, Any] | None = None, timeout: float = 5.0) -> Any:
        """Ask JetStream; return its answer, in which `error` says what it refuses."""
        return read_json(await self.request(f"$JS.API.{what}", b"" if body is None else as_json(body), timeout))

    async def close(self) -> None:
        """Send what was published, and close; idempotent."""
        self._is_ending = True
        client, self._client = self._client, None
        if client is not None:
            await client.close()
        if not self.closed.done():
            self.closed.set_result("closed by us")

    def _lost(self, error: Exception) -> ConnectionLostError:
        reason = type(error).__name__.removesuffix("Error")
        if isinstance(error, self._errors.NoRespondersError):
            return ConnectionLostError(SERVER, Phrase("no relay is there"))
        if isinstance(error, (TimeoutError, self._errors.TimeoutError)):
            return ConnectionLostError(SERVER, Phrase("no answer in time"))
        return ConnectionLostError(SERVER, Phrase("the connection to the server is lost ({reason})", reason=reason))

    async def _on_error(self, error: Exception) -> None:
        self._last_error = str(error) or type(error).__name__

    async def _on_closed(self) -> None:
        if not self.closed.done():
            reason = safe_text(self._last_error, 100)
            cause = Phrase("the connection to the server is lost ({reason})", reason=reason or "closed")
            self.closed.set_result(cause)
