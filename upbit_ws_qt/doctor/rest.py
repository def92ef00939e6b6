"""Plain GET requests, with the headers of their answers."""

from __future__ import annotations

import asyncio
import http.client
import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RestAnswer", "get"]

_LARGEST = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class RestAnswer:
    """An answer: HTTP status, headers by lower-case name, and its JSON with exact numbers (None where it is none)."""

    status: int
    headers: Mapping[str, str]
    value: Any


async def get(base: str, path: str, query: Mapping[str, str], seconds: float) -> RestAnswer:
    """GET `path` of the address `base`.

    Args:
        base: "https://api.upbit.com", or "http://…" on this machine.
        path: with its slash.
        query: names and values, not yet quoted.
        seconds: until it is given up.

    Raises:
        OSError: where there was no answer (TimeoutError among them).
    """
    return await asyncio.to_thread(_get, base, path, query, seconds)


def _get(base: str, path: str, query: Mapping[str, str], seconds: float) -> RestAnswer:
    parts = urlsplit(base)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    asked = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
    connection = kind(parts.hostname or "", parts.port, timeout=seconds)
    try:
        connection.request("GET", f"{path}?{asked}" if asked else path, headers={"Accept": "application/json"})
        response = connection.getresponse()
        body = response.read(_LARGEST)
        headers = {name.lower(): value for name, value in response.getheaders()}
        status = response.status
    except http.client.HTTPException as error:
        raise OSError(f"{base}{path}: {type(error).__name__}") from error
    finally:
        connection.close()
    try:
        value = json.loads(body, parse_float=Decimal)
    except (ValueError, RecursionError):
        value = None
    return RestAnswer(status, headers, value)
