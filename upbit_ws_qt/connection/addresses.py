"""Which of a host's addresses is dialled: after a failed dial another one may answer."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import TYPE_CHECKING

from upbit_ws_qt.computer import Computer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["Addresses"]

# A machine that is repaired is to be used again; until then the others are enough.
FORGIVEN_AFTER = 300.0
_MOST_REMEMBERED = 64


async def _resolved(host: str, port: int) -> list[str]:
    """Return the addresses of a host as its resolver orders them; raises OSError where it has none."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


class Addresses:
    """The addresses of hosts, those that failed lately last.

    `api.upbit.com` has six, and which one comes first changes (protocol sheet, "Endpoints"). A resolver on the way may
    keep one order for minutes, though: then every dial would go to the one machine that does not answer.

    Args:
        resolve: host and port to addresses, in the order of preference; OSError where there is none.
        clock: seconds, growing; by default the computer's.
    """

    def __init__(
        self,
        resolve: Callable[[str, int], Awaitable[list[str]]] = _resolved,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._resolve = resolve
        self._clock = clock or Computer().monotonic
        self._failed_at: dict[str, float] = {}

    @property
    def avoided(self) -> int:
        """How many addresses failed lately and are dialled last."""
        return sum(map(self._is_avoided, list(self._failed_at)))

    async def of(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host in the order in which to try them, at least one; raises OSError for none."""
        if _is_address(host):
            return [host]
        found = list(dict.fromkeys(await self._resolve(host, port)))
        if not found:
            raise OSError("the host has no address")
        # Stable: what did not fail keeps the resolver's order, and of what did the oldest failure comes first.
        return sorted(found, key=lambda each: self._failed_at[each] if self._is_avoided(each) else float("-inf"))

    def failed(self, address: str) -> None:
        """Note that a dial to an address came to nothing."""
        self._failed_at.pop(address, None)
        self._failed_at[address] = self._clock()
        while len(self._failed_at) > _MOST_REMEMBERED:
            del self._failed_at[next(iter(self._failed_at))]

    def answered(self, address: str) -> None:
        """Note that an address is good."""
        self._failed_at.pop(address, None)

    def _is_avoided(self, address: str) -> bool:
        failed_at = self._failed_at.get(address)
        return failed_at is not None and self._clock() - failed_at < FORGIVEN_AFTER


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
