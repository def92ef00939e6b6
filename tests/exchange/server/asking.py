"""Asking REST without any client code: one connection for each request, exact numbers."""

from __future__ import annotations

import asyncio
import gzip
import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from tests.exchange.server.raw import digest, token

if TYPE_CHECKING:
    from upbit_ws_qt.exchange import EmbeddedExchange


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    value: Any
    headers: dict[str, str]

    @property
    def error(self) -> tuple[int, Any]:
        """Status and name of an error, which must have words as well."""
        assert list(self.value) == ["error"]
        assert self.value["error"]["message"]
        return self.status, self.value["error"]["name"]

    @property
    def remaining(self) -> tuple[str, int]:
        """Group and calls left, as reported."""
        parts = dict(part.split("=") for part in self.headers["remaining-req"].split("; "))
        return parts["group"], int(parts["sec"])


def spelt(**parameters: Any) -> str:
    """Return a query as it has to be sent: values encoded, names not; `states=[…]` becomes `states[]=` twice."""
    pairs: list[str] = []
    for name, value in parameters.items():
        if isinstance(value, list):
            pairs += [f"{name}[]={quote(str(each), safe='')}" for each in value]
        else:
            pairs.append(f"{name}={quote(str(value), safe='')}")
    return "&".join(pairs)


async def ask_raw(exchange: EmbeddedExchange, target: str, *headers: str, method: str = "GET") -> Reply:
    """Ask for a target exactly as it is given, with header lines as they are; ConnectionError without whole answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", exchange.port)
    lines = [f"{method} {target} HTTP/1.1", f"Host: 127.0.0.1:{exchange.port}", "Connection: close", *headers]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n")
    try:
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    finally:
        writer.close()
        await writer.wait_closed()
    if b"HTTP/1.1 " not in head:
        raise ConnectionError("no answer")
    first, *rest = head.decode().split("\r\n")
    answered = dict(line.lower().split(": ", 1) for line in rest)
    if int(answered["content-length"]) != len(body):
        raise ConnectionError("half an answer")
    if answered.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    return Reply(int(first.split()[1]), json.loads(body, parse_float=Decimal), answered)


async def ask(exchange: EmbeddedExchange, path: str, **parameters: Any) -> Any:
    """Ask Quotation for something that it has and return it."""
    reply = await refusable(exchange, path, **parameters)
    assert reply.status == 200, reply.value
    return reply.value


async def refusable(exchange: EmbeddedExchange, path: str, **parameters: Any) -> Reply:
    """Ask Quotation."""
    query = spelt(**parameters)
    return await ask_raw(exchange, f"/v1/{path}" + (f"?{query}" if query else ""))


def bearer(exchange: EmbeddedExchange, query: str = "", **claims: Any) -> str:
    """Return the header line for a query as it is sent; `claims` replace what a good client says."""
    hashed = {"query_hash": digest(unquote(query)), "query_hash_alg": "SHA512"} if query else {}
    merged = {name: value for name, value in (hashed | claims).items() if value is not None}
    return f"Authorization: Bearer {token(exchange.access_key, exchange.secret_key, **merged)}"


async def own(exchange: EmbeddedExchange, path: str, **parameters: Any) -> Reply:
    """Ask Exchange with the key of the account."""
    query = spelt(**parameters)
    return await ask_raw(exchange, f"/v1/{path}" + (f"?{query}" if query else ""), bearer(exchange, query))
