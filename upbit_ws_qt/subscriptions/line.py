"""What this room needs of a line; the room `connection` has one that fits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt.types import WebSocketType
    from upbit_ws_qt.wire import ServerError, ServerStatus, SubscriptionList

__all__ = ["LimiterLike", "LineLike", "UsageLike"]


class UsageLike(Protocol):
    """How much of a message budget is in use."""

    @property
    def minute_limit(self) -> int:
        """Messages that may be sent in a minute now."""

    @property
    def last_minute(self) -> int:
        """Messages of the last minute."""


class LimiterLike(Protocol):
    """The message budget of one line; the line itself tells it of TOO_MANY_REQUEST."""

    def delay(self, now: float, *, recovery: bool = False) -> float:
        """Return the seconds to wait before the next message."""

    def change_delay(self, now: float) -> float:
        """Return the seconds to wait before the next change of what is subscribed, so that the budget lasts."""

    def record(self, now: float) -> None:
        """Count a message that has been sent."""

    def usage(self, now: float) -> UsageLike:
        """Return the figures of this moment."""


class LineLike(Protocol):
    """One socket's life.

    Attributes:
        control: takes errors, status and subscription lists as they arrive.
        observer: takes every data frame as it arrives; None while nothing is being proved.
    """

    control: Callable[[ServerError | ServerStatus | SubscriptionList], None] | None
    observer: Callable[[bytes | str], None] | None

    @property
    def ws_type(self) -> WebSocketType:
        """The endpoint."""

    @property
    def is_open(self) -> bool:
        """Whether something can still be sent."""

    @property
    def limiter(self) -> LimiterLike:
        """The budget of this line."""

    async def send(self, data: bytes) -> None:
        """Send one message; ConnectionLostError when closed."""
