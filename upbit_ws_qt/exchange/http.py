"""The little HTTP/1.1 that the exchange speaks: one request head and body in, one response out. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

SWITCHING = 101
MOST_HEAD = 16 * 1024
MOST_BODY = 64 * 1024
_MOST_HEADERS = 100

_REASONS = {
    200: "OK", 204: "No Content", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 413: "Content Too Large", 418: "I'm a teapot", 429: "Too Many Requests",
    431: "Request Header Fields Too Large", 500: "Internal Server Error", 501: "Not Implemented",
    502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
}  # fmt: skip


class BadRequestError(Exception):
    """A request that cannot be read; `status` is the answer, after which the connection is closed."""

    def __init__(self, status: int, text: str) -> None:
        self.status = status
        super().__init__(text)


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request; header names are lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        """The target without its query."""
        return urlsplit(self.target).path

    @property
    def query(self) -> str:
        """What stands behind the question mark of the target, as it was sent."""
        return urlsplit(self.target).query

    @property
    def wants_websocket(self) -> bool:
        """Whether the client asks to leave HTTP."""
        return self.headers.get("upgrade", "").lower() == "websocket"

    @property
    def keeps_alive(self) -> bool:
        """Whether the client wants to ask again on this connection."""
        return self.headers.get("connection", "").lower() != "close"

    @property
    def body_length(self) -> int:
        """The length of the body that follows the head.

        Raises:
            BadRequestError: If it is not a plain number, or more than can be taken.
        """
        if "transfer-encoding" in self.headers:
            raise BadRequestError(501, "no transfer encodings here")
        length = self.headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()):
            raise BadRequestError(400, "bad Content-Length")
        if len(length) > 8 or int(length) > MOST_BODY:
            raise BadRequestError(413, "body too large")
        return int(length)


def parse_head(head: bytes) -> HttpRequest:
    """Read a request head (without its empty line).

    Raises:
        BadRequestError: If it is not HTTP/1.1 or larger than can be taken.
    """
    lines = head.decode("latin-1").split("\r\n")
    try:
        method, target, version = lines[0].split(" ")
    except ValueError:
        raise BadRequestError(400, "not a request line") from None
    if version not in ("HTTP/1.1", "HTTP/1.0"):
        raise BadRequestError(400, "not HTTP/1.1")
    if len(lines) > _MOST_HEADERS:
        raise BadRequestError(431, "too many headers")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise BadRequestError(400, "not a header line")
        if name.lower() in headers:
            # Protocol sheet, "Rate limits": it may be merged or refused since 2026-07-31; the strict reading.
            raise BadRequestError(400, f"the header {name.lower()[:60]} comes twice")
        headers[name.lower()] = value.strip()
    try:
        urlsplit(target)
    except ValueError:
        raise BadRequestError(400, "not a target") from None
    return HttpRequest(method, target, headers)


def response(status: int, body: bytes, headers: dict[str, str] | None = None, *, close: bool = False) -> bytes:
    """Return a response with a JSON body."""
    lines = [
        f"HTTP/1.1 {status} {_REASONS.get(status, 'Status')}",
        "Content-Type: application/json; charset=utf-8",
        f"Content-Length: {len(body)}",
        f"Connection: {'close' if close else 'keep-alive'}",
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def json_body(value: Any) -> bytes:
    """Return `value` as compact UTF-8 JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def error_body(name: str | int, message: str) -> bytes:
    """Return an error in the exchange's shape."""
    return json_body({"error": {"name": name, "message": message}})
