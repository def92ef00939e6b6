"""What all events have in common, and how the receiver fills in what the wire does not carry."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec.structs import force_setattr

from upbit_ws_qt.events.names import StreamType
from upbit_ws_qt.types import WebSocketType

__all__ = ["BaseWebSocketEvent", "Milliseconds", "stamp", "utc"]

# Up to the last millisecond a datetime can hold, so that the time properties cannot overflow.
Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799_999)]

_EPOCH_START = datetime(1970, 1, 1, tzinfo=UTC)


class BaseWebSocketEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One message of the exchange, immutable; fields are named as on the wire.

    The two meta fields cannot be set from the wire: their names there are ones the exchange never sends, and only
    their defaults would pass.

    Attributes:
        type: "ticker", "candle.1m", "myOrder", …
        code: the market, "KRW-BTC"; empty for myAsset and announcement, which have none.
        timestamp: of the exchange, ms since 1970 UTC. A snapshot's can be minutes old.
        stream_type: see StreamType; None in old captures.
        epoch: which life of the connection brought it; 0 until the receiver stamps it.
        received_at: loop clock in seconds; 0.0 until the receiver stamps it.
        websocket_type: the line that carries this type of event.
    """

    websocket_type: ClassVar[WebSocketType] = WebSocketType.PUBLIC

    type: str
    code: str = ""
    timestamp: Milliseconds
    stream_type: str | None = None
    epoch: Annotated[int, msgspec.Meta(ge=0, le=0)] = msgspec.field(default=0, name="@epoch")
    received_at: Annotated[float, msgspec.Meta(ge=0, le=0)] = msgspec.field(default=0.0, name="@received_at")

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by their names on the wire, in their order there; nested records as dicts too.

        Numbers stay exact (`Decimal`); the receiver's own fields (epoch, received_at) are not among them. For JSON:
        `json.dumps(event.to_dict(), default=str)`.
        """
        fields: dict[str, Any] = msgspec.to_builtins(self, builtin_types=(Decimal,))
        return {name: value for name, value in fields.items() if not name.startswith("@")}

    def __repr__(self) -> str:
        # What one looks for first: the market, and when. Most fields of most events are not there and say nothing.
        names = dict.fromkeys(("code", "timestamp", *self.__struct_fields__))
        known = [(name, value) for name in names if (value := getattr(self, name)) is not None]
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in known)})"

    @property
    def symbol(self) -> str:
        """The market; another name for `code`."""
        return self.code

    @property
    def is_snapshot(self) -> bool:
        """Whether this is the present state that follows a request, not news."""
        return self.stream_type == StreamType.SNAPSHOT

    @property
    def recovered(self) -> bool:
        """Whether the line did not bring this: it was missed, or is of the past, and was asked for by REST."""
        return self.stream_type == StreamType.RECOVERED

    @property
    def time(self) -> datetime:
        """`timestamp` as an aware datetime in UTC."""
        return utc(self.timestamp)


def utc(milliseconds: int) -> datetime:
    """Return ms since 1970 as an aware datetime in UTC, exact to the millisecond."""
    return _EPOCH_START + timedelta(milliseconds=milliseconds)


def stamp(event: BaseWebSocketEvent, epoch: int, received_at: float) -> None:
    """Fill in the meta fields of an event that nobody else holds yet; for the receiver only.

    Args:
        event: fresh from the decoder.
        epoch: of the connection the frame came from.
        received_at: loop clock in seconds.
    """
    force_setattr(event, "epoch", epoch)
    force_setattr(event, "received_at", received_at)
