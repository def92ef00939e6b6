"""A client without any client code: bare websockets, bare JSON."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import ClientConnection, connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from upbit_ws_qt.exchange import EmbeddedExchange

BTC = "KRW-BTC"
ETH = "KRW-ETH"


def token(access_key: str, secret_key: str, *, algorithm: str = "HS512", **payload: Any) -> str:
    """Return a JSON Web Token, spelt out by hand."""
    digest = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}.get(algorithm, hashlib.sha512)
    claims = {"access_key": access_key, "nonce": str(uuid.uuid4()), **payload}
    head = _base64(json.dumps({"alg": algorithm, "typ": "JWT"}).encode())
    body = _base64(json.dumps(claims).encode())
    signature = hmac.new(secret_key.encode(), f"{head}.{body}".encode(), digest).digest()
    return f"{head}.{body}.{_base64(signature)}"


def digest(query: str) -> str:
    """Return the hash of a query, which is not encoded (REST sheet 2)."""
    return hashlib.sha512(query.encode()).hexdigest()


def bearer(exchange: EmbeddedExchange, **options: Any) -> dict[str, str]:
    """Return the header that opens the private endpoints."""
    return {"Authorization": f"Bearer {token(exchange.access_key, exchange.secret_key, **options)}"}


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class RawClient:
    """A WebSocket with a few words for what tests do."""

    def __init__(self, websocket: ClientConnection) -> None:
        self.websocket = websocket
        self.sent = 0

    async def request(self, *parts: dict[str, Any], format: str | None = None, ticket: str = "t") -> None:
        """Send `[{ticket}, parts…, {format}]`."""
        tail = [] if format is None else [{"format": format}]
        await self.raw(json.dumps([{"ticket": ticket}, *parts, *tail]))

    async def raw(self, message: str | bytes) -> None:
        """Send a message as it is."""
        self.sent += 1
        await self.websocket.send(message)

    async def frame(self) -> bytes:
        """Return the next data frame, which has to be a binary one."""
        frame = await self.websocket.recv()
        assert isinstance(frame, bytes), "data frames are binary"
        return frame

    async def message(self) -> Any:
        """Return the next message, exact numbers kept."""
        return json.loads(await self.frame(), parse_float=Decimal)

    async def messages(self, count: int) -> list[Any]:
        """Return the next `count` messages."""
        return [await self.message() for _ in range(count)]

    async def listing(self, format: str | None = "DEFAULT", ticket: str = "l") -> Any:
        """Ask for the subscriptions and return the reply, market messages before it left out."""
        await self.request({"method": "LIST_SUBSCRIPTIONS"}, format=format, ticket=ticket)
        while True:
            message = await self.message()
            inner = message[0] if isinstance(message, list) else message
            if "method" in inner or "mthd" in inner:
                return message

    async def error(self) -> str:
        """Return the name of the error that comes next, market messages before it left out."""
        while True:
            message = await self.message()
            if "error" in message:
                assert set(message) == {"error"}
                assert set(message["error"]) == {"name", "message"}
                return str(message["error"]["name"])

    async def nothing_before_listing(self) -> None:
        """Assert that no market message is under way."""
        await self.request({"method": "LIST_SUBSCRIPTIONS"})
        assert "method" in await self.message()


@asynccontextmanager
async def client(exchange: EmbeddedExchange, endpoint: str = "public", **options: Any) -> AsyncIterator[RawClient]:
    """Connect to an endpoint; private ones with a proper token unless headers are given."""
    if endpoint != "public" and "additional_headers" not in options:
        options["additional_headers"] = bearer(exchange)
    url = getattr(exchange, f"{endpoint}_url")
    async with connect(url, proxy=None, ping_interval=None, close_timeout=1, max_queue=None, **options) as websocket:
        yield RawClient(websocket)
